"""The Arkray Spotchem EL on its serial line: it only speaks (layout in `recordings.laboratory.spotchem_el`)."""

from typing import Final

from devices.driver import Driver
from devices.framing.base import Frame
from devices.framing.stx import StxFraming

MEDIA_TYPE: Final = "text/vnd.arkray.spotchem-el"


class SpotchemEl(Driver):
    """No words of our own."""

    name = "spotchem-el"
    media_type = MEDIA_TYPE

    def framing(self) -> StxFraming:
        """A fresh framing."""
        return StxFraming(lambda raw: Frame(raw, MEDIA_TYPE))
