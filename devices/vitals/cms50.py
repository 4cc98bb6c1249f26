"""Contec CMS50 of the first generation: streams by itself; its stored recording is asked for when no finger is in it.

F5 F5 asks for the stored recording, F6 F6 F6 ends the transfer (atbrask/CMS50Dplus, cms50dplus.py). A day's recording
takes two and a half minutes of line, so it is asked for once a connection and only after ten quiet seconds. Nothing is
deleted on the device.
"""

from typing import Final

from devices.driver import Driver
from devices.framing.base import Frame
from devices.framing.spot import QUIET, SpotFraming
from recordings.oximetry import cms50_history
from recordings.oximetry.cms50 import MEDIA_TYPE, cut, is_part

ASK_HISTORY: Final = b"\xf5\xf5"
END_HISTORY: Final = b"\xf6\xf6\xf6"
_QUIET_SIZE: Final = 2500
"""Bytes of about ten quiet seconds."""


class Cms50(Driver):
    """One connection."""

    name = "cms50"
    media_type = MEDIA_TYPE

    _has_asked = False

    def framing(self) -> SpotFraming:
        """A fresh framing."""
        return SpotFraming(cut, MEDIA_TYPE, is_part=is_part, word=self._word)

    def answer(self, frame: Frame) -> bytes:
        """Ask for the stored recording in a quiet moment; end its transfer when it is durable."""
        if frame.media_type == cms50_history.MEDIA_TYPE:
            return END_HISTORY
        if frame.media_type != QUIET or len(frame.raw) < _QUIET_SIZE or self._has_asked:
            return b""
        self._has_asked = True
        return ASK_HISTORY

    def _word(self, stream: bytes | bytearray) -> tuple[int, Frame | None]:
        """The stored recording: live packets have no F2 80 (a first byte is followed by one without top bit)."""
        preamble = cms50_history.PREAMBLE
        if stream[: len(preamble)] != preamble[: len(stream)]:
            return 0, None
        if len(stream) < cms50_history.HEAD_SIZE:
            return cms50_history.HEAD_SIZE, None
        size = cms50_history.history_size(stream)
        if len(stream) < size or not size:
            return size, None
        return size, Frame(bytes(stream[:size]), cms50_history.MEDIA_TYPE, from_memory=True)
