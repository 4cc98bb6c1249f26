"""The pulse wave of an oximeter: 25 mm a second; heights as the device sent them, for no unit is defined for them."""

from typing import Final

import numpy as np

from clinic_records.errors import RefusedInput
from clinic_web.draw import svg
from recordings.signal import Signal

MM_PER_S: Final = 25.0
_ROW_S: Final = 10.0
_ROW_MM: Final = 26.0
_SPACE_MM: Final = 8.0
_MOST_S: Final = 120.0
"""A spot measurement has one minute at most; more is another kind of recording."""
_CURVE: Final = "#0B3C6F"
_GRID: Final = "#D5DBE0"


def pleth_svg(signal: Signal, *, caption: str = "") -> str:
    """Rows of ten seconds; a gap in the signal lifts the pen.

    Raises:
        RefusedInput: no samples, no rate, or longer than a measurement takes.
    """
    seconds = len(signal.samples) / signal.sampling_hz if signal.sampling_hz > 0 else 0.0
    if not 0 < seconds <= _MOST_S:
        raise RefusedInput(f"pulse wave of {seconds:g} s: 0 to {_MOST_S:g} s can be drawn")
    finite = signal.samples[np.isfinite(signal.samples)]
    lowest, highest = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 1.0)
    span = highest - lowest or 1.0
    width, rows = _ROW_S * MM_PER_S + 2, int(np.ceil(seconds / _ROW_S))
    height = _SPACE_MM + rows * _ROW_MM
    parts = [f'<rect width="{width:g}" height="{height:g}" fill="#FFFFFF"/>']
    ticks = "".join(f"M{1 + second * MM_PER_S:g} {_SPACE_MM:g}V{height:g}" for second in range(int(_ROW_S) + 1))
    parts.append(svg.lines(ticks, _GRID, 0.2))
    per_row = round(_ROW_S * signal.sampling_hz)
    for row in range(rows):
        samples = signal.samples[row * per_row : (row + 1) * per_row]
        x_mm = 1 + np.arange(len(samples)) / signal.sampling_hz * MM_PER_S
        y_mm = _SPACE_MM + row * _ROW_MM + (1 - (samples - lowest) / span) * (_ROW_MM - 4) + 2
        parts.append(svg.curve(x_mm, y_mm, _CURVE, 0.4, f"pleth {row + 1}"))
    words = f"25 mm/s · 高度无单位 heights have no unit · {caption}".rstrip(" ·")
    parts.append(svg.text(1, 5, words))
    return svg.document(width, height, "脉搏波 pulse wave", parts)
