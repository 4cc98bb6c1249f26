"""A day whose ultrasound is made of real frames: crops, at native pixels, of uncompressed pictures that pydicom ships.

Frozen: coders are tuned after it, never it after a coder. A window wanders over each picture by whole pixels, so every
pixel is one a scanner made and no two frames of the day are equal. `SHA256` says whether the day is still that day.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.data import get_testdata_file

from benchmarks.sync.day import loop_file

SEED: Final = 20261124
TARGET: Final = 20_000_000
"""Bytes of pixels a loop, as in the generated day."""
STEP: Final = 2
"""Pixels the window moves at most from frame to frame, each way: a hand that holds a probe."""
SHA256: Final = "dcdfb2059ae615203c1511eaa5d0d93fe996a6cb579e400581413f4155e639bd"
"""Of the ten files in order."""


@dataclass(frozen=True)
class Source:
    """One picture and the window that wanders over it."""

    file: str
    rows: int
    columns: int


SOURCES: Final = (
    Source("examples_jpeg2k.dcm", 400, 560),  # RGB 480 x 640, kept in the package without loss
    Source("examples_rgb_color.dcm", 200, 272),  # RGB 240 x 320
    Source("examples_palette.dcm", 300, 720),  # palette 350 x 800
    Source("examples_overlay.dcm", 252, 420),  # 12 of 16 bits, grey, 300 x 484
)
LOOPS: Final = (0, 1, 2, 0, 1, 2, 0, 1, 2, 3)
"""Which source each loop of the day is made of."""

_SAID: Final = (
    "SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration", "BitsAllocated", "BitsStored", "HighBit",
    "PixelRepresentation", "RedPaletteColorLookupTableDescriptor", "GreenPaletteColorLookupTableDescriptor",
    "BluePaletteColorLookupTableDescriptor", "RedPaletteColorLookupTableData", "GreenPaletteColorLookupTableData",
    "BluePaletteColorLookupTableData",
)  # fmt: skip


@dataclass(frozen=True)
class Picture:
    """A source's pixels, (row, column) or (row, column, colour), and what DICOM says of them."""

    pixels: NDArray[Any]
    attributes: dict[str, Any]


def picture_of(source: Source) -> Picture:
    """Read one of pydicom's own test files, which lie in its package."""
    path = get_testdata_file(source.file, download=False)
    dataset = pydicom.dcmread(str(path))
    if dataset.file_meta.TransferSyntaxUID.is_compressed:
        dataset.decompress()
    pixels = dataset.pixel_array
    attributes = {name: dataset[name].value for name in _SAID if name in dataset}
    return Picture(pixels, attributes)


def windows(source: Source, picture: Picture, loop: int) -> list[NDArray[Any]]:
    """The frames of one loop. Loops of one source begin in different columns and never show the same window."""
    rng = np.random.default_rng((SEED, loop))
    limit = np.array(picture.pixels.shape[:2]) - (source.rows, source.columns)
    wanted = TARGET // picture.pixels[: source.rows, : source.columns].nbytes
    ours = LOOPS[:loop].count(LOOPS[loop])
    seen: set[tuple[int, int]] = set()
    frames: list[NDArray[Any]] = []
    place = limit // 2
    while len(frames) < wanted:
        place = (place + rng.integers(-STEP, STEP + 1, 2)).clip(0, limit)
        row, column = int(place[0]), int(place[1])
        # three loops of a source share its windows: each shows one residue of the row
        if (row, column) in seen or row % 3 != ours:
            continue
        seen.add((row, column))
        frames.append(picture.pixels[row : row + source.rows, column : column + source.columns])
    return frames


def real_loop(_rng: np.random.Generator, loop: int) -> bytes:
    """The DICOM file of one loop: a `Loop` of `generated_day`."""
    source = SOURCES[LOOPS[loop]]
    picture = picture_of(source)
    frames = windows(source, picture, loop)
    attributes = {
        **picture.attributes,
        "Rows": source.rows,
        "Columns": source.columns,
        "NumberOfFrames": len(frames),
    }
    return loop_file(np.stack(frames).tobytes(), loop, attributes)
