"""The flow-volume curve with the axes of ATS/ERS 2019: 2 L/s on the flow axis as long as 1 L on the volume axis."""

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clinic_records.errors import RefusedInput
from clinic_web.draw import svg

MM_PER_L: Final = 20.0
MM_PER_L_S: Final = MM_PER_L / 2
"""ATS/ERS 2019 (Am J Respir Crit Care Med 200: e70), display: flow to volume 2 L/s : 1 L."""
_LEFT_MM: Final = 16.0
_RIGHT_MM: Final = 6.0
_TOP_MM: Final = 8.0
_BOTTOM_MM: Final = 14.0
_LEAST_L: Final = 4
_LEAST_L_S: Final = 8
_MOST_L: Final = 20
_MOST_L_S: Final = 30
_CURVE: Final = "#0B3C6F"
_GRID: Final = "#D5DBE0"
_INK: Final = "#14202B"


def flow_volume_svg(volume_l: ArrayLike, flow_l_s: ArrayLike, *, caption: str = "") -> str:
    """The curve as an SVG in millimetres; litres to the right, expired flow up, inspired flow down.

    Raises:
        RefusedInput: the two differ in length, or hold values no lung reaches.
    """
    volume = np.asarray(volume_l, dtype=np.float64)
    flow = np.asarray(flow_l_s, dtype=np.float64)
    if volume.ndim != 1 or volume.shape != flow.shape:
        raise RefusedInput(f"flow-volume drawing: {volume.shape} volumes, {flow.shape} flows")
    right, lowest_l = _reach(volume, _LEAST_L, 1)
    highest, lowest = _reach(flow, _LEAST_L_S, 2)
    if max(right, -lowest_l) > _MOST_L or max(highest, -lowest) > _MOST_L_S:
        raise RefusedInput("flow-volume drawing: more than 20 L or 30 L/s; the values are not those of a lung")
    x0 = _LEFT_MM - lowest_l * MM_PER_L
    y0 = _TOP_MM + highest * MM_PER_L_S
    width = x0 + right * MM_PER_L + _RIGHT_MM
    bottom = y0 - lowest * MM_PER_L_S
    height = bottom + _BOTTOM_MM
    grid = "".join(f"M{x0 + litre * MM_PER_L:g} {_TOP_MM:g}V{bottom:g}" for litre in range(lowest_l, right + 1))
    ticks = range(lowest, highest + 1, 2)
    grid += "".join(f"M{_LEFT_MM:g} {y0 - step * MM_PER_L_S:g}H{width - _RIGHT_MM:g}" for step in ticks)
    parts = [
        f'<rect width="{width:g}" height="{height:g}" fill="#FFFFFF"/>',
        svg.lines(grid, _GRID, 0.2),
        svg.lines(f"M{x0:g} {_TOP_MM:g}V{bottom:g}M{_LEFT_MM:g} {y0:g}H{width - _RIGHT_MM:g}", _INK, 0.35),
    ]
    parts += [_number(x0 + litre * MM_PER_L, bottom + 4, litre, "middle") for litre in range(lowest_l, right + 1)]
    parts += [_number(_LEFT_MM - 1.5, y0 - step * MM_PER_L_S + 1.2, step, "end") for step in ticks]
    parts.append(svg.text(_LEFT_MM, 5, "流量 flow (L/s)"))
    label = ' text-anchor="end"'
    parts.append(svg.text(width - _RIGHT_MM, bottom + 10, "容积 volume (L)", extra=label))
    if caption:
        parts.append(svg.text(_LEFT_MM, bottom + 10, caption))
    if len(volume):
        parts.append(svg.curve(x0 + volume * MM_PER_L, y0 - flow * MM_PER_L_S, _CURVE, 0.5, "flow-volume"))
    else:
        parts.append(svg.text(x0 + 10, y0 - 10, "没有曲线 no curve"))
    return svg.document(width, height, "流量容积曲线 flow-volume curve", parts)


def _reach(values: NDArray[np.float64], least: int, step: int) -> tuple[int, int]:
    """(highest, lowest) whole tick that holds all values, at least 0..least."""
    finite = values[np.isfinite(values)]
    if not len(finite):
        return least, 0
    top, low = float(finite.max()), float(finite.min())
    highest = max(least, int(np.ceil(min(top, 1e6) / step)) * step)
    # A drift of some millilitres below 0 does not open a second quadrant.
    return highest, int(np.floor(max(low, -1e6) / step)) * step if low < -0.05 * step else 0


def _number(x: float, y: float, value: int, anchor: str) -> str:
    return svg.text(x, y, str(value), size_mm=3, extra=f' text-anchor="{anchor}"')
