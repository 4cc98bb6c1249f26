"""Nonin pulse oximeters (OEM III, Xpod, Onyx II 9560, WristOx2 3150): asked for format 7, else for format 2.

Command: 02, 70 (set format), 02 (length), 02, format, 03; the device answers 06 (taken) or 15 (not taken). Source:
Nonin OEM specifications as implemented in mdpnp/mdpnp, NoninPulseOx.java (sendSetFormat). A device that takes no
commands streams what it is set to; both formats are read without being told which.
"""

from typing import Final

from devices.driver import Driver
from devices.framing.base import Frame
from devices.framing.spot import WORD, SpotFraming
from recordings.oximetry.nonin import MEDIA_TYPE, cut, is_part

ACK: Final = 0x06
NAK: Final = 0x15


def set_format(form: int) -> bytes:
    """The command that sets serial data format `form`."""
    return bytes((0x02, 0x70, 0x02, 0x02, form, 0x03))


class Nonin(Driver):
    """One connection."""

    name = "nonin"
    media_type = MEDIA_TYPE

    _forms = (7, 2)
    """Formats to ask for, best first."""
    _asked = 0
    """How many of them were asked for and refused."""
    _is_due = False

    def framing(self) -> SpotFraming:
        """A fresh framing."""
        return SpotFraming(cut, MEDIA_TYPE, is_part=is_part, word=self._word)

    def greeting(self) -> bytes:
        """Format 7, please."""
        return self._ask()

    def answer(self, frame: Frame) -> bytes:
        """After a refusal, the next format."""
        if frame.media_type != WORD or frame.raw[0] != NAK:
            return b""
        self._asked += 1
        return self._ask()

    def on_idle(self) -> bytes:
        """It may have been switched on just now."""
        self._asked = 0
        return self._ask()

    def _ask(self) -> bytes:
        self._is_due = self._asked < len(self._forms)
        return set_format(self._forms[self._asked]) if self._is_due else b""

    def _word(self, stream: bytes | bytearray) -> tuple[int, Frame | None]:
        if not self._is_due or stream[0] not in {ACK, NAK}:
            return 0, None
        self._is_due = False
        return 1, Frame(bytes(stream[:1]), WORD, deliver=False)
