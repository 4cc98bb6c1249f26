"""A driver whose every packet is a word: what it heard last calls its next question."""

from abc import abstractmethod
from collections.abc import Callable

from devices.driver import Driver
from devices.framing.base import Frame
from devices.framing.packets import PacketFraming


class PacketDriver(Driver):
    """A device that is asked; a subclass sets `_next` while it hears."""

    idle_s = 5.0

    _next = b""
    """What to say after the packet just heard."""
    _heard = b""
    """The last packet."""

    def on_idle(self) -> bytes:
        """Begin again: a new measurement may be there, or the device was switched on."""
        return self.greeting()

    def answer(self, frame: Frame) -> bytes:
        """The next question."""
        if frame.raw is not self._heard:  # its delivered frames, and earlier words that came with it, are before it
            return b""
        told, self._next = self._next, b""
        return told

    def packets(self, cut: Callable[[bytes | bytearray], int], fall_silent: Callable[[], list[Frame]]) -> PacketFraming:
        """A fresh framing that tells `_hear` each packet; the questions are those of `PacketFraming`."""
        return PacketFraming(cut, self._listen, fall_silent)

    @abstractmethod
    def _hear(self, raw: bytes) -> list[Frame]:
        """The frames that a packet completes, its own word among them."""

    def _listen(self, raw: bytes) -> list[Frame]:
        self._heard = raw
        return self._hear(raw)
