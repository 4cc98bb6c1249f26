"""A device on a line of the agent: whatever goes wrong with it is shown and tried again; a clock in doubt is said."""

import socket
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from clinic_records.clock import SystemClock
from devices.delivery import Delivery
from devices.driver import Driver
from devices.registry import make_driver
from devices.simulators.ecg_scp import scp_record
from sync.keys import RecipientPrivate
from vehicle_agent.services.serial_line import SerialLine
from vehicle_agent.settings import DeviceSettings
from vehicle_agent.store.inbox import Inbox
from vehicle_agent.visits.roster import FAULT, IDLE, Device, DeviceState, device_from

PRIVATE = RecipientPrivate.generate()
TOMORROW = datetime.now(UTC) + timedelta(days=1)


class Ecg:
    """A cart behind a TCP server, and the line that calls it."""

    def __init__(self, place: Path, server: socket.socket) -> None:
        (place / "inbox").mkdir()
        self.server = server
        self.inbox = Inbox(place / "inbox", PRIVATE.public.raw)
        self.states: list[str] = []
        self.came = threading.Event()
        url = f"tcp:127.0.0.1:{server.getsockname()[1]}"
        self.line = SerialLine(
            device_from(DeviceSettings(id="ecg1", key="ecg-scp", url=url)),
            self.inbox,
            SystemClock(TOMORROW),
            report=self._report,
            delivered=self.came.set,
            present=lambda *_: None,
        )

    def _report(self, _: Device, state: DeviceState) -> None:
        self.states.append(state.status)

    def send(self) -> Delivery:
        wire, _ = self.server.accept()
        with wire:
            wire.sendall(scp_record(patient_id="P1", name="张伟"))
            assert self.came.wait(20)
        ((_, meta),) = self.inbox.pending(PRIVATE)
        return msgspec.json.decode(meta, type=Delivery)


@pytest.fixture
def ecg(tmp_path: Path) -> Iterator[Ecg]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(20)
        made = Ecg(tmp_path, server)
        yield made
        made.line.stop()


def test_what_nobody_thought_of_is_shown_and_tried_again(ecg: Ecg, monkeypatch: pytest.MonkeyPatch) -> None:
    tries = iter((True, False))

    def fails_once(name: str, now: Callable[[], datetime]) -> Driver:
        if next(tries):
            raise ValueError("a driver's own mistake")
        return make_driver(name, now)

    monkeypatch.setattr("vehicle_agent.services.serial_line.make_driver", fails_once)
    ecg.line.start()
    assert not ecg.send().fault
    assert ecg.states[:2] == [FAULT, IDLE]


def test_a_clock_below_its_floor_is_said_with_the_reading(ecg: Ecg) -> None:
    ecg.line.start()
    stamp = ecg.send().stamp
    assert (stamp.vehicle_time, stamp.clock_doubtful) == (TOMORROW, True)
