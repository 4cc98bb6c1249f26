"""Bedside oximeters that print lines of text (Nellcor, Masimo); they only speak."""

from devices.driver import Driver
from devices.framing.spot import SpotFraming
from recordings.oximetry import masimo, nellcor
from recordings.oximetry.lines import is_part


class Nellcor(Driver):
    """A line every two seconds, so half a measurement is over only after several of them are missing."""

    name = "nellcor-lines"
    media_type = nellcor.MEDIA_TYPE
    idle_s = 7.0

    def framing(self) -> SpotFraming:
        """A fresh framing."""
        return SpotFraming(nellcor.cut, nellcor.MEDIA_TYPE, is_part=is_part)


class Masimo(Driver):
    """A line every second."""

    name = "masimo-lines"
    media_type = masimo.MEDIA_TYPE
    idle_s = 5.0

    def framing(self) -> SpotFraming:
        """A fresh framing."""
        return SpotFraming(masimo.cut, masimo.MEDIA_TYPE, is_part=is_part)
