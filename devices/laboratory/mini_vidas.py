"""The bioMérieux mini VIDAS on its serial line; message layout and source in `recordings.laboratory.mini_vidas`.

No document of its line was found. An enquiry and each whole message are answered with ACK, a damaged message with NAK,
as ASTM E1381 does; a device that only speaks ignores both. To be confirmed with the device.
"""

import re
from typing import Final

from devices.driver import Driver
from devices.framing.base import Frame
from devices.framing.stx import REFUSED, StxFraming
from recordings.astm.frames import ACK, ENQ, EOT, NAK
from recordings.laboratory.mini_vidas import fault_of

MEDIA_TYPE: Final = "text/vnd.biomerieux.mini-vidas"
_END: Final = re.compile(rb"\x1d[\x00-\xff]{2}")
"""GS and the two checksum digits behind it."""


class MiniVidas(Driver):
    """Answers, and never asks."""

    name = "mini-vidas"
    media_type = MEDIA_TYPE
    idle_s = 15.0

    def framing(self) -> StxFraming:
        """A fresh framing."""
        return StxFraming(lambda raw: Frame(raw, MEDIA_TYPE), end=_END, words=ENQ + EOT, check=fault_of)

    def answer(self, frame: Frame) -> bytes:
        """ACK for an enquiry and a message, NAK for a damaged one."""
        if frame.media_type == MEDIA_TYPE or frame.raw == ENQ:
            return ACK
        return NAK if frame.media_type == REFUSED else b""
