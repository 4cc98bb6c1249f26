"""Driver: how to talk with one kind of device on a line. Sans-I/O; `devices.pump` moves the bytes.

A device that only speaks overrides `framing` and nothing else. A device of questions and answers (the spirometer)
says its first word in `greeting` and every later one in `answer` or `on_idle`. One Driver object serves one
connection, so its state is that connection's.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import datetime
from typing import ClassVar

from devices.framing.base import Frame, Framing


class Driver(ABC):
    """One connection's side of the dialogue.

    Attributes:
        name: its name in `devices.registry` and in the catalog.
        media_type: of the frames it delivers; `devices.interpret` knows who reads them.
        idle_s: seconds of silence after which a half message is over and `on_idle` is asked.
        clock_offset_ms: vehicle minus device clock, as last told on this connection; None where the device never did.
    """

    name: ClassVar[str]
    media_type: ClassVar[str]
    idle_s: ClassVar[float] = 2.0

    def __init__(self, now: Callable[[], datetime]) -> None:
        """`now` gives the vehicle's time, aware; it sets device clocks and tells old results from new ones."""
        self._now = now
        self.clock_offset_ms: int | None = None

    def saw_clock(self, device_clock: datetime) -> None:
        """The device says what time it has now; asked by the pump at the moment its frame came."""
        self.clock_offset_ms = round((self._now() - device_clock).total_seconds() * 1000)

    @abstractmethod
    def framing(self) -> Framing:
        """The framing of this connection; called once."""

    def greeting(self) -> bytes:
        """Bytes to send on connection."""
        return b""

    def answer(self, frame: Frame) -> bytes:
        """Bytes to send after `frame`; asked only once a frame with `deliver` is durable."""
        del frame
        return b""

    def on_idle(self) -> bytes:
        """Bytes to send after `idle_s` of silence; asked after `Framing.idle`."""
        return b""
