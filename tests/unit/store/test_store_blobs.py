"""Blobs at rest: sealed, named by their content, checked when read."""

from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clinic_records.errors import NotFound, RefusedInput, StoreError
from clinic_records.ids import BlobHash
from tests.unit.store.conftest import Box

SEGMENT = 64 * 1024


def _files(box: Box) -> list[Path]:
    return [path for path in box.folder.blobs.rglob("*") if path.is_file()]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25)
@given(content=st.binary(max_size=200) | st.sampled_from([bytes(SEGMENT + delta) for delta in (-1, 0, 1)]))
def test_what_is_kept_is_read_back(box: Box, content: bytes) -> None:
    kept = box.store.blobs.keep(content)
    assert (kept.sha256, kept.size) == (sha256(content).hexdigest(), len(content))
    assert box.store.blobs.read(kept.sha256) == content


def test_equal_content_is_kept_once_and_survives_a_restart(box: Box, tmp_path: Path) -> None:
    source = tmp_path / "study.dcm"
    source.write_bytes(b"frames" * 50_000)
    kept = box.store.blobs.keep(source)
    before = _files(box)[0].read_bytes()
    assert box.store.blobs.keep(source.read_bytes()) == kept
    assert [path.read_bytes() for path in _files(box)] == [before]
    assert b"framesframes" not in before
    box.restart()
    assert box.store.blobs.read(kept.sha256) == source.read_bytes()


def test_many_threads_keeping_the_same_bytes_agree_on_key_and_file(box: Box) -> None:
    content = b"same" * 30_000
    with ThreadPoolExecutor(8) as pool:
        kept = set(pool.map(lambda _: box.store.blobs.keep(content).sha256, range(24)))
    assert len(kept) == len(_files(box)) == 1
    assert box.store.blobs.read(kept.pop()) == content


@pytest.mark.parametrize("where", [0, 70_000, -1])
def test_a_changed_file_is_refused(box: Box, where: int) -> None:
    kept = box.store.blobs.keep(b"x" * 100_000)
    (path,) = _files(box)
    content = bytearray(path.read_bytes())
    content[where] ^= 1
    path.write_bytes(content)
    with pytest.raises(StoreError, match="damaged"):
        box.store.blobs.read(kept.sha256)


def test_a_cut_file_and_another_blobs_file_are_refused(box: Box) -> None:
    kept, other = box.store.blobs.keep(b"a" * SEGMENT * 2), box.store.blobs.keep(b"b" * SEGMENT * 2)
    path, other_path = (Path(box.store.blobs.locate(each.sha256).path) for each in (kept, other))
    path.write_bytes(path.read_bytes()[: SEGMENT + 16])
    with pytest.raises(StoreError, match="damaged"):
        box.store.blobs.read(kept.sha256)
    path.write_bytes(other_path.read_bytes())
    with pytest.raises(StoreError, match="damaged"):
        box.store.blobs.read(kept.sha256)


def test_a_lost_file_is_named_and_heals_when_the_device_sends_again(box: Box) -> None:
    kept = box.store.blobs.keep(b"curve")
    _files(box)[0].unlink()
    with pytest.raises(NotFound, match="gone"):
        box.store.blobs.read(kept.sha256)
    assert box.store.blobs.keep(b"curve") == kept
    assert box.store.blobs.read(kept.sha256) == b"curve"


def test_unknown_and_impossible_names(box: Box) -> None:
    with pytest.raises(NotFound, match="not on this vehicle"):
        box.store.blobs.read(BlobHash("0" * 64))
    with pytest.raises(RefusedInput):
        box.store.blobs.read(BlobHash("../../keys/device.key"))


def test_leftovers_of_a_crash_are_swept(box: Box) -> None:
    (box.folder.blobs / "0123.tmp").write_bytes(b"half")
    box.restart()
    assert _files(box) == []
