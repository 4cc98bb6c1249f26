"""Where in a loop a page stands: which frame it shows, and where its buttons lead."""

from typing import Final

import msgspec

from clinic_records.reading import Image, Reading

FAR: Final = 10
"""Frames of a long step."""


class Loop(msgspec.Struct, frozen=True):
    """A loop of `count` frames; `at` is the frame shown, from 1, or None while it plays.

    `steps` are the buttons: sign and frame (None: it is at that end already).
    """

    count: int
    at: int | None
    steps: tuple[tuple[str, int | None], ...]


def loop_of(reading: Reading, frame: int | None, *, is_playing: bool) -> Loop | None:
    """The loop a page shows; None for what has one frame or none."""
    if not isinstance(reading.content, Image) or reading.content.frames < 2:
        return None
    count = reading.content.frames
    here = min(max(frame if frame is not None else count // 2 + 1, 1), count)
    wanted = (("−10", here - FAR), ("−1", here - 1), ("+1", here + 1), ("+10", here + FAR))
    steps = tuple((sign, min(max(to, 1), count) if to not in (0, count + 1) else None) for sign, to in wanted)
    return Loop(count, None if is_playing else here, tuple((sign, None if to == here else to) for sign, to in steps))
