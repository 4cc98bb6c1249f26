"""Pieces of SVG all drawings share: one user unit is one millimetre; no styles, so a strict content policy holds."""

from typing import Final
from xml.sax.saxutils import escape, quoteattr

import numpy as np
from numpy.typing import NDArray

FONTS: Final = "Noto Sans, Noto Sans CJK SC, Source Han Sans SC, Microsoft YaHei, WenQuanYi Micro Hei, sans-serif"
STEPS_PER_MM: Final = 100
"""Curves are drawn in whole steps of 0.01 mm, a thirtieth of the trace's width."""


def document(width_mm: float, height_mm: float, title: str, parts: list[str]) -> str:
    """A whole SVG of that size; `title` is read aloud by screen readers."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width_mm:g}mm" height="{height_mm:g}mm" '
        f'viewBox="0 0 {width_mm:g} {height_mm:g}" role="img" font-family={quoteattr(FONTS)}>'
        f"<title>{escape(title)}</title>" + "".join(parts) + "</svg>"
    )


def text(x: float, y: float, words: str, *, size_mm: float = 3.2, fill: str = "#14202B", extra: str = "") -> str:
    """One line of text whose baseline begins at (x, y)."""
    return f'<text x="{x:g}" y="{y:g}" font-size="{size_mm:g}" fill="{fill}"{extra}>{escape(words)}</text>'


def lines(path: str, colour: str, width_mm: float, extra: str = "") -> str:
    """An unfilled path in millimetres."""
    return f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="{width_mm:g}"{extra}/>'


def curve(x_mm: NDArray[np.float64], y_mm: NDArray[np.float64], colour: str, width_mm: float, name: str) -> str:
    """A polyline through the points, in whole hundredths of a millimetre, points on a straight line left out.

    A gap (NaN) lifts the pen. `name` becomes `data-name`.
    """
    path = "".join(_stretch(part) for part in _stretches(x_mm, y_mm))
    scale = f"scale({1 / STEPS_PER_MM:g})"
    return (
        f'<path data-name={quoteattr(name)} transform="{scale}" d="{path}" fill="none" stroke="{colour}" '
        f'stroke-width="{width_mm * STEPS_PER_MM:g}" stroke-linejoin="round" stroke-linecap="round"/>'
    )


def _stretches(x_mm: NDArray[np.float64], y_mm: NDArray[np.float64]) -> list[NDArray[np.int64]]:
    """Runs of points without gaps, N x 2 in steps."""
    is_there = np.isfinite(x_mm) & np.isfinite(y_mm)
    edges = np.flatnonzero(np.diff(is_there.astype(np.int8))) + 1
    points = np.column_stack([x_mm, y_mm])
    runs = zip(np.split(points, edges), np.split(is_there, edges), strict=True)
    return [np.rint(run * STEPS_PER_MM).astype(np.int64) for run, there in runs if len(there) and there[0]]


def _stretch(points: NDArray[np.int64]) -> str:
    if len(points) > 2:
        steps = np.diff(points, axis=0)
        turns = steps[1:, 0] * steps[:-1, 1] != steps[1:, 1] * steps[:-1, 0]
        backs = (steps[1:] * steps[:-1]).sum(axis=1) < 0
        points = points[np.concatenate(([True], turns | backs, [True]))]
    first, steps = points[0], np.diff(points, axis=0)
    return f"M{first[0]} {first[1]}" + "".join(f"l{dx} {dy}" for dx, dy in steps.tolist() if dx or dy)
