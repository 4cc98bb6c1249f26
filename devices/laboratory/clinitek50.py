"""The Clinitek 50 urine analyser: we ask, it answers. Source and packets in `recordings.laboratory.clinitek50`.

Host > device: ENQ > identity packet · DC1 DC2 (ready, send) > record packet, or NAK where there is none · ACK takes a
record, NAK asks for it again. 9600 8N1; DC1 is also XON. The identity packet tells the device's clock, to the minute.
A record made long before the connection is one of its memory (hazard H02).
"""

from datetime import timedelta
from typing import Final

from clinic_records.errors import BadFrame
from devices.driver import Driver
from devices.framing.base import Frame
from devices.framing.stx import REFUSED, WORD, StxFraming
from recordings.astm.frames import ACK, ENQ, NAK
from recordings.laboratory.clinitek50 import lines_of, looks_like_clinitek50, time_of

MEDIA_TYPE: Final = "text/vnd.bayer.clinitek-50"
IDENTITY: Final = "text/vnd.bayer.clinitek-50-identity"
SEND: Final = b"\x11\x12"
"""DC1 (XON), DC2; the source found DC2 where the maker's description says DC3."""
NEWNESS: Final = timedelta(minutes=10)
MOST_REFUSALS: Final = 3
"""Of one record in a row; then we are silent and ask afresh later."""


class Clinitek50(Driver):
    """Asks for the identity once, then for records whenever the line is silent."""

    name = "clinitek-50"
    media_type = MEDIA_TYPE
    idle_s = 5.0
    _is_known = False
    _refusals = 0

    def framing(self) -> StxFraming:
        """A fresh framing that tells identity packets from records."""
        return StxFraming(self._frame, words=NAK, check=_fault_of)

    def greeting(self) -> bytes:
        """Who are you?"""
        self._connected_at = self._now()
        return ENQ

    def answer(self, frame: Frame) -> bytes:
        """The next word of the dialogue."""
        if frame.media_type == REFUSED:
            self._refusals += 1
            return NAK if self._refusals < MOST_REFUSALS else b""
        if frame.media_type == WORD:
            return b""
        self._refusals = 0
        self._is_known = True
        return SEND if frame.media_type == IDENTITY else ACK + SEND

    def on_idle(self) -> bytes:
        """Ask again."""
        self._refusals = 0
        return SEND if self._is_known else ENQ

    def _frame(self, raw: bytes) -> Frame:
        if looks_like_clinitek50(raw):
            return Frame(raw, MEDIA_TYPE, from_memory=self._is_old(raw))
        return Frame(raw, IDENTITY, deliver=False, device_clock=time_of(lines_of(raw)[0]))

    def _is_old(self, raw: bytes) -> bool:
        """Whether it was made long before we connected, by the vehicle's clock; without a clock nobody knows."""
        made_at = time_of(lines_of(raw)[0])
        if made_at is None or self.clock_offset_ms is None:
            return True
        made_at += timedelta(milliseconds=self.clock_offset_ms)
        return not self._connected_at - NEWNESS <= made_at <= self._now() + NEWNESS


def _fault_of(raw: bytes) -> str:
    try:
        return "" if len(lines_of(raw)) > 1 else "Clinitek 50: packet without lines"
    except BadFrame as error:
        return str(error)
