"""The twelve-lead ECG on millimetre paper.

Paper convention (AHA/ACC/HRS 2007, doi 10.1016/j.jacc.2007.01.024): 25 mm/s, 10 mm/mV, a calibration pulse of 1 mV
and 0.2 s before every row, speed and gain in writing. Leads of one column are cut from the same 2.5 s. Only a lead's
median is taken off, so that each trace lies on its row; nothing is filtered or smoothed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from clinic_records.errors import RefusedInput
from clinic_web.draw import svg
from recordings.arrays import FloatArray
from recordings.leads import TWELVE
from recordings.signal import Signal

PULSE_MV: Final = 1.0
PULSE_MM: Final = 5.0
_MARGIN_MM: Final = 5.0
_PULSE_ROOM_MM: Final = 15.0
_ROW_MV: Final = 3.0
"""Room of a row; taller complexes run into the next one, as on paper."""
_FOOT_MM: Final = 10.0
_SECONDS: Final = 10.0
_FINEST_MM: Final = 0.05
"""Samples closer than this are drawn as the highest and lowest of each stretch of 0.1 mm."""

_MV: Final = {"mV": 1.0, "uV": 1e-3, "nV": 1e-6, "V": 1e3}


@dataclass(frozen=True, slots=True)
class Paper:
    """Colours of ground, 1 mm and 5 mm lines, trace and writing."""

    ground: str
    fine: str
    coarse: str
    trace: str
    ink: str


PAPERS: Final = {
    "day": Paper("#FFFDFB", "#F6C9C9", "#E58F8F", "#101010", "#14202B"),
    "grey": Paper("#FFFFFF", "#D9D9D9", "#A6A6A6", "#101010", "#101010"),
    "dark": Paper("#0E1116", "#2A3A33", "#3F5A4E", "#E9F7EE", "#F1F5F8"),
}

LAYOUTS: Final[dict[str, tuple[tuple[str, ...], ...]]] = {
    "3x4": (("I", "aVR", "V1", "V4"), ("II", "aVL", "V2", "V5"), ("III", "aVF", "V3", "V6"), ("II",)),
    "6x2": tuple((TWELVE[row], TWELVE[row + 6]) for row in range(6)),
    "12x1": tuple((name,) for name in TWELVE),
}
"""Rows of leads; a row shares the ten seconds equally among its leads."""


def ecg_svg(
    signals: Sequence[Signal],
    *,
    gain_mm_mv: float = 10,
    speed_mm_s: float = 25,
    layout: str = "3x4",
    paper: str = "day",
    caption: str = "",
) -> str:
    """The ECG as an SVG in real millimetres.

    A recording without any of the twelve leads is drawn one signal a row. A lead that was not recorded, or had no
    electrode on, is named with "未记录 not recorded", never left out in silence; what is no voltage (a pressure beside
    the ECG) is named at the foot. `caption` is written there too, beside speed and gain.

    Raises:
        RefusedInput: no signal, none that is a voltage, or an unknown layout or paper.
    """
    if layout not in LAYOUTS or paper not in PAPERS:
        raise RefusedInput(f"ECG drawing: layout {layout!r} or paper {paper!r} is not known")
    others = [f"{signal.name} [{signal.unit}]" for signal in signals if signal.unit not in _MV]
    if len(others) == len(signals):
        raise RefusedInput(f"ECG drawing: the recording holds no voltage, only {', '.join(others) or 'no signal'}")
    traces = {signal.name: _millivolts(signal) for signal in signals if signal.unit in _MV}
    rows = LAYOUTS[layout] if any(name in TWELVE for name in traces) else tuple((name,) for name in traces)
    colours = PAPERS[paper]
    pitch = np.ceil(_ROW_MV * gain_mm_mv / 5) * 5
    width = 2 * _MARGIN_MM + _PULSE_ROOM_MM + np.ceil(_SECONDS * speed_mm_s / 5) * 5
    height = 2 * _MARGIN_MM + len(rows) * pitch + _FOOT_MM
    parts = [_grid(width, height, colours)]
    by_name = {signal.name: signal for signal in signals}
    for number, row in enumerate(rows):
        base = _MARGIN_MM + (number + 0.5) * pitch
        parts.append(_pulse(_MARGIN_MM, base, gain_mm_mv, colours))
        seconds = _SECONDS / len(row)
        for place, name in enumerate(row):
            left = _MARGIN_MM + _PULSE_ROOM_MM + place * seconds * speed_mm_s
            parts.append(svg.text(left + 1, base - pitch / 2 + 4, name, fill=colours.ink, extra=' font-weight="bold"'))
            if name not in traces or not np.isfinite(traces[name]).any():
                parts.append(svg.text(left + 12, base, "未记录 not recorded", fill=colours.ink))
                continue
            cut = _cut(by_name[name], traces[name], place * seconds, (place + 1) * seconds)
            x, y = _thin(left + cut[0] * speed_mm_s, base - cut[1] * gain_mm_mv)
            parts.append(svg.curve(x, y, colours.trace, 0.3, name))
    words = f"{speed_mm_s:g} mm/s · {gain_mm_mv:g} mm/mV"
    rates = sorted({signal.sampling_hz for signal in signals})
    words += " · " + " ".join(f"{rate:g} Hz" for rate in rates) + (f" · {caption}" if caption else "")
    words += f" · 未画 not drawn: {', '.join(others)}" if others else ""
    parts.append(svg.text(_MARGIN_MM + _PULSE_ROOM_MM, height - _MARGIN_MM, words, fill=colours.ink))
    return svg.document(float(width), float(height), f"心电图 ECG, {words}", parts)


def _millivolts(signal: Signal) -> FloatArray:
    """The signal in mV about its own median."""
    values = signal.samples * _MV[signal.unit]
    finite = values[np.isfinite(values)]
    return values - np.median(finite) if len(finite) else values


def _cut(signal: Signal, values: FloatArray, start_s: float, end_s: float) -> tuple[FloatArray, FloatArray]:
    """(seconds after `start_s`, mV) of the samples within start_s..end_s of the recording."""
    times = signal.start_s + np.arange(len(values)) / signal.sampling_hz
    chosen = (times >= start_s - 1e-9) & (times <= end_s + 1e-9)
    return times[chosen] - start_s, values[chosen]


def _thin(x_mm: FloatArray, y_mm: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The same trace with at most two points every 0.1 mm, every peak kept."""
    if len(x_mm) < 3 or x_mm[1] - x_mm[0] >= _FINEST_MM - 1e-9 or not np.isfinite(y_mm).all():
        return x_mm, y_mm
    bins = np.floor((x_mm - x_mm[0]) / (2 * _FINEST_MM) + 1e-9).astype(np.int64)
    starts = np.flatnonzero(np.diff(bins, prepend=-1))
    kept = {0, len(x_mm) - 1}
    for first, last in zip(starts, [*starts[1:], len(x_mm)], strict=True):
        kept.add(int(first + np.argmin(y_mm[first:last])))
        kept.add(int(first + np.argmax(y_mm[first:last])))
    order = np.array(sorted(kept))
    return x_mm[order], y_mm[order]


def _grid(width: float, height: float, colours: Paper) -> str:
    fine = "".join(f"M{x} 0v{height:g}" for x in range(int(width) + 1) if x % 5)
    fine += "".join(f"M0 {y}h{width:g}" for y in range(int(height) + 1) if y % 5)
    coarse = "".join(f"M{x} 0v{height:g}" for x in range(0, int(width) + 1, 5))
    coarse += "".join(f"M0 {y}h{width:g}" for y in range(0, int(height) + 1, 5))
    ground = f'<rect width="{width:g}" height="{height:g}" fill="{colours.ground}"/>'
    return ground + svg.lines(fine, colours.fine, 0.1) + svg.lines(coarse, colours.coarse, 0.25)


def _pulse(left: float, base: float, gain_mm_mv: float, colours: Paper) -> str:
    """1 mV for 5 mm: foot, rise, top, fall, foot."""
    top = PULSE_MV * gain_mm_mv
    path = f"M{left:g} {base:g}h3v{-top:g}h{PULSE_MM:g}v{top:g}h3"
    return svg.lines(path, colours.trace, 0.3, ' data-name="pulse"')
