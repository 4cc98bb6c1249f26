"""Frames: one whole thing a device said, or the bytes that were none.

Every byte fed comes out again in exactly one frame's or one BadFrame's `raw`, so nothing a device sent is dropped
in silence.
"""

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
