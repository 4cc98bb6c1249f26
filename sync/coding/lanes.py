"""Arithmetic on rows of 16-bit numbers, all at once in one Python integer: no array library where memory is scarce.

A lane is 16 bits, the first one lowest. Additions are kept inside their lanes by doing the top bit apart (Lamport,
"Multiple byte processing with full-word instructions", Communications of the ACM 18(8), 1975).
"""

from dataclasses import dataclass
from functools import lru_cache

LANE = 16


@dataclass(frozen=True)
class Masks:
    """For rows of one length: every bit, the top bits, the lowest bits of its lanes."""

    whole: int
    top: int
    low: int


@lru_cache(maxsize=8)
def masks(lanes: int) -> Masks:
    """Of rows of `lanes` lanes."""
    low = int.from_bytes(b"\1\0" * lanes, "little")
    return Masks(low * 0xFFFF, low << (LANE - 1), low)


def differences(row: int, stride: int, mask: Masks) -> int:
    """Each lane less the one `stride` lanes before it (0 before the first), modulo 2**16."""
    before = (row << LANE * stride) & mask.whole
    apart = ((row | mask.top) - (before & ~mask.top)) & mask.whole
    return apart ^ (row ^ before ^ mask.top) & mask.top


def sums(row: int, stride: int, lanes: int, mask: Masks) -> int:
    """The row whose `differences` this is: running sums, doubled in reach at each step."""
    while stride < lanes:
        before = (row << LANE * stride) & mask.whole
        row = ((row & ~mask.top) + (before & ~mask.top)) ^ (row ^ before) & mask.top
        stride *= 2
    return row


def folded(row: int, mask: Masks) -> int:
    """Signed lanes as unsigned ones, small for small sizes: 0, -1, 1, -2 ... become 0, 1, 2, 3 ..."""
    negative = ((row & mask.top) >> (LANE - 1)) * 0xFFFF
    return ((row & ~mask.top) << 1) ^ negative


def unfolded(row: int, mask: Masks) -> int:
    """The row whose `folded` this is."""
    negative = (row & mask.low) * 0xFFFF
    return ((row & (mask.whole ^ mask.low)) >> 1) ^ negative
