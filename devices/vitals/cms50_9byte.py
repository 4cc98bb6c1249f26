"""Contec CMS50 of the second generation: live values are asked for, and asked for again before the device stops.

7D 81 A1 and six times 80 starts live values; 7D 81 AF keeps them coming; A7 and A2 before it are how the maker's
program begins. The device stops by itself after about 30 s without being asked. Sources: tobac/cms50ew;
headrotor/art-sensors; MarkMLl/Contec_cms50dplus (consoleapp.pas, remarks). Its other answers (types 02 to 14) have
fixed sizes: SleepyHead, cms50f37_loader.
"""

from typing import Final

from devices.driver import Driver
from devices.framing.base import Frame
from devices.framing.spot import QUIET, WORD, SpotFraming
from recordings.oximetry.cms50_9byte import MEDIA_TYPE, cut, is_part

_WORD_SIZES: Final = {0x02: 9, 0x03: 9, 0x04: 9, 0x05: 9, 0x06: 4, 0x07: 8, 0x08: 8, 0x09: 6, 0x0C: 2, 0x0E: 3, 0x11: 8}


def command(operation: int) -> bytes:
    """A command without arguments."""
    return bytes((0x7D, 0x81, operation)) + b"\x80" * 6


START: Final = command(0xA7) + command(0xA2) + command(0xA1)
KEEP: Final = command(0xAF)


class Cms50NineByte(Driver):
    """One connection."""

    name = "cms50-9byte"
    media_type = MEDIA_TYPE

    def framing(self) -> SpotFraming:
        """A fresh framing."""
        return SpotFraming(cut, MEDIA_TYPE, is_part=is_part, word=_word)

    def greeting(self) -> bytes:
        """Live values, please."""
        return START

    def answer(self, frame: Frame) -> bytes:
        """Go on, where a piece of the stream was handed over."""
        return KEEP if frame.media_type in {MEDIA_TYPE, QUIET} else b""

    def on_idle(self) -> bytes:
        """The device stopped, or was switched on just now."""
        return START


def _word(stream: bytes | bytearray) -> tuple[int, Frame | None]:
    size = _WORD_SIZES.get(stream[0], 0)
    if not size or any(not byte & 0x80 for byte in stream[1:size]):
        return 0, None
    if len(stream) < size:
        return size, None
    return size, Frame(bytes(stream[:size]), WORD, deliver=False)
