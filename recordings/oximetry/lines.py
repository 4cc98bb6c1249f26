"""Lines of text with a date, as Nellcor and Masimo oximeters print them, cut into packets."""

import re
from collections.abc import Callable
from typing import Final

from recordings.oximetry.packet import Packet

LONGEST: Final = 256
"""Bytes of a line; the longest known one has 140."""
_MOST_BETWEEN: Final = 8
"""Lines without values (headings, empty ones) in a row that belong to the line of values behind them."""

_HEADINGS: Final = Packet(seconds=0.0, is_finger_in=False, is_good=False, spo2=None, pulse=None)
"""Headings behind which no more line comes."""


def is_part(raw: bytes) -> bool:
    """Whether the bytes can be the end or the beginning of a line."""
    text = raw.rstrip(b"\r\n")
    return len(raw) < LONGEST and text.isascii() and text.decode("ascii", "replace").isprintable()


def cut_lines(
    stream: bytes | bytearray, *, is_over: bool, read: Callable[[bytes], Packet | None], between: re.Pattern[bytes]
) -> tuple[int, Packet | None]:
    """The next line of values, with headings before it; see `packet.Cut`.

    Args:
        stream: from the start of a line on.
        is_over: nothing more will come.
        read: the values of a line without its end, None where it has none.
        between: lines that carry none and are no fault.
    """
    start = 0
    for _ in range(_MOST_BETWEEN):
        end = stream.find(b"\n", start, start + LONGEST) + 1
        if not end:
            break
        line = bytes(stream[start:end]).strip()
        packet = read(line)
        if packet is not None:
            return end, packet
        if not between.fullmatch(line):
            return end, None
        start = end
    else:
        return start, None
    if len(stream) - start >= LONGEST:
        return start + LONGEST, None
    if not is_over:
        return 0, None
    return (start, _HEADINGS) if start else (len(stream), None)
