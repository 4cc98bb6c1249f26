"""Bimodal compression: outside the protected stretches only every n-th sample, low-pass filtered, was kept.

SCP annex C.3.5: a stretch between protected ones is cut into groups of n samples (the last may be shorter) and one
sample stands for each group. We place it at the group's middle and draw straight lines between the middles; the
filtered stretch is lossy by design, the protected samples come back unchanged.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from recordings.scp_ecg.leads import Lead
from recordings.scp_ecg.samples import IntArray

Zones = tuple[tuple[int, int], ...]


def _stretches(lead: Lead, zones: Zones) -> Iterator[tuple[int, int, bool]]:
    """(first, last, is protected) of every stretch of the lead in order; zones that touch or overlap are joined."""
    at = lead.first
    for zone_first, zone_last in zones:
        first, last = max(zone_first, at), min(zone_last, lead.last)
        if first > last:
            continue
        if at < first:
            yield at, first - 1, False
        yield first, last, True
        at = last + 1
    if at <= lead.last:
        yield at, lead.last, False


def stored_samples(lead: Lead, zones: Zones, factor: int) -> int:
    """How many samples the record keeps of the lead."""
    return sum(
        last - first + 1 if kept else -(-(last - first + 1) // factor) for first, last, kept in _stretches(lead, zones)
    )


def expand(stored: IntArray, lead: Lead, zones: Zones, factor: int) -> NDArray[np.float64]:
    """The lead at its full rate from `stored_samples` numbers."""
    places: list[NDArray[np.float64]] = []
    for first, last, kept in _stretches(lead, zones):
        if kept:
            places.append(np.arange(first, last + 1, dtype=np.float64))
            continue
        starts = np.arange(first, last + 1, factor, dtype=np.float64)
        ends = np.minimum(starts + factor - 1, last)
        places.append((starts + ends) / 2)
    wanted = np.arange(lead.first, lead.last + 1, dtype=np.float64)
    return np.interp(wanted, np.concatenate(places), stored.astype(np.float64))
