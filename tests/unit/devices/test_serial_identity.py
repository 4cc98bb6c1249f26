"""A device is found by its adapter's identity, wherever it is plugged in; two alike are never mixed up."""

import pytest

from clinic_records.errors import ConfigError, DeviceUnavailable
from devices.transports.serial_identity import SerialPort, ports_now, resolve

ONE = SerialPort("/dev/ttyUSB0", 0x0403, 0x6001, "A5069RR4", "FT232R")
TWIN = SerialPort("/dev/ttyUSB1", 0x0403, 0x6001, "B1", "FT232R")
PLAIN = SerialPort("/dev/ttyS0")
NAMELESS = SerialPort("/dev/ttyUSB2", 0x1A86, 0x7523)


def test_the_port_follows_the_adapter() -> None:
    assert resolve("usb:0403:6001:A5069RR4", lambda: [TWIN, ONE, PLAIN]) == "/dev/ttyUSB0"
    moved = ONE._replace(path="/dev/ttyUSB7")
    assert resolve("usb:0403:6001:A5069RR4", lambda: [TWIN, moved]) == "/dev/ttyUSB7"
    assert resolve("usb:1a86:7523", lambda: [ONE, NAMELESS]) == "/dev/ttyUSB2"
    assert resolve("usb:1A86:7523", lambda: [ONE, NAMELESS]) == "/dev/ttyUSB2"


def test_a_path_stays_a_path() -> None:
    assert resolve("/dev/serial/by-path/pci-0-usb-0:1", list) == "/dev/serial/by-path/pci-0-usb-0:1"


def test_absent_and_ambiguous_are_said_and_tried_again() -> None:
    with pytest.raises(DeviceUnavailable, match="not plugged in"):
        resolve("usb:0403:6001:C9", lambda: [ONE, TWIN])
    with pytest.raises(DeviceUnavailable, match="2 adapters are this"):
        resolve("usb:0403:6001", lambda: [ONE, TWIN])


@pytest.mark.parametrize("name", ["usb:", "usb:0403", "usb:xyz0:6001", "usb:0403:6001:"])
def test_no_identity(name: str) -> None:
    with pytest.raises(ConfigError, match="lsusb"):
        resolve(name, list)


def test_every_port_has_a_url_that_finds_it_again() -> None:
    assert [port.url for port in (ONE, PLAIN, NAMELESS)] == [
        "serial:usb:0403:6001:A5069RR4", "serial:/dev/ttyS0", "serial:usb:1a86:7523",
    ]  # fmt: skip
    for port in (ONE, NAMELESS):
        assert resolve(port.url.removeprefix("serial:"), lambda: [ONE, NAMELESS]) == port.path
    assert isinstance(ports_now(), list)
