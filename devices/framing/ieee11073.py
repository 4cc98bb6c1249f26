"""IEEE 11073-20601 APDUs on a stream: choice u16, length u16, and as many bytes; nothing marks their start or end.

A start is believed only where the first six bytes fit together (`is_head`), so noise before or between APDUs is found.
"""

from typing import Final

from clinic_records.errors import BadFrame
from devices.framing.base import Frame, StepFraming
from recordings.ieee11073.apdu import HEAD_SIZE, is_head

APDU: Final = "application/vnd.ieee.11073-20601-apdu"
"""Media type of one APDU of the dialogue."""
_HEAD: Final = HEAD_SIZE + 2
_MAX_GARBAGE: Final = 512
"""Bytes of garbage handed over at once."""
_FIRST_BYTES: Final = bytes(range(0xE2, 0xE8))


class ApduFraming(StepFraming):
    """Each APDU as one frame that is not delivered by itself."""

    def _step(self, items: list[Frame | BadFrame], *, is_over: bool) -> bool:
        buffer = self._buffer
        start = self._start(0, is_over=is_over)
        if start:
            return self._refuse_noise(start, items, is_over=is_over)
        if len(buffer) < _HEAD:
            return False
        size = HEAD_SIZE + int.from_bytes(buffer[2:4])
        if len(buffer) < size:
            if is_over:
                cut = self._start(1, is_over=True)
                self._refuse(cut, f"IEEE 11073 APDU cut at {len(buffer)} of {size} bytes", items)
            return is_over
        items.append(Frame(self._take(size), APDU, deliver=False))
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

    def _refuse_noise(self, size: int, items: list[Frame | BadFrame], *, is_over: bool) -> bool:
        """Hand over garbage of `size` bytes at the start; False where more of it may still come."""
        if size == len(self._buffer) < _MAX_GARBAGE and not is_over:
            return False
        self._refuse(size, "no IEEE 11073 APDU", items)
        return True
