"""Grey levels of DICOM pictures (PS3.3, C.11.1 and C.11.2): one table from stored value to 0..255."""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_modality_lut, apply_voi

from recordings.arrays import FloatArray
from recordings.dicom.file import bad_dicom, text, whole

GreyArray = NDArray[np.uint8]

_MOST_BITS: Final = 16
"""Of a stored sample: more have no pictures of ours, and the table stays at 65,536 entries."""


def shown_grey(dataset: Dataset, stored: NDArray[np.generic], *, is_inverted: bool) -> GreyArray:
    """The picture as a screen shows it: rescaled, windowed by the file's first window or its own range, 8 bits."""
    bits = whole(dataset, "BitsStored", 1, _MOST_BITS)
    is_signed = bool(whole(dataset, "PixelRepresentation", 0, 1)) if "PixelRepresentation" in dataset else False
    low = -(1 << (bits - 1)) if is_signed else 0
    index = np.clip(stored.astype(np.int32, copy=False), low, low + (1 << bits) - 1)
    index -= low
    present = np.zeros(1 << bits, np.bool_)
    present[index.reshape(-1)] = True
    table = _table(dataset, low, bits, present)
    return (255 - table if is_inverted else table)[index]


def _table(dataset: Dataset, low: int, bits: int, present: NDArray[np.bool_]) -> GreyArray:
    domain = np.arange(low, low + (1 << bits))
    values = np.asarray(apply_modality_lut(domain, dataset), np.float64)
    if dataset.get("VOILUTSequence") and not dataset.get("WindowCenter"):
        mapped = np.asarray(apply_voi(values.astype(np.int64), dataset, index=0), np.float64)
        return _scaled(mapped, 0.0, float(_voi_top(dataset)))
    window = _window(dataset)
    if window is not None:
        return _scaled(values, *window)
    if bits <= 8:
        return _scaled(values, float(values.min()), float(np.ptp(values)))
    seen = values[present]
    return _scaled(values, float(seen.min()), max(float(np.ptp(seen)), 1.0))


def _scaled(values: FloatArray, low: float, span: float) -> GreyArray:
    return np.rint(np.clip((values - low) / (span or 1.0), 0.0, 1.0) * 255).astype(np.uint8)


def _window(dataset: Dataset) -> tuple[float, float] | None:
    """Where the first window begins, and its width; the three functions are drawn as lines (PS3.3, C.11.2.1.3)."""
    centre, width = _first(dataset, "WindowCenter"), _first(dataset, "WindowWidth")
    if centre is None or width is None:
        return None
    if text(dataset, "VOILUTFunction") == "LINEAR_EXACT":
        return (centre - width / 2, width) if width > 0 else None
    return (centre - 0.5 - (width - 1) / 2, width - 1) if width > 1 else None


def _voi_top(dataset: Dataset) -> int:
    """The largest value of the VOI LUT's third descriptor: bits of an entry (PS3.3, C.11.2.1.1)."""
    bits = int(dataset.VOILUTSequence[0].LUTDescriptor[2])
    if not 1 <= bits <= _MOST_BITS:
        raise bad_dicom(f"VOILUTSequence has entries of {bits} bits")
    return (1 << bits) - 1


def _first(dataset: Dataset, keyword: str) -> float | None:
    value = dataset.get(keyword)
    if value is None or value == "":
        return None
    return float(value[0]) if hasattr(value, "__iter__") and not isinstance(value, str) else float(value)
