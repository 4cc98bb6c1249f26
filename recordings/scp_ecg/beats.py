"""Section 4: where the reference beat was subtracted, and which stretches kept their full sampling rate.

Body (SCP 5.7): length of the reference beat u16 ms, its fiducial sample u16, number of QRS u16; for each QRS: beat
type u16, first u32, fiducial u32 and last u32 sample of the subtraction; with bimodal compression then for each QRS
first u32 and last u32 sample of the protected stretch. Samples count from 1. A beat of type 0 is the reference beat.
"""

import struct
from dataclasses import dataclass
from typing import Final

from recordings.arrays import FloatArray
from recordings.scp_ecg.record import damaged

_HEAD = struct.Struct("<HHH")
_BEAT = struct.Struct("<HIII")
_ZONE = struct.Struct("<II")
MAX_BEATS: Final = 1200
"""Four minutes at 300 a minute; bounds time, for each beat is put into every lead."""


@dataclass(frozen=True, slots=True)
class Beat:
    """One QRS: its type and the subtraction's first, fiducial and last sample, from 1."""

    kind: int
    first: int
    fiducial: int
    last: int


@dataclass(frozen=True, slots=True)
class BeatTable:
    """Section 4; `protected` is empty where nothing was decimated."""

    reference_fiducial: int
    beats: tuple[Beat, ...]
    protected: tuple[tuple[int, int], ...]


def read_beats(section: bytes) -> BeatTable:
    """Section 4.

    Raises:
        BadFrame: it is cut, or a stretch ends before it begins.
    """
    if len(section) < _HEAD.size:
        raise damaged("section 4: no header")
    _, fiducial, count = _HEAD.unpack_from(section)
    if count > MAX_BEATS:
        raise damaged(f"section 4: {count} beats, more than {MAX_BEATS}")
    zones_at = _HEAD.size + count * _BEAT.size
    if zones_at > len(section):
        raise damaged(f"section 4: {count} beats in {len(section)} bytes")
    beats = tuple(Beat(*_BEAT.unpack_from(section, _HEAD.size + i * _BEAT.size)) for i in range(count))
    has_zones = zones_at + count * _ZONE.size <= len(section)
    zones = [_ZONE.unpack_from(section, zones_at + i * _ZONE.size) for i in range(count)] if has_zones else []
    for index, (first, last) in enumerate(zones, 1):
        if not 1 <= first <= last:
            raise damaged(f"section 4: protected stretch {index} runs from sample {first} to {last}")
    return BeatTable(fiducial, beats, tuple(sorted((first, last) for first, last in zones)))


def add_reference_beat(residual: FloatArray, reference: FloatArray, table: BeatTable, first_sample: int) -> None:
    """Add the reference beat, fiducial on fiducial, to `residual` in place (SCP annex C.3.4).

    `first_sample` is the lead's first sample number; `reference` must have the residual's rate and multiplier.
    """
    for beat in table.beats:
        if beat.kind != 0:
            continue
        shift = table.reference_fiducial - beat.fiducial  # reference sample = rhythm sample + shift, both from 1
        start = max(beat.first, first_sample, 1 - shift)
        end = min(beat.last, first_sample + len(residual) - 1, len(reference) - shift)
        if start <= end:
            residual[start - first_sample : end - first_sample + 1] += reference[start + shift - 1 : end + shift]
