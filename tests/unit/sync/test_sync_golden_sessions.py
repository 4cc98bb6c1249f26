"""The session's messages, field by field, as each protocol version says them: no release may ever change a line."""

from datetime import UTC, datetime

import msgspec
import pytest

from sync.frames import Challenge, Frame, Greet, Hello, KeyNews, Receipts, SessionMessage, Welcome, decode, encode, sign
from sync.keys import Domain, OriginKeys, OriginPublic, RecipientPrivate
from sync.ports import Receipt, Verdict
from sync.statements import KeyChain, KeyStatement, state_keys

FORMER = OriginKeys.from_bytes(bytes(range(32)))  # Ed25519 private key 00 01 .. 1f
FRESH = OriginKeys.from_bytes(bytes(range(32, 64)))  # Ed25519 private key 20 21 .. 3f
BOX = RecipientPrivate.from_bytes(bytes(range(64, 96))).public  # X25519 private key 40 41 .. 5f
AT_MS = 1772586123456  # 2026-03-04T01:02:03.456Z

HELLO = (
    "a568656c6c6f a3563031 a435653535 a0"  # "hello", vehicle "V01", session "5e55", nonce ""
    "01 a4342e6161 a26531 07"  # incarnation, token "4.aa", epoch "e1", highest receipt
    "cf0000019cb65dc0c0"  # sent_ms
    "01 03"  # proto_min, proto_max
    "91a770617469656e74 91a3726177 90"  # kinds ["patient"], codecs ["raw"], dict_ids []
)
HELLO_2 = "01"  # the hospital's key number known
HELLO_3 = "a26262 09"  # rejoin "bb", last_seq
WELCOME = (
    "a777656c636f6d65 a3563031 a435653535 a24831"  # "welcome", vehicle, session, hospital "H1"
    "a26f6b a26531 a4352e6262 01 07"  # verdict "ok", epoch, next token "5.bb", incarnation, highest receipt
    "cf0000019cb65dc0c0 ce00100000 03"  # time_ms, window_bytes, proto
    "91a770617469656e74 91a3726177 91a26431"  # kinds, codecs, dict_ids ["d1"]
)
WELCOME_2 = "28"  # keep_days: 40
RECEIPTS = (
    "a87265636569707473 a3563031 a435653535 a26531 91"  # "receipts", vehicle, session, epoch, one of them:
    "89"  # map of nine; id, revision, sha256 and reason are left out where they are empty
    "ab776972655f736861323536 d940" + "6162" * 32 + "a776657264696374 a468656c64"  # verdict: "held"
    "a565706f6368 a26531 ab726563656970745f736571 09"  # epoch, receipt_seq
    "a26174 d6ff69a7848b"  # at: msgpack timestamp, seconds since 1970
    "a26964 a23031 a87265766973696f6e 02"  # id "01", revision
    "a6736861323536 d940" + "6364" * 32 + "a6726561736f6e a776657273696f6e"  # reason: "version"
)
RECEIPTS_2 = "28"  # held_ms: 40
STATEMENT = (
    "93"  # the statement, the former key's signature over it, its own
    "c452 95 a24831 02"  # 82 bytes: holder "H1", number 2
    "c420 29acbae141bccaf0b22e1a94d34d0bc7361e526d0bfe12c89794bc9322966dd7"  # Ed25519 public key
    "c420 79a631eede1bf9c98f12032cdeadd0e7a079398fc786b88cc846ec89af85a51a"  # X25519 public key
    "cf0000019cb65dc0c0"  # made_ms
    "c440 6213bb27cd2364fc5269012836d9bce50d86a45e89c9542dc25ca06bb7471bc9"
    "67abc5cdd794c54fc3744ff04e52f2c923277c2899ca1a28173c11ab85d31008"
    "c440 b1480450cf15ba3de2150ba969b2b98607a21fdd6e37c0626fb389d77374bcf6"
    "fa5b791f9d41fd6e92d59cdb6b20c197ab219c476959e18d16be0b2b97e53704"
)


def array(count: int, *parts: str) -> bytes:
    head = f"{0x90 + count:02x}" if count < 16 else f"dc{count:04x}"
    return bytes.fromhex(head + "".join(parts))


