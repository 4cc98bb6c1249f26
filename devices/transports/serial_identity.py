"""Which serial port a device is on, by what the adapter says of itself: names like /dev/ttyUSB0 change with the plug.

`usb:VID:PID` or `usb:VID:PID:SERIAL`, hexadecimal as lsusb shows them; adapters without a serial number of their own
are told apart by their socket, `/dev/serial/by-path/...`, which is an ordinary path.
"""

import re
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from serial.tools import list_ports

from clinic_records.errors import ConfigError, DeviceUnavailable

_IDENTITY: Final = re.compile(r"usb:([0-9a-fA-F]{4}):([0-9a-fA-F]{4})(?::(.+))?")


class SerialPort(NamedTuple):
    """A port that is there now: its device file and, for a USB adapter, vendor, product and serial number."""

    path: str
    vendor: int | None = None
    product: int | None = None
    serial: str = ""
    text: str = ""

    @property
    def url(self) -> str:
        """What to write into a vehicle's settings."""
        if self.vendor is None or self.product is None:
            return f"serial:{self.path}"
        name = f"serial:usb:{self.vendor:04x}:{self.product:04x}"
        return f"{name}:{self.serial}" if self.serial else name


def ports_now() -> list[SerialPort]:
    """Every serial port of this computer."""
    return [
        SerialPort(port.device, port.vid, port.pid, port.serial_number or "", port.description or "")
        for port in sorted(list_ports.comports())
    ]


def resolve(name: str, ports: Callable[[], Iterable[SerialPort]] = ports_now) -> str:
    """The device file of `name`, which is one itself or an identity.

    Raises:
        ConfigError: it begins with `usb:` and is no identity.
        DeviceUnavailable: no such adapter is plugged in, or several are and the identity does not tell them apart.
    """
    if not name.startswith("usb:"):
        return name
    wanted = _IDENTITY.fullmatch(name)
    if wanted is None:
        raise ConfigError(f"serial:{name}: write serial:usb:VID:PID or serial:usb:VID:PID:SERIAL, as lsusb shows them")
    vendor, product, serial = int(wanted[1], 16), int(wanted[2], 16), wanted[3]
    found = [
        port.path
        for port in ports()
        if (port.vendor, port.product) == (vendor, product) and serial in {None, port.serial}
    ]
    if not found:
        raise DeviceUnavailable(f"serial:{name}: not plugged in")
    if len(found) > 1:
        raise DeviceUnavailable(
            f"serial:{name}: {len(found)} adapters are this ({', '.join(found)}); name one by its serial number or by"
            " /dev/serial/by-path/..."
        )
    return found[0]
