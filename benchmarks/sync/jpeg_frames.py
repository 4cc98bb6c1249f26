"""The generated day with its ultrasound already compressed by the scanner: JPEG baseline in DICOM (PS3.5, A.4.1)."""

from io import BytesIO
from typing import Final

import numpy as np
from PIL import Image
from pydicom.encaps import encapsulate
from pydicom.uid import JPEGBaseline8Bit

from benchmarks.sync.day import MONOCHROME, loop_file, speckle_frames

QUALITY: Final = 85
"""Of Pillow's scale; scanners keep loops at about 10:1 to 15:1, speckle resists and comes to about 3:1."""


def jpeg_loop(rng: np.random.Generator, number: int) -> bytes:
    """The DICOM file of one loop: a `Loop` of `generated_day`, of the same frames."""
    pictures = []
    for frame in speckle_frames(rng):
        target = BytesIO()
        Image.fromarray(frame).save(target, "JPEG", quality=QUALITY)
        pictures.append(target.getvalue())
    said = {"LossyImageCompression": "01", "LossyImageCompressionMethod": "ISO_10918_1"}
    return loop_file(encapsulate(pictures), number, {**MONOCHROME, **said}, JPEGBaseline8Bit)
