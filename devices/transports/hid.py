"""A USB HID device's reports through its Linux node, `hid:/dev/hidrawN`, taken for ourselves alone.

One read gives one report. What is written is cut into reports of 64 bytes; the node wants a report number before each,
0 where the device has none (Linux, Documentation/hid/hidraw.rst).
"""

import fcntl
import os
import select
import stat
from pathlib import Path
from typing import Final

from clinic_records.errors import ConfigError, DeviceTimeout, DeviceUnavailable

REPORT_SIZE: Final = 64
"""Bytes of the largest report of a full-speed USB device."""
WRITE_S: Final = 5.0
_NO_NUMBER: Final = b"\0"


class HidTransport:
    """An open node."""

    def __init__(self, node: int, name: str) -> None:
        self._node = node
        self._name = name
        self._is_open = True

    def read(self, timeout_s: float) -> bytes:
        """One report; see Transport."""
        try:
            if not select.select([self._node], [], [], timeout_s)[0]:
                return b""
            data = os.read(self._node, REPORT_SIZE)
        except BlockingIOError:
            return b""
        except (OSError, ValueError) as error:
            raise DeviceUnavailable(f"{self._name}: {error}") from error
        if not data:
            raise DeviceUnavailable(f"{self._name}: the device is gone")
        return data

    def write(self, data: bytes) -> None:
        """Send report by report; see Transport."""
        for at in range(0, len(data), REPORT_SIZE):
            report = _NO_NUMBER + data[at : at + REPORT_SIZE].ljust(REPORT_SIZE, b"\0")
            try:
                if not select.select([], [self._node], [], WRITE_S)[1]:
                    raise DeviceTimeout(f"{self._name}: took nothing for {WRITE_S} s")
                written = os.write(self._node, report)
            except (OSError, ValueError) as error:
                if isinstance(error, DeviceTimeout):
                    raise
                raise DeviceUnavailable(f"{self._name}: {error}") from error
            if written != len(report):
                raise DeviceUnavailable(f"{self._name}: took {written} of {len(report)} bytes of a report")

    def close(self) -> None:
        """Close the node."""
        if self._is_open:
            self._is_open = False
            os.close(self._node)
            self._node = -1


def hid_path(rest: str) -> str:
    """The path of the node. Raises ConfigError: it is not a whole path."""
    if not rest.startswith("/"):
        raise ConfigError(f"transport hid:{rest}: write hid:/dev/hidrawN")
    return rest


def open_hid(rest: str) -> HidTransport:
    """Open `path`, exclusively among programs that lock.

    Raises:
        ConfigError: it is not a path of a character device.
        DeviceUnavailable: it is not there, may not be opened, or another program holds it.
    """
    hid_path(rest)
    try:
        if not stat.S_ISCHR(Path(rest).stat().st_mode):
            raise ConfigError(f"transport hid:{rest}: not a device node")
        node = os.open(rest, os.O_RDWR | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError as error:
        raise DeviceUnavailable(f"hid:{rest}: {error.strerror}") from error
    try:
        fcntl.flock(node, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(node)
        raise DeviceUnavailable(f"hid:{rest}: another program holds it") from error
    return HidTransport(node, f"hid:{rest}")
