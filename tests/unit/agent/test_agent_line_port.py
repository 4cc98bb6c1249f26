"""A port that laboratory devices call: answered when durable, told apart by address, deaf to strangers."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from clinic_records.clock import SystemClock
from clinic_records.errors import ConfigError, DeviceTimeout, DeviceUnavailable
from devices.delivery import Delivery
from devices.simulators.hl7_devices import simulate_chemistry
from devices.transports.open import open_transport
from devices.transports.tcp import TcpTransport
from sync.keys import RecipientPrivate
from vehicle_agent.services.line_port import LinePort, line_ports
from vehicle_agent.settings import DeviceSettings
from vehicle_agent.store.inbox import Inbox
from vehicle_agent.visits.roster import Device, device_from

PRIVATE = RecipientPrivate.generate()
URL = "listen:127.0.0.1:0"


def analyser(name: str, address: str = "", url: str = URL) -> Device:
    return device_from(DeviceSettings(id=name, key="chemistry-hl7", url=url, address=address))


class Lab:
    def __init__(self, folder: Path) -> None:
        self.folder = folder / "inbox"
        self.folder.mkdir()
        self.inbox = Inbox(self.folder, PRIVATE.public.raw)
        self.came = threading.Semaphore(0)
        self.ports: list[LinePort] = []

    def arrived(self) -> None:
        self.came.release()

    def open(self, *devices: Device) -> int:
        port = LinePort(URL, devices, self.inbox, SystemClock(), delivered=self.arrived)
        self.ports.append(port)
        return port.start()

    def deliveries(self) -> list[Delivery]:
        return [msgspec.json.decode(meta, type=Delivery) for _, meta in self.inbox.pending(PRIVATE)]


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    made = Lab(tmp_path)
    yield made
    for port in made.ports:
        port.stop()


def call(port: int, address: str = "127.0.0.1") -> TcpTransport:
    """A device at this address of loopback."""
    wire = socket.create_connection(("127.0.0.1", port), timeout=10, source_address=(address, 0))
    return TcpTransport(wire, address)


def test_a_result_is_durable_when_the_analyser_is_told_yes(lab: Lab) -> None:
    wire = open_transport(f"tcp:127.0.0.1:{lab.open(analyser('lab1'))}")
    try:
        simulate_chemistry(wire, threading.Event())  # it raises where it is not told yes
        assert [delivery.device for delivery in lab.deliveries()] == ["lab1"]
        assert lab.came.acquire(timeout=1)
    finally:
        wire.close()


def test_devices_at_one_port_are_told_apart_by_their_addresses(lab: Lab) -> None:
    port = lab.open(analyser("lab1", "127.0.0.1"), analyser("lab2", "127.0.0.2"))
    for address in ("127.0.0.2", "127.0.0.1"):
        wire = call(port, address)
        simulate_chemistry(wire, threading.Event())
        wire.close()
    assert [delivery.device for delivery in lab.deliveries()] == ["lab2", "lab1"]
    assert "127.0.0.2" in lab.deliveries()[0].peer
    stranger = call(port, "127.0.0.3")
    with pytest.raises(DeviceUnavailable):
        stranger.read(10)
    stranger.close()


def test_what_the_disk_refuses_is_never_told_yes(lab: Lab) -> None:
    port = lab.open(analyser("lab1"))
    lab.folder.rmdir()
    wire = call(port)
    with pytest.raises((DeviceUnavailable, DeviceTimeout)):
        simulate_chemistry(wire, threading.Event())
    wire.close()
    lab.folder.mkdir()
    wire = call(port)
    simulate_chemistry(wire, threading.Event())
    wire.close()
    assert len(lab.deliveries()) == 1


def test_half_a_message_before_the_cut_is_kept_with_its_reason(lab: Lab) -> None:
    wire = call(lab.open(analyser("lab1")))
    wire.write(b"\x0bMSH|^~\\&|half of it")
    wire.close()
    assert lab.came.acquire(timeout=60)
    (delivery,) = lab.deliveries()
    assert delivery.fault


def test_one_port_for_each_url_and_no_two_devices_at_one_address(lab: Lab) -> None:
    def ports(*devices: Device) -> list[LinePort]:
        return line_ports(devices, lab.inbox, SystemClock(), delivered=lambda: None)

    other = analyser("lab3", url="listen:127.0.0.1:2576")
    assert len(ports(analyser("lab1", "127.0.0.1"), analyser("lab2", "127.0.0.2"), other)) == 2
    with pytest.raises(ConfigError, match="own address"):
        ports(analyser("lab1"), analyser("lab2"))
