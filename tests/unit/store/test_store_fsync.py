"""Law 1: before anybody is told yes, the bytes, then the name, then the folder are on the disk, in this order.

A test cannot cut the power, so the calls themselves are written down: what is fsynced, and what is renamed.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clinic_records.record import Kind, Lane
from sync.durable import append_line, move_file, write_part
from sync.durable import write_file as write_shared
from sync.keys import RecipientPrivate
from tests.unit.store.conftest import Box
from vehicle_agent.store.durable import write_file
from vehicle_agent.store.inbox import Inbox
from vehicle_agent.store.outgoing import INLINE_LIMIT, Spooled
from vehicle_agent.store.seal_job import seal_blob
from vehicle_agent.store.sealer import AT_COMMIT

Calls = list[tuple[str, str]]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    """("fsync", path) and ("name", new path), in order; the real calls are made."""
    written: Calls = []
    real_fsync = os.fsync

    def fsync(handle: int) -> None:
        real_fsync(handle)
        written.append(("fsync", str(Path(f"/proc/self/fd/{handle}").readlink())))

    def naming(real: Callable[..., None]) -> Callable[..., None]:
        def call(source: Any, target: Any, **more: Any) -> None:
            real(source, target, **more)
            written.append(("name", str(target)))

        return call

    monkeypatch.setattr(os, "fsync", fsync)
    for name in ("rename", "replace", "link"):
        monkeypatch.setattr(os, name, naming(getattr(os, name)))
    return written


def assert_durable(calls: Calls, final: Path) -> None:
    """The bytes were synced under their first name, then named, then the folder was synced."""
    named = calls.index(("name", str(final)))
    before = [path for what, path in calls[:named] if what == "fsync"]
    assert any(not Path(path).is_dir() for path in before), calls
    assert ("fsync", str(final.parent)) in calls[named:], calls


def test_a_delivery(calls: Calls, tmp_path: Path) -> None:
    inbox = Inbox(tmp_path, RecipientPrivate.generate().public.raw)
    calls.clear()
    ticket = inbox.deliver(b"meta", b"raw")
    assert_durable(calls, inbox.sealed(ticket))


def test_a_blob_and_its_folder_before_its_row(box: Box, calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    submit = box.store.blobs._submit

    def noted(job: Any) -> Any:
        calls.append(("row", ""))
        return submit(job)

    monkeypatch.setattr(box.store.blobs, "_submit", noted)
    kept = box.store.blobs.keep(b"curve")
    final = Path(box.store.blobs.locate(kept.sha256).path)
    until_row = calls[: calls.index(("row", ""))]
    assert_durable(until_row, final)
    assert ("fsync", str(final.parent.parent)) in until_row, "the new folder's own name"


def test_a_large_envelope_before_its_row(box: Box, calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    database = box.spool.up._database
    write = database.write

    def noted() -> Any:
        calls.append(("row", ""))
        return write()

    monkeypatch.setattr(database, "write", noted)
    data = bytes(INLINE_LIMIT + 1)
    box.spool.up.add([Spooled(1, 1, Lane.P3, "a" * 64, len(data), data=data)])
    assert_durable(calls[: calls.index(("row", ""))], box.spool.up.wire_folder / ("a" * 64))


def test_a_sealed_study_before_its_row(box: Box, calls: Calls) -> None:
    kept = box.store.blobs.keep(os.urandom(AT_COMMIT + 1))
    sealer = box.sealer()
    box.put("r1", kind=Kind.RECORDING, blobs=(kept.sha256,))
    (job,) = sealer.jobs()
    calls.clear()
    sealed = seal_blob(job)
    sealer.finish(job, sealed)
    assert_durable(calls, box.spool.up.wire_folder / sealed.wire_sha256)


@pytest.mark.parametrize("write", [write_file, write_shared])
def test_a_replaced_file(calls: Calls, tmp_path: Path, write: Callable[[Path, bytes], None]) -> None:
    write(tmp_path / "slots.json", b"{}")
    assert_durable(calls, tmp_path / "slots.json")


def test_a_part_of_a_wire_file(calls: Calls, tmp_path: Path) -> None:
    path = tmp_path / "part"
    write_part(path, 0, b"abc")
    assert calls == [("fsync", str(path)), ("fsync", str(tmp_path))]
    write_part(path, 3, b"def")
    assert calls[2:] == [("fsync", str(path))]
    assert path.read_bytes() == b"abcdef"


def test_a_line_of_the_epoch_log_and_a_moved_blob(calls: Calls, tmp_path: Path) -> None:
    log = tmp_path / "epoch.log"
    append_line(log, b"one")
    append_line(log, b"two")
    assert calls == [("fsync", str(log)), ("fsync", str(tmp_path)), ("fsync", str(log))]
    move_file(log, tmp_path / "moved")
    assert calls[3:] == [("name", str(tmp_path / "moved")), ("fsync", str(tmp_path))]
