"""A wire whose two ends are one: what is written is read back."""

import queue

from clinic_records.errors import DeviceUnavailable
from devices.transports.base import READ_SIZE


class LoopTransport:
    """In memory; `loop:` takes no words after the colon."""

    def __init__(self, rest: str = "") -> None:
        del rest
        self._pieces: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._is_open = True

    def read(self, timeout_s: float) -> bytes:
        """The next piece written."""
        if not self._is_open:
            raise DeviceUnavailable("loop: is closed")
        try:
            return self._pieces.get(timeout=timeout_s)
        except queue.Empty:
            return b""

    def write(self, data: bytes) -> None:
        """Hand `data` to the next reads."""
        if not self._is_open:
            raise DeviceUnavailable("loop: is closed")
        for start in range(0, len(data), READ_SIZE):
            self._pieces.put(data[start : start + READ_SIZE])

    def close(self) -> None:
        """Refuse further use."""
        self._is_open = False
