"""IEEE 11073-20601 APDUs on a stream: choice u16, length u16, and as many bytes; nothing marks their start or end.

A start is believed only where the first six bytes fit together (`is_head`), so noise before or between APDUs is found.
"""

from typing import Final

from clinic_records.errors import BadFrame
from devices.framing.base import Frame
from recordings.ieee11073.apdu import HEAD_SIZE, is_head

APDU: Final = "application/vnd.ieee.11073-20601-apdu"
"""Media type of one APDU of the dialogue."""
_HEAD: Final = HEAD_SIZE + 2
_MAX_GARBAGE: Final = 512
"""Bytes of garbage handed over at once."""
_FIRST_BYTES: Final = bytes(range(0xE2, 0xE8))


class ApduFraming:
    """Each APDU as one frame that is not delivered by itself."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Frame | BadFrame]:
        """What became complete with `data`."""
        self._buffer += data
        items: list[Frame | BadFrame] = []
        while self._step(items, is_over=False):
            pass
        return items

    def idle(self) -> list[Frame | BadFrame]:
        """Everything still held: garbage, the half APDU, and whole ones that began inside it."""
        items: list[Frame | BadFrame] = []
        while self._step(items, is_over=True):
            pass
        return items

    def _step(self, items: list[Frame | BadFrame], *, is_over: bool) -> bool:
        """One item more; False when more bytes are needed first."""
        buffer = self._buffer
        if not buffer:
            return False
        start = self._start(0, is_over=is_over)
        if start:
            return self._refuse(start, "no IEEE 11073 APDU", items, is_over=is_over)
        if len(buffer) < _HEAD:
            return False
        size = HEAD_SIZE + int.from_bytes(buffer[2:4])
        if len(buffer) < size:
            if is_over:
                cut = self._start(1, is_over=True)
                self._refuse(cut, f"IEEE 11073 APDU cut at {len(buffer)} of {size} bytes", items, is_over=True)
            return is_over
        items.append(Frame(bytes(buffer[:size]), APDU, deliver=False))
        del buffer[:size]
        return True

    def _start(self, after: int, *, is_over: bool) -> int:
        """Where the next APDU begins or, unless the line is silent, may begin once its six bytes are there."""
        buffer = self._buffer
        for at in range(after, len(buffer)):
            if buffer[at] not in _FIRST_BYTES:
                continue
            if is_head(buffer, at):
                return at
            if not is_over and len(buffer) - at < _HEAD and not any(buffer[at + 1 : at + 2]):
                return at
        return len(buffer)

    def _refuse(self, size: int, reason: str, items: list[Frame | BadFrame], *, is_over: bool) -> bool:
        """Hand over garbage of `size` bytes at the start; False where more of it may still come."""
        if size == len(self._buffer) < _MAX_GARBAGE and not is_over:
            return False
        raw = bytes(self._buffer[:size])
        del self._buffer[:size]
        items.append(BadFrame(f"{reason} ({size} bytes kept)", raw=raw))
        return True
