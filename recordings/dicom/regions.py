"""Calibrated regions of ultrasound pictures (DICOM PS3.3, section C.8.5.5): what a pixel is worth, and where.

A distance may be measured only inside one region; outside, and between two, a pixel has no length.
"""

from dataclasses import dataclass
from typing import Final

from pydicom.dataset import Dataset

from recordings.dicom.file import whole

MAX_REGIONS: Final = 64
_FORMS: Final = {1: "2D", 2: "M-mode", 3: "spectral", 4: "wave form", 5: "graphics"}
"""RegionSpatialFormat (PS3.3, C.8.5.5.1.1)."""
_UNITS: Final = {
    1: "%", 2: "dB", 3: "cm", 4: "s", 5: "Hz", 6: "dB/s", 7: "cm/s", 8: "cm2", 9: "cm2/s", 10: "cm3", 11: "cm3/s",
    12: "deg",
}  # fmt: skip
"""PhysicalUnitsXDirection and ...YDirection (PS3.3, C.8.5.5.1.15) as UCUM; 0 is none."""
_MOST: Final = 1e6


@dataclass(frozen=True, slots=True)
class Region:
    """One region: its edges in pixels from the top left, all inside it, and what one pixel is each way.

    `x_unit` and `y_unit` are UCUM, empty where that direction has none; `x_step` and `y_step` are positive.
    """

    form: str
    left: int
    top: int
    right: int
    bottom: int
    x_unit: str
    x_step: float
    y_unit: str
    y_step: float

    def in_words(self) -> str:
        """One line, to be read in any language: `2D ↔ 0.3 mm/px ↕ 0.3 mm/px, 120 mm`; the last is its whole depth."""
        parts = [self.form]
        parts += [f"↔ {_said(self.x_step, self.x_unit)}/px"] if self.x_unit else []
        parts += [f"↕ {_said(self.y_step, self.y_unit)}/px"] if self.y_unit else []
        depth = f", {_said(self.y_step * (self.bottom - self.top + 1), 'cm')}" if self.y_unit == "cm" else ""
        return " ".join(parts) + depth


def regions_of(dataset: Dataset) -> tuple[Region, ...]:
    """The picture's regions with a calibration, in the order of the file; broken ones are left out."""
    found = []
    for item in list(dataset.get("SequenceOfUltrasoundRegions") or ())[:MAX_REGIONS]:
        region = _region(item, whole(dataset, "Rows", 1, 1 << 16), whole(dataset, "Columns", 1, 1 << 16))
        if region is not None:
            found.append(region)
    return tuple(found)


def _region(item: Dataset, rows: int, columns: int) -> Region | None:
    edges = [item.get(f"RegionLocation{edge}") for edge in ("MinX0", "MinY0", "MaxX1", "MaxY1")]
    steps = [item.get(f"PhysicalDelta{axis}") for axis in "XY"]
    if any(not isinstance(value, int) for value in edges) or any(not isinstance(value, float) for value in steps):
        return None
    left, top, right, bottom = edges
    if not (0 <= left <= right < columns and 0 <= top <= bottom < rows):
        return None
    units = [_UNITS.get(int(item.get(f"PhysicalUnits{axis}Direction") or 0), "") for axis in "XY"]
    sizes = [abs(step) for step in steps]
    if not any(unit and 0 < size < _MOST for unit, size in zip(units, sizes, strict=True)):
        return None
    form = _FORMS.get(int(item.get("RegionSpatialFormat") or 0), "region")
    return Region(form, left, top, right, bottom, units[0], sizes[0], units[1], sizes[1])


def _said(value: float, unit: str) -> str:
    if unit == "cm":
        return f"{value * 10:.3g} mm"
    return f"{value:.3g} {unit}"
