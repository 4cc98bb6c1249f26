"""Urine analysers that send the text they print (Dirui H-100, URIT-50): they only speak.

Layout and sources in `recordings.laboratory.urine_text`.
"""

from typing import Final

from devices.driver import Driver
from devices.framing.base import Frame
from devices.framing.stx import StxFraming

MEDIA_TYPE: Final = "text/vnd.clinic.urine-strip"


class UrineText(Driver):
    """No words of our own."""

    name = "urine-text"
    media_type = MEDIA_TYPE

    def framing(self) -> StxFraming:
        """A fresh framing."""
        return StxFraming(lambda raw: Frame(raw, MEDIA_TYPE))
