"""The format of bundles: what was written is read back; no bytes harm a reader or come out as something else."""

import tempfile
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clinic_records.errors import PeerRefused
from clinic_records.record import Lane
from sync import bundle
from sync.bundle import BundleWriter, Piece, VolumeReader, giver, sign_receipts, verify_receipts
from sync.frames import MAX_RECEIPTS
from sync.keys import OriginKeys
from sync.ports import Receipt, Verdict
from tests.unit.store.conftest import NOW

KEYS = OriginKeys.generate()
contents = st.lists(st.binary(min_size=1, max_size=3000), max_size=6)


def receipts(count: int) -> list[Receipt]:
    return [Receipt(f"{number:064x}", Verdict.APPLIED, "e1", number, NOW) for number in range(1, count + 1)]


def write(folder: Path, files: list[bytes], volume_limit: int = 2000) -> list[Path]:
    with BundleWriter(folder, "V01", 0, "x", volume_limit) as out:
        for statement in sign_receipts("V01", "H01", "e1", receipts(3), KEYS):
            assert out.statement(statement)
        for data in files:
            name = sha256(data).hexdigest()
            read = lambda at, size, data=data: data[at : at + size]  # noqa: E731
            assert out.envelope(name, len(data), Lane.P2, origin="V01", to="", read=read)
    return out.volumes


def pieces(path: Path) -> list[tuple[Piece, bytes]]:
    return [(entry, data) for entry, data in VolumeReader(path).entries() if isinstance(entry, Piece)]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files=contents, size=st.integers(1, 700))
def test_what_is_written_is_read_back_whatever_the_sizes(
    files: list[bytes], size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundle, "PIECE", size)
    with tempfile.TemporaryDirectory() as folder:
        volumes = write(Path(folder), files)
        found: dict[str, bytearray] = {}
        for path in volumes:
            for piece, data in pieces(path):
                whole = found.setdefault(piece.wire_sha256, bytearray(piece.size))
                whole[piece.offset : piece.offset + piece.length] = data
        readers = [VolumeReader(path) for path in volumes]
        for reader in readers:
            list(reader.entries())
        assert all(reader.is_whole for reader in readers)
        assert [reader.is_last for reader in readers] == [False] * (len(readers) - 1) + [True]
    assert {name: bytes(data) for name, data in found.items()} == {sha256(each).hexdigest(): each for each in files}


@settings(max_examples=40, deadline=None)
@given(files=contents, at=st.floats(0, 1), flip=st.integers(0, 255), cut=st.booleans())
def test_a_changed_or_cut_volume_never_gives_wrong_bytes(
    files: list[bytes], at: float, flip: int, *, cut: bool
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for path in write(Path(folder), files):
            data = bytearray(path.read_bytes())
            place = min(int(at * len(data)), len(data) - 1)
            if cut:
                del data[place:]
            else:
                data[place] ^= flip
            path.write_bytes(data)
            for piece, got in pieces(path):
                assert sha256(got).hexdigest() == piece.sha256
                assert len(got) == piece.length
                assert piece.offset + piece.length <= piece.size


@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=400), is_ours=st.booleans())
def test_no_bytes_harm_a_reader(data: bytes, *, is_ours: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.mcb"
        path.write_bytes(bundle.MAGIC + data if is_ours else data)
        reader = VolumeReader(path)
        assert list(reader.entries()) == []
        assert not reader.is_last


def test_many_receipts_are_several_statements_and_each_is_signed() -> None:
    statements = sign_receipts("H01", "V01", "e1", receipts(MAX_RECEIPTS + 1), KEYS)
    said = [verify_receipts(statement, KEYS.public) for statement in statements]
    assert [len(each.receipts) for each in said] == [MAX_RECEIPTS, 1]
    assert {giver(statement) for statement in statements} == {("H01", "V01")}
    with pytest.raises(PeerRefused):
        verify_receipts(statements[0], OriginKeys.generate().public)
