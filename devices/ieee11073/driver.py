"""Any personal health device by IEEE 11073-20601, over a serial line (SPP, USB CDC) or a socket: an agent calls us.

What is delivered can be read by itself: the association's APDUs come before the report. A confirmed report is
answered only after it is durable, and waits up to one silence for the device's attributes (its clock, its name) to
go with it; agents give up after 3 s (20601, TO_cer-mds). Unconfirmed reports are a stream: joined, one delivery for
half a minute or until the stream ends.
"""

from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from clinic_records.errors import BadFrame
from devices.driver import Driver
from devices.framing.base import Frame
from devices.framing.ieee11073 import ApduFraming
from devices.ieee11073.manager import Keep, Manager, Turn

MEDIA_TYPE: Final = "application/vnd.ieee.11073-20601"
"""Media type of a delivery: APDUs one after the other."""
SPOT: Final = timedelta(seconds=30)
"""A stream's delivery ends after so long."""
BURST: Final = timedelta(seconds=5)
"""A report so soon after another is of a memory being emptied (hazard H02)."""
_MOST_HELD: Final = 4
"""Reports that wait for attributes; an honest agent sends one and waits for its confirmation."""
_MOST_STREAM: Final = 1 << 18
"""Bytes of a stream's delivery."""


class Ieee11073(Driver):
    """One connection."""

    name = "ieee-11073"
    media_type = MEDIA_TYPE
    idle_s = 2.0

    def __init__(self, now: Callable[[], datetime]) -> None:
        """See Driver."""
        super().__init__(now)
        self._manager = Manager()
        self._replies: deque[bytes] = deque()
        self._unsent = b""

    def framing(self) -> "SessionFraming":
        """The framing that puts sessions together and leaves the replies here."""
        return SessionFraming(self._manager, self._now, self._replies, self._lose)

    def answer(self, frame: Frame) -> bytes:
        """What the manager has to say to it."""
        del frame
        reply = self._unsent + (self._replies.popleft() if self._replies else b"")
        self._unsent = b""
        return reply

    def on_idle(self) -> bytes:
        """An abort that is still to be said, or what the manager wants to know."""
        said = self._unsent or self._manager.idle(self._now())
        self._unsent = b""
        return said

    def _lose(self) -> None:
        self._unsent = self._manager.lose()


class SessionFraming:
    """APDUs as words; reports and streams as whole sessions."""

    def __init__(
        self, manager: Manager, now: Callable[[], datetime], replies: deque[bytes], lose: Callable[[], None]
    ) -> None:
        """`replies` gets the reply to each Frame this gives, in their order; `lose` ends a broken association."""
        self._manager = manager
        self._now = now
        self._replies = replies
        self._lose = lose
        self._apdus = ApduFraming()
        self._held: list[tuple[bytes, Turn]] = []
        self._stream = bytearray()
        self._stream_since = now()
        self._last_report: datetime | None = None

    def feed(self, data: bytes) -> list[Frame | BadFrame]:
        """What became complete with `data`."""
        return self._take_all(self._apdus.feed(data))

    def idle(self) -> list[Frame | BadFrame]:
        """The report that waited for attributes, the stream so far, and what was cut."""
        items = self._take_all(self._apdus.idle())
        self._manager.stop_asking()
        self._let_go(items)
        self._end_stream(items)
        return items

    def _take_all(self, found: list[Frame | BadFrame]) -> list[Frame | BadFrame]:
        items: list[Frame | BadFrame] = []
        for each in found:
            if isinstance(each, BadFrame):
                items.append(each)
            else:
                self._take(each, items)
        return items

    def _take(self, apdu: Frame, items: list[Frame | BadFrame]) -> None:
        before = self._manager.state
        try:
            turn = self._manager.hear(apdu.raw)
        except BadFrame as refused:
            self._let_go(items)
            self._end_stream(items)
            self._lose()
            items.append(BadFrame(str(refused), raw=apdu.raw, hint=refused.hint))
            return
        if self._manager.state is not before:
            self._let_go(items)
            self._end_stream(items)
        if turn.keep in {Keep.REPORT, Keep.STORED}:
            self._held.append((apdu.raw, turn))
        elif turn.keep is Keep.SAMPLE:
            self._sample(apdu, items)
        else:
            self._word(Frame(apdu.raw, apdu.media_type, deliver=False, device_clock=turn.clock), turn.reply, items)
        if not self._manager.is_asking or len(self._held) >= _MOST_HELD:
            self._let_go(items)

    def _word(self, frame: Frame, reply: bytes, items: list[Frame | BadFrame]) -> None:
        items.append(frame)
        self._replies.append(reply)

    def _let_go(self, items: list[Frame | BadFrame]) -> None:
        for raw, turn in self._held:
            now = self._now()
            is_burst = self._last_report is not None and abs(now - self._last_report) < BURST
            self._last_report = now
            whole = self._manager.context(turn.keep) + raw
            self._word(Frame(whole, MEDIA_TYPE, from_memory=turn.keep is Keep.STORED or is_burst), turn.reply, items)
        self._held.clear()

    def _sample(self, apdu: Frame, items: list[Frame | BadFrame]) -> None:
        if not self._stream:
            self._stream_since = self._now()
        self._stream += apdu.raw
        self._word(apdu, b"", items)
        if abs(self._now() - self._stream_since) >= SPOT or len(self._stream) >= _MOST_STREAM:
            self._end_stream(items)

    def _end_stream(self, items: list[Frame | BadFrame]) -> None:
        if self._stream:
            whole = self._manager.context(Keep.SAMPLE) + bytes(self._stream)
            self._stream.clear()
            self._word(Frame(whole, MEDIA_TYPE), b"", items)
