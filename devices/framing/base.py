"""Frames: one whole thing a device said, or the bytes that were none.

Every byte fed comes out again in exactly one frame's or one BadFrame's `raw`, so nothing a device sent is dropped
in silence.
"""

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
    """

    raw: bytes
    media_type: str
    deliver: bool = True
    from_memory: bool = False


class Framing(Protocol):
    """Cuts one connection's byte stream. Bounded: it never holds more than one message of the largest size."""

    def feed(self, data: bytes) -> list[Frame | BadFrame]:
        """What became complete with `data`; a BadFrame is returned, not raised, and carries its bytes."""

    def idle(self) -> list[Frame | BadFrame]:
        """The line was silent for the driver's `idle_s` or was cut: a half message becomes a BadFrame."""
