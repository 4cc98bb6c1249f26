"""A delivery that comes piece by piece: sealed from its first byte, here when it is kept, gone when it is not."""

import os
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clinic_records.errors import RefusedInput, StoreError
from sync.keys import RecipientPrivate
from sync.stream import SEGMENT
from vehicle_agent.store.arrival import ARRIVING, META_LIMIT
from vehicle_agent.store.durable import FolderSync
from vehicle_agent.store.inbox import Inbox

PRIVATE = RecipientPrivate.generate()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "inbox"
    made.mkdir()
    return made


@pytest.fixture
def inbox(folder: Path) -> Inbox:
    return Inbox(folder, PRIVATE.public.raw)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(
    pieces=st.lists(
        st.binary(max_size=300) | st.sampled_from([bytes(SEGMENT), bytes(SEGMENT - 1), b"x" * (2 * SEGMENT + 1)]),
        max_size=8,
    )
)
def test_pieces_come_back_as_one(inbox: Inbox, pieces: list[bytes]) -> None:
    arrival = inbox.begin()
    for piece in pieces:
        buffer = bytearray(piece)
        arrival.write(memoryview(buffer))
        buffer[:] = b"#" * len(buffer)  # the caller reads the next bytes into the same buffer
    ticket = arrival.keep(b"meta")
    arrival.drop()
    assert inbox.read(ticket, PRIVATE) == (b"meta", b"".join(pieces))
    assert inbox.pending(PRIVATE)[-1] == (ticket, b"meta")


def test_nothing_is_here_before_it_is_kept_and_nothing_is_left_when_it_is_dropped(inbox: Inbox, folder: Path) -> None:
    canary = b"a name nobody may read" * 10_000
    arrival = inbox.begin()
    arrival.write(canary)
    (half,) = folder.iterdir()
    assert half.name.endswith(ARRIVING)
    assert half.stat().st_mode & 0o077 == 0
    assert half.stat().st_size > 2 * SEGMENT
    assert canary[:22] not in half.read_bytes()
    assert inbox.waiting() == []
    arrival.drop()
    arrival.drop()
    assert list(folder.iterdir()) == []


def test_what_a_dead_process_left_is_swept_and_what_others_write_is_not(inbox: Inbox, folder: Path) -> None:
    inbox.begin().write(b"half of it")
    (folder / "other.tmp").write_bytes(b"another process is busy")
    assert Inbox(folder, PRIVATE.public.raw).sweep_arriving() == 1
    assert [path.name for path in folder.iterdir()] == ["other.tmp"]
    inbox.begin().write(b"half of it")
    assert inbox.sweep() == 2


def test_a_delivery_whose_meta_is_too_long_can_be_dropped(inbox: Inbox, folder: Path) -> None:
    arrival = inbox.begin()
    with pytest.raises(RefusedInput, match="meta of"):
        arrival.keep(bytes(META_LIMIT + 1))
    arrival.drop()
    assert list(folder.iterdir()) == []
    assert inbox.read(inbox.deliver(bytes(META_LIMIT), b"x"), PRIVATE)[0] == bytes(META_LIMIT)


def test_a_disk_that_refuses_is_said(inbox: Inbox, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arrival = inbox.begin()

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(StoreError, match="No space left"):
        arrival.write(bytes(3 * SEGMENT))
    with pytest.raises(StoreError, match="No space left"):
        inbox.begin()
    arrival.drop()
    monkeypatch.undo()
    assert list(folder.iterdir()) == []
    arrival = inbox.begin()
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match="No space left"):
        arrival.keep(b"meta")
    arrival.drop()
    assert list(folder.iterdir()) == []
    folder.rmdir()
    with pytest.raises(StoreError):
        inbox.begin()


@pytest.mark.parametrize("cut", [1, 4, 5, 200, SEGMENT])
def test_a_file_that_lost_its_end_does_not_open(inbox: Inbox, folder: Path, cut: int) -> None:
    arrival = inbox.begin()
    arrival.write(bytes(2 * SEGMENT))
    path = inbox.sealed(arrival.keep(b"meta"))
    path.write_bytes(path.read_bytes()[:-cut])
    assert inbox.pending(PRIVATE) == []
    assert len(inbox.damaged()) == 1


def test_meta_of_another_delivery_is_not_taken(inbox: Inbox) -> None:
    first, second = (inbox.sealed(inbox.deliver(meta, b"raw")) for meta in (b"meta of one", b"meta of two"))
    size = len(b"meta of one") + 16 + 4
    first.write_bytes(first.read_bytes()[:-size] + second.read_bytes()[-size:])
    with pytest.raises(RefusedInput):
        inbox.read(first.stem, PRIVATE)


def test_threads_that_sync_together_are_each_covered(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[set[str]] = []
    real = os.fsync

    def fsync(handle: int) -> None:
        seen = {path.name for path in folder.iterdir()}
        real(handle)
        synced.append(seen)

    monkeypatch.setattr(os, "fsync", fsync)
    names = FolderSync(folder)
    missing: list[str] = []

    def write(name: str) -> None:
        (folder / name).touch()
        names.sync()
        if not any(name in seen for seen in synced):
            missing.append(name)

    threads = [threading.Thread(target=write, args=(f"{number}",)) for number in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert missing == []
    assert 1 <= len(synced) <= 40
