"""The wire format, field by field: a change here breaks every hospital and every envelope already on a USB stick."""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from clinic_records.clock import Origin, from_ms
from clinic_records.ids import RecordId
from clinic_records.record import Kind, Lane, Record
from sync.frames import Frame, Have, Hello, Items, Part, decode, encode
from sync.keys import OriginKeys, RecipientPrivate
from sync.seal import WrappedKey, open_wire, seal

BOX = OriginKeys.from_bytes(bytes(range(32)))  # Ed25519 private key 00 01 .. 1f
HOSPITAL = RecipientPrivate.from_bytes(bytes(range(32, 64)))  # X25519 private key 20 21 .. 3f
CONTENT_KEY = bytes(range(64, 96))  # AES-256 key 40 41 .. 5f
CREATED_MS = 1772586123456  # 2026-03-04T01:02:03.456Z

# RFC 9180 base mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM; made once, its ephemeral key being random:
WRAPPED = bytes.fromhex(
    "582afffc94f95b6b59ea9da951a305049205db739ede7022fb54ccee833eaf1d"  # ephemeral public key
    "c6bd604d0e6d2a71fd9301ff717173c14fc27234bbb5a6b76275ea17f72e34e0"  # the content key, encrypted
    "ca65eb9ebbaac941fb7257dcd7ad71d9"  # tag
)
OUTER = bytes.fromhex(
    "8a"  # map of ten
    "a176 01"  # v: 1
    "a66f726967696e a3563031"  # origin: "V01"
    "ab696e6361726e6174696f6e 01"  # incarnation: 1
    "a3736571 07"  # seq: 7
    "a46c616e65 a27032"  # lane: "p2"
    "a66b65795f6964 b061303238393831303033326562343137"  # key_id: start of the public key's SHA-256
    "ab777261707065645f6b6579 c450"  # wrapped_key: 80 bytes
    + WRAPPED.hex()
    + "a9626f64795f73697a65 ccaa"  # body_size: 170
    "ab626f64795f736861323536 c420 b200cd177b707dc96e119d9c66f3dd1c61d7199c46a7189ccce02ad05d6dd858"  # body_sha256
    "aa637265617465645f6d73 cf0000019cb65dc0c0"  # created_ms
)
INNER = bytes.fromhex(
    "87"  # map of seven; fields at their default are left out
    "a46b696e64 a770617469656e74"  # kind: "patient"
    "a26964 a23031"  # id: "01"
    "a87265766973696f6e 01"  # revision: 1
    "a6736861323536 d940"  # sha256 of the payload, 64 hex digits
    "35383131393637663534306433303064323439616233306165363831333539613738313566646235643364633731613934626531643439313030366136623237"
    "a473697a65 0a"  # size: 10
    "a5636f646563 a3726177"  # codec: "raw"
    "ab7265636f726465645f6d73 cf0000019cb65dc0c0"  # recorded_ms
)
PAYLOAD = b'{"id":"1"}'
# Associated data and HPKE info: the name of the format, then msgpack of version, origin, incarnation, seq, lane,
# key id, body size and time.
CONTEXT = b"mobile-clinic/wire/v1\0" + bytes.fromhex(
    "98 01 a3563031 01 07 a27032 b061303238393831303033326562343137 ccaa cf0000019cb65dc0c0"
)
BODY = AESGCM(CONTENT_KEY).encrypt(
    bytes(3) + bytes(8) + b"\1",  # nonce: three zeros, segment 0, "this is the last"
    len(INNER).to_bytes(4, "big") + INNER + PAYLOAD,
    CONTEXT,
)
SIGNED = b"MCE1" + len(OUTER).to_bytes(4, "big") + OUTER
SIGNATURE = bytes.fromhex(
    "745935f0c64e4d5d833b2e0abf6c8b3d11de29f6a196f428dc823ff7e1494d47"
    "40416be429067479f6eb661ea4cb82e8244b7505b8df9ea15c1ff5645116da00"
)
RECORD = Record(
    id=RecordId("01"),
    revision=1,
    kind=Kind.PATIENT,
    lane=Lane.P2,
    payload=PAYLOAD,
    origin=Origin("V01", 1, 7),
    author=None,
    recorded_at=from_ms(CREATED_MS),
)


def test_a_sealed_record_is_these_bytes() -> None:
    wire = seal(
        RECORD,
        keys=BOX,
        recipient=HOSPITAL.public,
        created_ms=CREATED_MS,
        content_key=WrappedKey(CONTENT_KEY, WRAPPED),
    )
    assert wire.data == SIGNED + SIGNATURE + BODY


def test_the_signature_is_over_everything_before_the_body_and_names_its_domain() -> None:
    public = Ed25519PublicKey.from_public_bytes(BOX.public.raw)
    public.verify(SIGNATURE, b"mobile-clinic/wire/v1\0" + SIGNED)


def test_these_bytes_open() -> None:
    opened = open_wire(SIGNED + SIGNATURE + BODY, origin=BOX.public, recipients={HOSPITAL.key_id: HOSPITAL})
    assert opened.record() == RECORD


def test_frames_are_these_bytes() -> None:
    wire = "ab" * 32
    hash_hex = "d940" + wire.encode().hex()
    frames: dict[Frame, str] = {
        Items(Lane.P2, (b"\x01\x02",)): "93 a56974656d73 a27032 91 c4020102",  # ["items", lane, [data]]
        Part(
            wire, 9, Lane.P4, 4, b"\x03"
        ): f"96 a470617274 {hash_hex} 09 a27034 04 c40103",  # .. size, lane, offset, data
        Have(wire, ((0, 4), (5, 9)), 40): f"94 a468617665 {hash_hex} 92 920004 920509 28",  # .. ranges, held_ms
    }
    for frame, expected in frames.items():
        assert encode(frame) == bytes.fromhex(expected)
        assert decode(bytes.fromhex(expected)) == frame


def test_the_credit_of_an_earlier_program_is_read() -> None:
    data = bytes.fromhex("93 a468617665 d940" + (b"ab" * 32).hex() + "92 920004 920509")
    assert decode(data) == Have("ab" * 32, ((0, 4), (5, 9)))


def test_a_later_program_may_add_fields_at_the_end_of_a_frame() -> None:
    assert decode(bytes.fromhex("94 a56974656d73 a27032 91 c4020102 a3666565")) == Items(Lane.P2, (b"\x01\x02",))
    assert Hello.__struct_fields__[:3] == ("vehicle", "session", "nonce")
