"""A pty as a device's end of a serial line. The device holds the master and so outlives each restart of the vehicle."""

import errno
import os
import pty
import select
import time
import tty
from pathlib import Path
from typing import Final

from clinic_records.errors import DeviceTimeout

_PIECE: Final = 256
_BITS_A_BYTE: Final = 10
"""8N1: a start bit, eight data bits, a stop bit."""
_LOOK_S: Final = 0.05
_OPENING_S: Final = 0.2
"""A serial library opens the node, then sets the line and throws away what lies in it."""


class PtyLine:
    """Open until `close`; `path` is what the vehicle opens as `serial:path`."""

    def __init__(self, link: Path | None = None) -> None:
        """Make the pty and, where asked, the symbolic link that gives it a lasting name."""
        self._master, slave = pty.openpty()
        tty.setraw(slave)  # else what arrives before the vehicle opens it is echoed and translated
        self.path = Path(os.ttyname(slave))
        os.close(slave)
        os.set_blocking(self._master, False)
        self._link = link
        if link is not None:
            link.unlink(missing_ok=True)
            link.symlink_to(self.path)
            self.path = link

    @property
    def is_connected(self) -> bool:
        """Whether somebody has the other end open."""
        poll = select.poll()
        poll.register(self._master, select.POLLIN)
        return not any(events & select.POLLHUP for _, events in poll.poll(0))

    def wait_connected(self, timeout_s: float) -> None:
        """Return once somebody has opened the other end: a port that is just being opened forgets what came before.

        Raises:
            DeviceTimeout: nobody did.
        """
        deadline = time.monotonic() + timeout_s
        while not self.is_connected:
            if time.monotonic() > deadline:
                raise DeviceTimeout(f"nobody opened {self.path} within {timeout_s} s")
            time.sleep(_LOOK_S)
        time.sleep(_OPENING_S)

    def read(self, timeout_s: float) -> bytes:
        """What the vehicle sent; b"" when nothing came or nobody is there."""
        if not self.is_connected:
            time.sleep(min(timeout_s, _LOOK_S))
            return b""
        if not select.select([self._master], [], [], timeout_s)[0]:
            return b""
        try:
            return os.read(self._master, 4096)
        except OSError as error:
            if error.errno in {errno.EIO, errno.EAGAIN}:
                return b""
            raise

    def write(self, data: bytes, *, baud: int = 0, timeout_s: float = 30.0) -> None:
        """Send; at the pace of `baud` where it is given, else as fast as the vehicle reads.

        Raises:
            DeviceTimeout: nobody took a byte for `timeout_s`.
        """
        view = memoryview(data)
        last = time.monotonic()
        while view:
            if not select.select([], [self._master], [], _LOOK_S)[1]:
                if time.monotonic() - last > timeout_s:
                    raise DeviceTimeout(f"{self.path}: nobody reads, {len(view)} bytes not sent")
                continue
            try:
                sent = os.write(self._master, view[:_PIECE])
            except BlockingIOError:
                time.sleep(_LOOK_S)
                continue
            view = view[sent:]
            last = time.monotonic()
            if baud:
                time.sleep(sent * _BITS_A_BYTE / baud)

    def close(self) -> None:
        """Unplug: the vehicle's end is cut."""
        os.close(self._master)
        if self._link is not None:
            self._link.unlink(missing_ok=True)
