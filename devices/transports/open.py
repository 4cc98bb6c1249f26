"""The one door to a wire: `open_transport(url)`.

serial:/dev/serial/by-path/...?baud=115200 8 data bits, no parity, 1 stop bit; `bytesize`, `parity`, `stopbits`,
                                           `xonxoff` too
serial:usb:0403:6001:A5069RR4?baud=9600    the same, on whichever port that USB adapter is plugged into
tcp:host:port                              a serial server or a device with a socket
hid:/dev/hidraw0                           a USB HID device's reports
loop:                                      what is written is read back
replay:file                                a recorded byte stream, then silence, then the cut
"""

from collections.abc import Callable, Mapping
from typing import Final

from clinic_records.errors import ConfigError
from devices.transports.base import Transport
from devices.transports.hid import hid_path, open_hid
from devices.transports.loop import LoopTransport
from devices.transports.replay import ReplayTransport
from devices.transports.serial_line import open_serial, serial_line
from devices.transports.tcp import open_tcp, tcp_address

_SCHEMES: Final[Mapping[str, Callable[[str], Transport]]] = {
    "serial": open_serial,
    "tcp": open_tcp,
    "hid": open_hid,
    "loop": LoopTransport,
    "replay": ReplayTransport,
}


_CHECKS: Final[Mapping[str, Callable[[str], object]]] = {"serial": serial_line, "tcp": tcp_address, "hid": hid_path}


def check_url(url: str) -> None:
    """See that `url` is one of the forms above, without opening anything.

    Raises:
        ConfigError: it is not.
    """
    scheme, rest = _parts(url)
    _CHECKS.get(scheme, str)(rest)


def open_transport(url: str) -> Transport:
    """The open wire that `url` names.

    Raises:
        ConfigError: the URL is not one of the forms above.
        DeviceUnavailable: nothing is there now, or another program holds it.
    """
    scheme, rest = _parts(url)
    return _SCHEMES[scheme](rest)


def _parts(url: str) -> tuple[str, str]:
    scheme, colon, rest = url.partition(":")
    if not colon or scheme not in _SCHEMES:
        raise ConfigError(
            f"transport {url!r}: write serial:/dev/..., tcp:host:port, hid:/dev/hidraw..., loop: or replay:file"
        )
    return scheme, rest
