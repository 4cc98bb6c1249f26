"""A serial port, a USB-serial adapter or a pty, taken for ourselves alone."""

import termios
from typing import Final, NamedTuple
from urllib.parse import parse_qsl

import serial

from clinic_records.errors import ConfigError, DeviceTimeout, DeviceUnavailable
from devices.transports.base import READ_SIZE
from devices.transports.serial_identity import resolve

BAUD: Final = 115_200
WRITE_S: Final = 10.0
_PARITIES: Final = frozenset(serial.PARITY_NAMES)
_CUT: Final = (OSError, termios.error, TypeError)
"""What pyserial lets through when a port goes: its own OSError, termios.error, which is none, and a TypeError where a
port closed under a read has no file number any more."""


class SerialTransport:
    """An open port. pyserial's "readiness to read but returned no data" means unplugged: the wire is cut."""

    def __init__(self, port: serial.Serial) -> None:
        self._port = port

    def read(self, timeout_s: float) -> bytes:
        """What came; see Transport."""
        try:
            if self._port.timeout != timeout_s:
                self._port.timeout = timeout_s
            first: bytes = self._port.read(1)
            if not first:
                return b""
            rest: bytes = self._port.read(min(self._port.in_waiting, READ_SIZE - 1))
        except _CUT as error:
            raise DeviceUnavailable(f"serial:{self._port.port}: {error}") from error
        return first + rest

    def write(self, data: bytes) -> None:
        """Send; see Transport."""
        try:
            self._port.write(data)
        except serial.SerialTimeoutException as error:
            raise DeviceTimeout(f"serial:{self._port.port}: took nothing for {WRITE_S} s") from error
        except _CUT as error:
            raise DeviceUnavailable(f"serial:{self._port.port}: {error}") from error

    def close(self) -> None:
        """Close the port."""
        self._port.close()


class SerialLine(NamedTuple):
    """A port and how it is set; `path` is a device file or an identity (`serial_identity`)."""

    path: str
    baud: int
    bytesize: int
    parity: str
    stopbits: float
    xonxoff: bool


def serial_line(rest: str) -> SerialLine:
    """What `path?baud=115200&bytesize=8&parity=N&stopbits=1&xonxoff=0` says; these are the defaults.

    Raises:
        ConfigError: an option is unknown or has no such value.
    """
    path, _, query = rest.partition("?")
    options = dict(parse_qsl(query))
    try:
        baud = int(options.pop("baud", BAUD))
        size = int(options.pop("bytesize", 8))
        stop = float(options.pop("stopbits", 1))
        xonxoff = bool(int(options.pop("xonxoff", 0)))
    except ValueError as error:
        raise ConfigError(
            f"transport serial:{rest}: baud, bytesize, stopbits and xonxoff are numbers: {error}"
        ) from error
    parity = options.pop("parity", "N")
    if not path or options or parity not in _PARITIES:
        raise ConfigError(
            f"transport serial:{rest}: write serial:/dev/...?baud=115200&bytesize=8&parity=N&stopbits=1&xonxoff=0"
        )
    return SerialLine(path, baud, size, parity, stop, xonxoff)


def open_serial(rest: str) -> SerialTransport:
    """Open the line `rest` names, exclusively.

    Raises:
        ConfigError: as `serial_line`.
        DeviceUnavailable: it is not there, or another program holds it.
    """
    line = serial_line(rest)
    path = resolve(line.path)
    try:
        port = serial.Serial(
            path,
            line.baud,
            bytesize=line.bytesize,
            parity=line.parity,
            stopbits=line.stopbits,
            xonxoff=line.xonxoff,
            exclusive=True,
            write_timeout=WRITE_S,
        )
    except ValueError as error:
        raise ConfigError(f"transport serial:{rest}: {error}") from error
    except _CUT as error:
        raise DeviceUnavailable(f"serial:{path}: {error}") from error
    return SerialTransport(port)
