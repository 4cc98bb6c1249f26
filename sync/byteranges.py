"""Arithmetic on `Ranges`: sorted, disjoint, half-open byte ranges."""

from collections.abc import Iterable

from sync.ports import Ranges


def union(*parts: Iterable[tuple[int, int]]) -> Ranges:
    """All bytes of all `parts`; touching ranges grow together, empty ones vanish."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(each for part in parts for each in part):
        if start >= end:
            continue
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return tuple(merged)


def first_gap(ranges: Ranges, size: int, limit: int) -> tuple[int, int] | None:
    """The first bytes of [0, `size`) not in `ranges`, at most `limit` of them; None where all are there."""
    at = 0
    for start, end in ranges:
        if start > at:
            return at, min(start, at + limit)
        at = max(at, end)
    return (at, min(size, at + limit)) if at < size else None


def covers(ranges: Ranges, start: int, end: int) -> bool:
    """Whether [start, end) lies inside `ranges`."""
    return any(low <= start and end <= high for low, high in ranges)


def length(ranges: Ranges) -> int:
    """How many bytes."""
    return sum(end - start for start, end in ranges)
