import hashlib
import os
import random
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clinic_records.clock import Origin
from clinic_records.errors import BadFrame, ClinicError, PeerRefused, RefusedInput
from clinic_records.ids import BlobHash, RecordId
from clinic_records.people import Author, Role
from clinic_records.record import Kind, Lane, Record
from sync.coding.choose import Terms
from sync.coding.sources import PayloadSource
from sync.envelope import Codec
from sync.keys import Domain, OriginKeys, RecipientPrivate
from sync.seal import MAX_IN_MEMORY, Opened, Sealed, open_wire, peek, seal, wire_hash

BOX = OriginKeys.from_bytes(bytes(range(32)))
HOSPITAL = RecipientPrivate.from_bytes(bytes(range(32, 64)))
AT = datetime(2026, 3, 4, 1, 2, 3, 456000, UTC)


def record(payload: bytes = b'{"name":"\xe5\xbc\xa0"}', *, seq: int = 17) -> Record:
    return Record(
        id=RecordId("0195-r"),
        revision=2,
        kind=Kind.PATIENT,
        lane=Lane.P2,
        payload=payload,
        origin=Origin("V01", 3, seq),
        author=Author("n001", "张护士", Role.NURSE),
        recorded_at=AT,
        prev_hash="ab" * 32,
        blobs=(BlobHash("cd" * 32),),
    )


def blob(sha256: str) -> Record:
    return Record(
        id=RecordId(sha256),
        revision=1,
        kind=Kind.BLOB,
        lane=Lane.P4,
        payload=b"",
        origin=Origin("V01", 3, 17),
        author=Author("n001", "张护士", Role.NURSE),
        recorded_at=AT,
    )


def sealed(
    rec: Record,
    source: PayloadSource | None = None,
    *,
    dst: Path | None = None,
    codecs: tuple[Codec, ...] = (Codec.ZSTD, Codec.RAW),
) -> Sealed:
    return seal(rec, source, keys=BOX, recipient=HOSPITAL.public, created_ms=1000, dst=dst, terms=Terms(codecs))


def data_of(wire: Sealed) -> bytes:
    """Of a wire file that was made in memory."""
    assert wire.data is not None
    return wire.data


def opened(wire: bytes | Path, *, dst: Path | None = None, max_size: int = MAX_IN_MEMORY) -> Opened:
    return open_wire(wire, origin=BOX.public, recipients={HOSPITAL.key_id: HOSPITAL}, dst=dst, max_size=max_size)


@given(st.binary(max_size=5000))
def test_a_record_comes_back_as_it_was(payload: bytes) -> None:
    wire = sealed(record(payload))
    data = data_of(wire)
    assert wire.size == len(data)
    assert wire.wire_sha256 == hashlib.sha256(data).hexdigest()
    assert opened(data).record() == record(payload)


@pytest.mark.parametrize("is_random", [True, False])
def test_a_blob_streams_through_files_and_takes_the_smaller_codec(tmp_path: Path, *, is_random: bool) -> None:
    content = random.Random(1).randbytes(700_001) if is_random else b"pixel" * 140_000
    (tmp_path / "blob").write_bytes(content)
    sha256 = hashlib.sha256(content).hexdigest()
    wire = sealed(blob(sha256), tmp_path / "blob", dst=tmp_path / "wire")
    assert wire.path == tmp_path / "wire"
    assert wire.path.stat().st_size == wire.size
    assert wire.wire_sha256 == wire_hash(wire.path)
    out = opened(wire.path, dst=tmp_path / "out")
    assert out.payload is None
    assert out.path is not None
    assert out.path.read_bytes() == content
    assert out.header.codec == (Codec.RAW if is_random else Codec.ZSTD)
    assert out.header.id == out.header.sha256 == sha256
    assert is_random or wire.size < 10_000


