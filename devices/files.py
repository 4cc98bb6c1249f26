"""A device that drops files: each file is one delivery, and its bytes say what it is."""

from typing import Final

from clinic_records.errors import BadFrame
from devices.driver import Driver
from devices.framing.base import Frame

MEDIA_TYPE: Final = "application/vnd.clinic.device-file"
"""A file of a format that `recordings` finds out."""
LARGEST: Final = 64 << 20
"""Bytes: a day's Holter fits; DICOM studies come over the network."""


class WholeFile:
    """Everything up to the end is one frame; what is larger than a file of a device is not kept whole in memory."""

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, data: bytes) -> list[Frame | BadFrame]:
        """Nothing before the end, except what is too large."""
        self._held += data
        if len(self._held) <= LARGEST:
            return []
        return [BadFrame(f"more than {LARGEST} bytes: no file of such a device is as large", raw=self._take())]

    def idle(self) -> list[Frame | BadFrame]:
        """The file."""
        return [Frame(self._take(), MEDIA_TYPE)] if self._held else []

    def _take(self) -> bytes:
        raw = bytes(self._held)
        self._held.clear()
        return raw


class FileDrop(Driver):
    """Any device that writes files of a known format."""

    name = "file"
    media_type = MEDIA_TYPE

    def framing(self) -> WholeFile:
        """A fresh one for each file."""
        return WholeFile()
