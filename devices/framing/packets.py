"""Packets of a dialogue: each is a word for the driver, and may complete records that are delivered beside it."""

from collections.abc import Callable
from typing import Final

from clinic_records.errors import BadFrame
from devices.framing.base import Frame, StepFraming

WORD: Final = "application/vnd.clinic.dialogue-packet"
"""Media type of one packet of a dialogue."""
_MAX_GARBAGE: Final = 4096
"""Bytes of garbage handed over at once."""


class PacketFraming(StepFraming):
    """Finds packets in a byte stream and asks the driver what each completes."""

    def __init__(
        self,
        cut: Callable[[bytes | bytearray], int],
        hear: Callable[[bytes], list[Frame]],
        fall_silent: Callable[[], list[Frame]],
    ) -> None:
        """Three questions to the driver.

        Args:
            cut: bytes of the packet at the start of the stream; 0: more are needed; below 0: so many are none.
            hear: the frames that a packet completes, its own word among them.
            fall_silent: the frames to hand over when the line is silent or cut.
        """
        super().__init__()
        self._cut = cut
        self._hear = hear
        self._fall_silent = fall_silent
        self._garbage = bytearray()

    def idle(self) -> list[Frame | BadFrame]:
        """Packets behind a false start, garbage, the half packet, and what the driver still held."""
        items = super().idle()
        self._refuse_garbage(items)
        return items + self._fall_silent()

    def _step(self, items: list[Frame | BadFrame], *, is_over: bool) -> bool:
        size = self._cut(self._buffer)
        if not size and not is_over:
            return False
        if size <= 0:
            self._drop(-size or 1, items)
            return True
        self._refuse_garbage(items)
        items += self._hear(self._take(size))
        return True

    def _drop(self, size: int, items: list[Frame | BadFrame]) -> None:
        self._garbage += self._take(size)
        if len(self._garbage) >= _MAX_GARBAGE:
            self._refuse_garbage(items)

    def _refuse_garbage(self, items: list[Frame | BadFrame]) -> None:
        if self._garbage:
            raw = bytes(self._garbage)
            items.append(BadFrame(f"no packet of this device ({len(raw)} bytes kept)", raw=raw))
            self._garbage.clear()


def word(packet: bytes) -> Frame:
    """The packet for the driver's ears only."""
    return Frame(packet, WORD, deliver=False)