def test_only_the_codecs_the_peer_knows_are_used() -> None:
    wire = sealed(record(b"a" * 9000), codecs=(Codec.RAW,))
    assert opened(data_of(wire)).header.codec == Codec.RAW


def test_the_outer_header_tells_a_carrier_nothing_of_the_content() -> None:
    data = data_of(sealed(record(b"secret" * 100)))
    front = data[: peek(data).size]
    for hidden in (b"secret", b"0195-r", b"n001", record(b"secret" * 100).sha256.encode(), b"patient"):
        assert hidden not in front
    assert bytes.fromhex(record(b"secret" * 100).sha256) not in front


def test_a_blob_whose_bytes_are_damaged_is_not_sealed(tmp_path: Path) -> None:
    with pytest.raises(RefusedInput, match="damaged"):
        sealed(blob("00" * 32), b"other bytes")


@settings(max_examples=300)
@given(at=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_no_changed_bit_opens(at: int, bit: int) -> None:
    data = bytearray(GIVEN)
    data[at % len(data)] ^= 1 << bit
    with pytest.raises((BadFrame, PeerRefused, RefusedInput)):
        opened(bytes(data))


GIVEN = data_of(sealed(record(b"payload" * 40)))


@given(st.integers(0, len(GIVEN) - 1))
def test_no_cut_opens(size: int) -> None:
    with pytest.raises((BadFrame, PeerRefused)):
        opened(GIVEN[:size])


@given(st.binary(max_size=400))
def test_no_bytes_crash_the_opener(tail: bytes) -> None:
    for data in (tail, b"MCE1" + tail, GIVEN[:8] + tail, GIVEN + tail + b"x"):
        with pytest.raises(ClinicError):
            opened(data)


def test_another_signer_is_refused_before_anything_is_opened() -> None:
    with pytest.raises(PeerRefused):
        open_wire(GIVEN, origin=OriginKeys.generate().public, recipients={})


def test_a_key_that_is_not_here_means_hold_not_damage() -> None:
    with pytest.raises(RefusedInput, match="find that key") as caught:
        open_wire(GIVEN, origin=BOX.public, recipients={})
    assert not isinstance(caught.value, BadFrame)


def test_a_later_version_means_hold_not_damage() -> None:
    at = GIVEN.index(b"\xa1v\x01")
    later = GIVEN[:at] + b"\xa1v\x02" + GIVEN[at + 3 :]
    with pytest.raises(RefusedInput, match="version 2") as caught:
        opened(later)
    assert not isinstance(caught.value, BadFrame)


def test_the_body_of_one_envelope_does_not_fit_another() -> None:
    one, other = GIVEN, data_of(sealed(record(b"payload" * 40, seq=18)))
    cut = peek(one).size
    with pytest.raises(BadFrame):
        opened(one[:cut] + other[peek(other).size :])


def test_a_payload_larger_than_allowed_is_refused_and_leaves_no_file(tmp_path: Path) -> None:
    wire = data_of(sealed(record(b"a" * 100_000)))
    with pytest.raises(RefusedInput, match="100000 bytes"):
        opened(wire, max_size=99_999, dst=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_signature_for_one_purpose_is_not_valid_for_another() -> None:
    BOX.public.verify(Domain.WIRE, b"m", BOX.sign(Domain.WIRE, b"m"))
    with pytest.raises(PeerRefused):
        BOX.public.verify(Domain.SESSION, b"m", BOX.sign(Domain.WIRE, b"m"))


def test_keys_survive_being_written_down() -> None:
    assert OriginKeys.from_bytes(BOX.to_bytes()).public == BOX.public
    again = RecipientPrivate.from_bytes(HOSPITAL.to_bytes())
    secret = os.urandom(32)
    assert again.unwrap(HOSPITAL.public.wrap(secret, b"i"), b"i") == secret
    with pytest.raises(BadFrame):
        again.unwrap(HOSPITAL.public.wrap(secret, b"i"), b"j")
