"""Speckle, coded by place: what the frames before had at a pixel tells how widely this frame's value scatters there.

Speckle is noise whose scale, not whose value, is constant at a place (Goodman, Speckle Phenomena in Optics, chapter 2).
The pixels of a group of frames are sorted by the mean of all frames before, cut into classes of nearly equal mean, and
each class is written with one Huffman code (zstd's literals, RFC 8878, section 4.2). Integers only, so that every
machine finds the same classes.
"""

from typing import Any, Final

import numpy as np
import zstandard
from numpy.typing import NDArray

from clinic_records.errors import BadFrame
from sync.coding.image.blocks import Reading, inflate, lengths

MAX_WIDTH: Final = 1536 * 1024
"""Bytes of a frame: sorting takes eight times as much memory."""
_SCALE: Final = 16
"""Parts of one grey value that a mean is known to."""
_STEPS: Final = 4
"""Classes an octave of the mean: a scale wrong by a tenth costs 0.02 bits a pixel."""
_MAX_LEARNT: Final = 4096
"""Frames after which nothing more is learnt: sums stay within 32 bits."""

Bytes8 = NDArray[np.uint8]


def _class_table() -> Bytes8:
    """Class of each mean: its octave and the first bits behind, in integers."""
    table = np.zeros(256 * _SCALE, np.uint8)
    for mean in range(1, table.size):
        octave = mean.bit_length() - 1
        table[mean] = 1 + _STEPS * octave + ((mean * _STEPS >> octave) - _STEPS)
    return table


_CLASSES: Final = _class_table()


class Positions:
    """What the frames so far had at each of `width` byte positions."""

    def __init__(self, width: int) -> None:
        self._sums = np.zeros(width, np.uint32)
        self._count = 0

    @property
    def is_ready(self) -> bool:
        """Whether there is a frame to learn from, and none is too large."""
        return self._count > 0 and self._sums.size <= MAX_WIDTH

    def learn(self, group: Bytes8) -> None:
        """Frames, (frame, position), that were just written or read."""
        if self._sums.size <= MAX_WIDTH and self._count < _MAX_LEARNT:
            self._sums += group.sum(axis=0, dtype=np.uint32)
            self._count += len(group)

    def _sorted(self) -> tuple[NDArray[np.intp], list[int]]:
        """Positions by class, and how many each class that occurs has."""
        classes = _CLASSES[self._sums * np.uint32(_SCALE) // np.uint32(self._count)]
        counts = np.bincount(classes)
        return np.argsort(classes, kind="stable"), [int(count) for count in counts if count]

    def encode(self, group: Bytes8) -> bytes:
        """`group`, (frame, position), by the classes of what was learnt."""
        order, counts = self._sorted()
        values = np.take(group, order, axis=1)
        packer, parts, at = zstandard.ZstdCompressor(compression_params=_LITERALS), [], 0
        for count in counts:
            symbols = values[:, at : at + count].tobytes()
            packed = packer.compress(symbols)
            parts.append(packed if len(packed) < len(symbols) else symbols)
            at += count
        return lengths(parts) + b"".join(parts)

    def decode(self, src: Reading, frames: int) -> Bytes8:
        """The group of `frames` frames in `src`.

        Raises:
            BadFrame: it is none.
        """
        if not self.is_ready:
            raise BadFrame("image: frames coded by what is not known yet")
        order, counts = self._sorted()
        values = np.empty((frames, order.size), np.uint8)
        at = 0
        for count, packed in zip(counts, src.parts(len(counts)), strict=True):
            size = frames * count
            symbols = packed if len(packed) == size else inflate(packed, size)
            values[:, at : at + count] = np.frombuffer(symbols, np.uint8).reshape(frames, count)
            at += count
        group = np.empty_like(values)
        group[:, order] = values
        return group


def _literals() -> Any:
    """Parameters that make zstd a Huffman coder: a match finder too small to find anything but runs."""
    return zstandard.ZstdCompressionParameters(
        strategy=zstandard.STRATEGY_FAST, window_log=17, hash_log=6, chain_log=6, search_log=1, min_match=7
    )


_LITERALS: Final = _literals()
