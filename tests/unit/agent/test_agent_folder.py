"""A device's folder on a running vehicle: no name and no unreadable file stops the others, nothing comes twice."""

import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from structlog.testing import capture_logs

from clinic_records.clock import SystemClock
from clinic_records.errors import DeviceUnavailable
from devices import drop_folder
from devices.delivery import Delivery
from devices.drop_folder import DropFolder
from sync.keys import RecipientPrivate
from vehicle_agent.services import folder as service
from vehicle_agent.services.folder import FolderWatch
from vehicle_agent.settings import DeviceSettings
from vehicle_agent.store.inbox import Inbox
from vehicle_agent.visits.roster import FAULT, IDLE, NOT_CONNECTED, Device, DeviceState, device_from

PRIVATE = RecipientPrivate.generate()
WAIT_S = 20.0


class Stick:
    """A folder that is watched."""

    def __init__(self, place: Path) -> None:
        self.files = place / "stick"
        self.files.mkdir()
        (place / "inbox").mkdir()
        self.inbox = Inbox(place / "inbox", PRIVATE.public.raw)
        self.states: list[DeviceState] = []
        self._came = threading.Semaphore(0)
        self._looked = threading.Semaphore(0)
        url = f"{service.SCHEME}{self.files}"
        self.watch = FolderWatch(
            device_from(DeviceSettings(id="ecg1", key="ecg-contec90a", url=url)),
            self.inbox,
            SystemClock(),
            memory=place / "taken.json",
            report=self._report,
            delivered=self._came.release,
        )

    def _report(self, _: Device, state: DeviceState) -> None:
        self.states.append(state)
        self._looked.release()

    def wait_for(self, count: int) -> list[Delivery]:
        for _ in range(count):
            assert self._came.acquire(timeout=WAIT_S)
        return [msgspec.json.decode(meta, type=Delivery) for _, meta in self.inbox.pending(PRIVATE)]

    def wait_for_looks(self, count: int) -> None:
        while self._looked.acquire(blocking=False):
            pass
        for _ in range(count):
            assert self._looked.acquire(timeout=WAIT_S)


@pytest.fixture
def stick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stick]:
    monkeypatch.setattr(service, "SETTLED_S", 0.02)
    made = Stick(tmp_path)
    yield made
    made.watch.stop()


def test_a_name_in_another_charset_is_delivered_like_any_other(stick: Stick) -> None:
    name = "张三.dat".encode("gb18030")
    Path(os.fsdecode(os.fsencode(stick.files) + b"/" + name)).write_bytes(b"a curve")
    stick.watch.start()
    (delivery,) = stick.wait_for(1)
    assert "\\xd5\\xc5" in delivery.peer
    (stick.files / "next.dat").write_bytes(b"another")
    assert len(stick.wait_for(1)) == 2


def test_a_file_that_cannot_be_read_keeps_no_other_waiting(stick: Stick, monkeypatch: pytest.MonkeyPatch) -> None:
    read = DropFolder.read

    def bad_sector(folder: DropFolder, path: str) -> bytes:
        if path == "a.dat":
            raise DeviceUnavailable(f"{path}: Input/output error")
        return read(folder, path)

    monkeypatch.setattr(DropFolder, "read", bad_sector)
    for at, name in enumerate(("a.dat", "b.dat", "c.dat")):
        (stick.files / name).write_bytes(name.encode())
        os.utime(stick.files / name, (at, at))
    stick.watch.start()
    assert [delivery.peer.rpartition(":")[2] for delivery in stick.wait_for(2)] == ["b.dat", "c.dat"]
    stick.wait_for_looks(1)
    assert stick.states[-1].status == NOT_CONNECTED


def test_a_stick_that_gives_errors_is_said_and_looked_at_again(stick: Stick, monkeypatch: pytest.MonkeyPatch) -> None:
    is_dir = Path.is_dir

    def broken(path: Path) -> bool:
        if path == stick.files:
            raise OSError(5, "Input/output error")
        return is_dir(path)

    with monkeypatch.context() as context:
        context.setattr(Path, "is_dir", broken)
        stick.watch.start()
        stick.wait_for_looks(2)
        assert stick.states[-1].status == NOT_CONNECTED
    stick.wait_for_looks(2)
    assert stick.states[-1].status == IDLE


def test_whatever_goes_wrong_is_shown_and_tried_again(stick: Stick, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_: DropFolder) -> list[str]:
        raise ValueError("nobody thought of this")

    with monkeypatch.context() as context:
        context.setattr(DropFolder, "look", fails)
        stick.watch.start()
        stick.wait_for_looks(2)
        assert stick.states[-1].status == FAULT
    (stick.files / "a.dat").write_bytes(b"a")
    assert len(stick.wait_for(1)) == 1


def test_a_stick_that_comes_back_under_the_same_mount_point_brings_nothing_twice(stick: Stick, tmp_path: Path) -> None:
    """The mount point stays as an empty folder while the stick is away; a file without a time would bind anew."""
    (stick.files / "urine.txt").write_bytes(b"LEU neg")
    stick.watch.start()
    assert len(stick.wait_for(1)) == 1
    (stick.files / "urine.txt").rename(tmp_path / "urine.txt")
    stick.wait_for_looks(3)
    shutil.copy2(tmp_path / "urine.txt", stick.files / "urine.txt")
    stick.wait_for_looks(4)
    assert len(stick.inbox.waiting()) == 1


def test_no_log_says_whose_file_it_is(stick: Stick, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drop_folder, "LARGEST", 4)
    with capture_logs() as logs:
        (stick.files / "ZhangSan_19600101.dat").write_bytes(b"too large")
        stick.watch.start()
        (delivery,) = stick.wait_for(1)
        stick.wait_for_looks(1)
    assert delivery.fault
    assert "ZhangSan" in delivery.peer
    assert "ZhangSan" not in str(logs)
