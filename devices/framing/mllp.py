"""Blocks of the Minimal Lower Layer Protocol (HL7 v2 Transport Specification: MLLP, Release 1): <VT> data <FS><CR>.

Between blocks senders put CR, LF and NUL, and some leave out the last CR; so a block is whole at its <FS>, and the CR
behind it is filler like the others. A <FS> is an end where a segment (CR) has ended before it, which is always so in
HL7 v2, or where what follows may follow an end. A new <VT> before the end breaks a block off.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from clinic_records.errors import BadFrame
from devices.framing.base import Frame

MEDIA_TYPE: Final = "application/hl7-v2"
FILLER: Final = "application/vnd.hl7.mllp-filler"
"""Media type of bytes that mean nothing; never delivered."""
VT: Final = b"\x0b"
FS: Final = b"\x1c"
CR: Final = b"\r"
MAX_BLOCK: Final = 1 << 20
"""Bytes: no result message of a device comes near; a document inside one may."""
MAX_BLOCK_TIME: Final = timedelta(seconds=30)
"""From its first byte to its last: a sender that drips bytes holds no buffer of ours longer."""
_MAX_GARBAGE: Final = 4096
"""Bytes outside blocks handed over at once."""
_FILLER_BYTES: Final = b"\x00\r\n"
_AFTER_END: Final = b"\r\n\x00\x0b"
"""What may follow the <FS> of a block's end: CR by the standard, LF or NUL of some senders, the next block's <VT>."""


class MllpFraming:
    """Finds blocks in one connection's bytes."""

    def __init__(self, block_frame: Callable[[bytes], Frame], now: Callable[[], datetime]) -> None:
        """`block_frame` makes the frame of a whole block, <VT> and <FS> included; `now` is aware."""
        self._block_frame = block_frame
        self._now = now
        self._buffer = bytearray()
        self._is_inside = False
        self._looked = 0
        self._began = now()

    def feed(self, data: bytes) -> list[Frame | BadFrame]:
        """Whole blocks, and what was none as soon as that is certain."""
        items: list[Frame | BadFrame] = []
        if self._is_inside and self._now() - self._began > MAX_BLOCK_TIME:
            self._refuse(len(self._buffer), f"MLLP block not ended within {MAX_BLOCK_TIME.seconds} s", items)
        self._buffer += data
        while self._step(items):
            pass
        return items

    def idle(self) -> list[Frame | BadFrame]:
        """The half block, the block that lacks only its CR, and what lay outside."""
        items: list[Frame | BadFrame] = []
        if self._is_inside and self._buffer.endswith(FS):
            self._take_block(len(self._buffer), items)
        elif self._is_inside:
            self._refuse(len(self._buffer), "MLLP block cut short", items)
        else:
            self._take_outside(len(self._buffer), items)
        return items

    def _step(self, items: list[Frame | BadFrame]) -> bool:
        """One decision; False where more bytes are needed."""
        return self._step_inside(items) if self._is_inside else self._step_outside(items)

    def _step_outside(self, items: list[Frame | BadFrame]) -> bool:
        start = self._buffer.find(VT, 0, _MAX_GARBAGE + 1)
        if start < 0:
            if len(self._buffer) < _MAX_GARBAGE:
                return False
            self._take_outside(_MAX_GARBAGE, items)
            return True
        self._take_outside(start, items)
        self._is_inside = True
        self._looked = 1
        self._began = self._now()
        return True

    def _step_inside(self, items: list[Frame | BadFrame]) -> bool:
        end = self._end()
        restart = self._buffer.find(VT, self._looked, end if end >= 0 else MAX_BLOCK)
        if restart >= 0:
            self._refuse(restart, "MLLP block broken off by the start of another", items)
            return True
        if end >= 0:
            self._take_block(end + 1, items)
            return True
        if len(self._buffer) > MAX_BLOCK:
            self._refuse(MAX_BLOCK, f"MLLP block longer than {MAX_BLOCK} bytes", items)
            return True
        self._looked = max(1, len(self._buffer) - 1)
        return False

    def _end(self) -> int:
        """Where the <FS> of the block's end is; -1 while it is not there, or what follows it is not."""
        place = self._buffer.find(FS, self._looked)
        while place >= 0 and not self._is_end(place):
            place = self._buffer.find(FS, place + 1)
        return place if place < MAX_BLOCK else -1

    def _is_end(self, place: int) -> bool:
        follows = self._buffer[place + 1 : place + 2]
        return self._buffer[place - 1 : place] == CR or (bool(follows) and follows in _AFTER_END)

    def _take_block(self, size: int, items: list[Frame | BadFrame]) -> None:
        raw = self._cut(size)
        if raw.strip(VT + FS + _FILLER_BYTES):
            items.append(self._block_frame(raw))
        else:
            items.append(BadFrame("MLLP block with nothing in it", raw=raw))

    def _take_outside(self, size: int, items: list[Frame | BadFrame]) -> None:
        raw = self._cut(size)
        if raw.strip(_FILLER_BYTES):
            items.append(BadFrame(f"bytes outside an MLLP block ({len(raw)} bytes kept)", raw=raw))
        elif raw:
            items.append(Frame(raw, FILLER, deliver=False))

    def _refuse(self, size: int, reason: str, items: list[Frame | BadFrame]) -> None:
        items.append(BadFrame(f"{reason} ({size} bytes kept)", raw=self._cut(size)))

    def _cut(self, size: int) -> bytes:
        raw = bytes(self._buffer[:size])
        del self._buffer[:size]
        self._is_inside = False
        return raw
