"""A card reader on a line of the agent: its card becomes an event, and nothing reaches the inbox."""

import socket
import threading
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from clinic_records.clock import SystemClock
from clinic_records.errors import BadFrame, ConfigError
from devices.framing.base import Frame
from devices.identity.resident_card import read_card
from devices.simulators.id_card_reader import RESIDENT, simulate
from devices.transports.tcp import TcpTransport
from vehicle_agent.services.serial_line import SerialLine
from vehicle_agent.settings import DeviceSettings
from vehicle_agent.store.inbox import Inbox
from vehicle_agent.visits.roster import Device, DeviceState, device_from


class NoInbox(Inbox):
    """Fails the test that reaches it."""

    def __init__(self) -> None:
        pass

    def deliver(self, meta: bytes, raw: bytes | Path) -> str:
        raise AssertionError("a card was written to the disk")


@pytest.mark.parametrize("key", ["id-card-reader", "barcode-scanner"])
def test_a_card_reader_may_not_call_the_port_whose_bytes_are_written_down(key: str) -> None:
    with pytest.raises(ConfigError, match="written down"):
        device_from(DeviceSettings(id="card1", key=key, url="listen:0.0.0.0:2575"))


@pytest.mark.parametrize("noise", [b"", b"\x07\x0b\r" * 5], ids=["clean", "noisy"])
def test_a_card_is_presented_and_never_delivered_or_logged(noise: bytes) -> None:
    presented: list[Frame | BadFrame] = []
    came, states = threading.Event(), []

    def present(device: Device, item: Frame | BadFrame) -> None:
        assert device.subject == "identity"
        presented.append(item)
        if isinstance(item, Frame):
            came.set()

    def report(device: Device, state: DeviceState) -> None:
        states.append(state.status)

    with socket.create_server(("127.0.0.1", 0)) as server, capture_logs() as logs:
        url = f"tcp:127.0.0.1:{server.getsockname()[1]}"
        device = device_from(DeviceSettings(id="card1", key="id-card-reader", url=url))
        line = SerialLine(
            device,
            NoInbox(),
            SystemClock(),
            report=report,
            delivered=pytest.fail,
            present=present,
        )
        line.start()
        ours, _ = server.accept()
        wire = TcpTransport(ours, "reader")
        if noise:
            wire.write(noise)
        stop = threading.Event()
        player = threading.Thread(target=simulate, args=(wire, stop))
        player.start()
        assert came.wait(20)
        stop.set()
        player.join(10)
        line.stop()
        wire.close()
    cards = [item for item in presented if isinstance(item, Frame)]
    assert [read_card(item.raw).number for item in cards] == [RESIDENT]
    assert b"".join(item.raw for item in presented if isinstance(item, BadFrame)) == noise
    assert RESIDENT not in str(logs)
    assert states[0] == "idle"
