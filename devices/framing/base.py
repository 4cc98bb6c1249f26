"""Frames: one whole thing a device said, or the bytes that were none.

Every byte fed comes out again in exactly one frame's or one BadFrame's `raw`, so nothing a device sent is dropped
in silence.
"""

from abc import ABC, abstractmethod
from datetime import datetime
from typing import Protocol

import msgspec

from clinic_records.errors import BadFrame


class Frame(msgspec.Struct, frozen=True):
    """One whole message of a device.

    Attributes:
        raw: its bytes as they came.
        media_type: what they are, for the interpreter.
        deliver: False for a word of the dialogue (an acknowledgement, a count) that only the driver must see.
        from_memory: the device took it from its store, so it never binds by itself (hazard H02).
        device_clock: what the device's own clock shows now, aware, where the protocol tells it; the line's offset
            is taken from it at this instant, not from the time of an old result.
    """

    raw: bytes
    media_type: str
    deliver: bool = True
    from_memory: bool = False
    device_clock: datetime | None = None


class Framing(Protocol):
    """Cuts one connection's byte stream. Bounded: it never holds more than one message of the largest size."""

    def feed(self, data: bytes) -> list[Frame | BadFrame]:
        """What became complete with `data`; a BadFrame is returned, not raised, and carries its bytes."""

    def idle(self) -> list[Frame | BadFrame]:
        """The line was silent for the driver's `idle_s` or was cut: a half message becomes a BadFrame."""


class StepFraming(ABC):
    """A framing that takes one thing more from the front of its buffer, again and again."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Frame | BadFrame]:
        """What became complete with `data`."""
        self._buffer += data
        return self._steps(is_over=False)

    def idle(self) -> list[Frame | BadFrame]:
        """Everything still held: what is whole behind a false start, garbage, and the half message."""
        return self._steps(is_over=True)

    @abstractmethod
    def _step(self, items: list[Frame | BadFrame], *, is_over: bool) -> bool:
        """One thing more from the buffer, which is not empty; False when more bytes are needed first."""

    def _steps(self, *, is_over: bool) -> list[Frame | BadFrame]:
        items: list[Frame | BadFrame] = []
        while self._buffer and self._step(items, is_over=is_over):
            pass
        return items

    def _take(self, size: int) -> bytes:
        """The first `size` bytes, out of the buffer."""
        raw = bytes(self._buffer[:size])
        del self._buffer[:size]
        return raw

    def _refuse(self, size: int, reason: str, items: list[Frame | BadFrame]) -> None:
        """The first `size` bytes, at least one, are none of ours."""
        items.append(BadFrame(f"{reason} ({size} bytes kept)", raw=self._take(size)))
