"""A device that calls us is not shown as idle while its port does not open."""

import socket
import threading
from pathlib import Path

from clinic_records.clock import SystemClock
from sync.keys import RecipientPrivate
from vehicle_agent.listener import start_all
from vehicle_agent.services.called import LISTENER_DOWN, PORT_CLOSED, closed_ports, state_of, tell_closed
from vehicle_agent.services.line_port import LinePort
from vehicle_agent.settings import DeviceSettings
from vehicle_agent.store.folder import VehicleFolder
from vehicle_agent.store.inbox import Inbox
from vehicle_agent.visits.roster import IDLE, DeviceState, device_from


def test_a_taken_port_is_said_until_it_opens(tmp_path: Path) -> None:
    folder = VehicleFolder(tmp_path / "V01")
    folder.create()
    assert closed_ports(folder) == frozenset()
    stop, told = threading.Event(), threading.Semaphore(0)

    def tell(urls: list[str]) -> None:
        tell_closed(folder, urls)
        told.release()

    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"listen:127.0.0.1:{taken.getsockname()[1]}"
        lab = device_from(DeviceSettings(id="lab1", key="chemistry-hl7", url=url))
        other = device_from(DeviceSettings(id="us1", key="ultrasound-dicom", ae_title="US1"))
        inbox = Inbox(folder.inbox, RecipientPrivate.generate().public.raw)
        port = LinePort(url, [lab], inbox, SystemClock(), delivered=lambda: None)
        starting = threading.Thread(target=start_all, args=({url: port.start}, stop, tell))
        starting.start()
        assert told.acquire(timeout=60)
        closed = closed_ports(folder)
        assert [state_of(one, is_running=True, closed=closed) for one in (lab, other)] == [
            PORT_CLOSED,
            DeviceState(IDLE),
        ]
        assert state_of(lab, is_running=False, closed=closed) == LISTENER_DOWN
    starting.join(20)
    assert closed_ports(folder) == frozenset()
    assert state_of(lab, is_running=True, closed=closed_ports(folder)) == DeviceState(IDLE)
    port.stop()