SAID = Hello("V01", "5e55", "", 1, "4.aa", "e1", 7, AT_MS, 1, 3, ("patient",), ("raw",), ())
ANSWER = Welcome(
    "V01", "5e55", "H1", "ok", "e1", "5.bb", 1, 7, AT_MS, 2**20, 3, ("patient",), ("raw",), ("d1",)
)  # fmt: skip
RECEIPT = Receipt(
    "ab" * 32, Verdict.HELD, "e1", 9, datetime(2026, 3, 4, 1, 2, 3, tzinfo=UTC), "01", 2, "cd" * 32, "version"
)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (array(14, HELLO), SAID),
        (array(15, HELLO, HELLO_2), SAID),
        (array(17, HELLO, HELLO_2, HELLO_3), msgspec.structs.replace(SAID, rejoin="bb", last_seq=9)),
        (array(15, WELCOME), ANSWER),
        (array(16, WELCOME, WELCOME_2), msgspec.structs.replace(ANSWER, keep_days=40)),
        (array(18, HELLO, HELLO_2, HELLO_3, "a36e6577"), msgspec.structs.replace(SAID, rejoin="bb", last_seq=9)),
        (array(17, WELCOME, WELCOME_2, "81a16101"), msgspec.structs.replace(ANSWER, keep_days=40)),
        (array(5, RECEIPTS), Receipts("V01", "5e55", "e1", (RECEIPT,))),
        (array(6, RECEIPTS, RECEIPTS_2), Receipts("V01", "5e55", "e1", (RECEIPT,), 40)),
        (array(7, RECEIPTS, RECEIPTS_2, "a36e6577"), Receipts("V01", "5e55", "e1", (RECEIPT,), 40)),
    ],
    ids=[
        *("hello 1", "hello 2", "hello 3", "welcome 1", "welcome 2", "hello 4", "welcome 4"),
        *("receipts 1", "receipts 2", "receipts 3"),
    ],
)
def test_every_versions_message_is_read(data: bytes, expected: SessionMessage) -> None:
    assert msgspec.msgpack.decode(data, type=SessionMessage) == expected


def test_this_version_says_these_bytes() -> None:
    said = msgspec.structs.replace(SAID, rejoin="bb", last_seq=9)
    assert sign(said, FORMER).body == array(17, HELLO, HELLO_2, HELLO_3)
    assert sign(msgspec.structs.replace(ANSWER, keep_days=40), FORMER).body == array(16, WELCOME, WELCOME_2)
    assert sign(Receipts("V01", "5e55", "e1", (RECEIPT,), 40), FORMER).body == array(6, RECEIPTS, RECEIPTS_2)


def test_a_message_is_signed_for_its_domain() -> None:
    signed = sign(Receipts("V01", "5e55", "e1", ()), FORMER)
    signature = (
        "6b8843d2ecf66537526a9d3967aaadbf8850fcf8ff56ef69205275f512bd97d3"
        "abd16af62bc35c6bad20be189cb00acba4b219507d2ee7d2ca31ab85ba78920b"
    )
    assert signed.signature == bytes.fromhex(signature)
    body = "96 a87265636569707473 a3563031 a435653535 a26531 90 00"
    assert encode(signed) == bytes.fromhex(f"93 a67369676e6564 c418 {body} c440 {signature}")


def test_a_statement_is_these_bytes() -> None:
    said = KeyStatement("H1", 2, FRESH.public.raw, BOX.raw, AT_MS)
    data = state_keys(said, former=FORMER, fresh=FRESH)
    assert data == bytes.fromhex(STATEMENT)
    chain = KeyChain("H1", 1, (FORMER.public,)).extended([data])
    assert (chain.number, chain.newest, chain.boxes) == (2, FRESH.public, (BOX,))
    OriginPublic(FORMER.public.raw).verify(Domain.KEYS, data[3:85], data[87:151])


def test_the_small_frames_are_these_bytes() -> None:
    frames: dict[Frame, str] = {
        Challenge("5e55", "aa"): "93 a96368616c6c656e6765 a435653535 a26161",  # ["challenge", session, nonce]
        KeyNews((b"\x01\x02",)): "92 a46b657973 91 c4020102",  # ["keys", [statement]]
        Greet(): "91 a56772656574",  # ["greet"]
    }
    for frame, expected in frames.items():
        assert encode(frame) == bytes.fromhex(expected)
        assert decode(bytes.fromhex(expected)) == frame
