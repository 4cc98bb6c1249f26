"""One compressed frame -> its samples, for each JPEG family's transfer syntax (DICOM PS3.5, annex A.4).

`imagecodecs` (BSD; libjpeg-turbo, CharLS, OpenJPEG) decodes; this module runs only where memory and time are limited.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from clinic_records.errors import BadFrame
from recordings.dicom.codestream import FrameSize, size_of

Samples = NDArray[np.generic]

_JPEG: Final = "1.2.840.10008.1.2.4."
_AS_STORED: Final = {1: "GRAYSCALE", 3: "RGB"}
"""Components -> colour space given to libjpeg both ways: the samples come out untransformed."""
_END: Final = b"\xff\xd9"
"""EOI (ISO/IEC 14495-1, annex C); in DICOM a zero may follow it, which makes the length even."""


def _lossless(frame: bytes, size: FrameSize) -> Any:
    space = _AS_STORED.get(size.components)
    return imagecodecs.jpeg8_decode(frame, colorspace=space, outcolorspace=space)


def _jpeg_ls(frame: bytes, size: FrameSize) -> Any:
    del size
    if not frame.rstrip(b"\0").endswith(_END):  # CharLS looks for it for seconds, and refuses the frame all the same
        raise ValueError("JPEG-LS without its end of image")
    return imagecodecs.jpegls_decode(frame)


def _jpeg_2000(frame: bytes, size: FrameSize) -> Any:
    del size
    return imagecodecs.jpeg2k_decode(frame, numthreads=1)


DECODERS: Final[Mapping[str, Callable[[bytes, FrameSize], Any]]] = {
    _JPEG + "51": _lossless,
    _JPEG + "57": _lossless,
    _JPEG + "70": _lossless,
    _JPEG + "80": _jpeg_ls,
    _JPEG + "81": _jpeg_ls,
    _JPEG + "90": _jpeg_2000,
    _JPEG + "91": _jpeg_2000,
    _JPEG + "201": _jpeg_2000,
    _JPEG + "202": _jpeg_2000,
    _JPEG + "203": _jpeg_2000,
}
"""Transfer syntax UID -> decoder. JPEG Baseline, RLE and plain pixels are pydicom's."""


def decode_frame(frame: bytes, syntax: str, *, rows: int, columns: int, components: int) -> Samples:
    """The samples of one frame, rows x columns (x components), as they were coded.

    Raises:
        BadFrame: its own header says another size, or it is damaged.
    """
    size = size_of(frame)
    if (size.rows, size.columns, size.components) != (rows, columns, components):
        said = f"{size.rows} x {size.columns} x {size.components}"
        raise BadFrame(f"the frame is {said}, the file says {rows} x {columns} x {components}", raw=frame[:64])
    try:
        samples: Samples = np.asarray(DECODERS[syntax](frame, size))
    except (RuntimeError, ValueError, TypeError, NotImplementedError) as error:
        raise BadFrame(f"the compressed frame is damaged: {str(error)[:200]}", raw=frame[:64]) from error
    if samples.shape[:2] != (rows, columns) or samples.ndim != (2 if components == 1 else 3):
        raise BadFrame(f"the frame unpacks to {samples.shape}", raw=frame[:64])
    return samples
