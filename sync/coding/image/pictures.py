"""Frames as pictures: each by itself, with a coder of still pictures that loses nothing (imagecodecs, BSD-3-Clause)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from clinic_records.errors import BadFrame
from sync.coding.image.blocks import Method, Reading, lengths
from sync.coding.image.layout import Shape

Picture = NDArray[Any]
"""(row, column) or (row, column, colour); uint8 or uint16."""


@dataclass(frozen=True)
class Effort:
    """One way to encode pictures. `name` is for people; the bytes name only the method."""

    name: str
    method: Method
    encode: Callable[[Picture], bytes]
    is_for: Callable[[Shape], bool]


def _jpeg_xl(effort: int) -> Callable[[Picture], bytes]:
    def encode(picture: Picture) -> bytes:
        return bytes(imagecodecs.jpegxl_encode(picture, lossless=True, effort=effort, numthreads=1))

    return encode


def _webp(method: int) -> Callable[[Picture], bytes]:
    def encode(picture: Picture) -> bytes:
        return bytes(imagecodecs.webp_encode(picture, lossless=True, level=50, method=method, numthreads=1))

    return encode


def _is_any(_: Shape) -> bool:
    return True


def _is_colour(shape: Shape) -> bool:
    return shape.samples == 3 and shape.bits == 8


EFFORTS: Final = (
    Effort("JPEG XL 1", Method.JPEG_XL, _jpeg_xl(1), _is_any),
    Effort("JPEG XL 2", Method.JPEG_XL, _jpeg_xl(2), _is_any),
    Effort("JPEG XL 3", Method.JPEG_XL, _jpeg_xl(3), _is_any),
    Effort("WebP 1", Method.WEBP, _webp(1), _is_colour),
    Effort("WebP 3", Method.WEBP, _webp(3), _is_colour),
)
"""Fastest first. Higher efforts gain little and are slower than two children can be ahead of a fast link with."""

_DECODERS: Final[Mapping[Method, Callable[[bytes], Picture]]] = {
    Method.JPEG_XL: partial(imagecodecs.jpegxl_decode, numthreads=1),
    Method.WEBP: imagecodecs.webp_decode,
}


def picture_of(frame: NDArray[np.uint8], shape: Shape) -> Picture:
    """The frame whose bytes are `frame` as a picture."""
    values = frame.view(f"{shape.order}u2").astype(np.uint16) if shape.bits == 16 else frame
    if shape.samples == 1:
        return values.reshape(shape.rows, shape.columns)
    if shape.is_planar:
        return np.ascontiguousarray(values.reshape(shape.samples, shape.rows, shape.columns).transpose(1, 2, 0))
    return values.reshape(shape.rows, shape.columns, shape.samples)


def frame_of(picture: Picture, shape: Shape) -> NDArray[np.uint8]:
    """The bytes of the frame that `picture_of` made."""
    values = picture.transpose(2, 0, 1) if shape.is_planar else picture
    return np.ascontiguousarray(values, dtype=f"{shape.order}u{shape.bits // 8}").view(np.uint8).reshape(-1)


def encode(group: NDArray[np.uint8], shape: Shape, effort: Effort) -> bytes:
    """A group of frames, (frame, byte), one picture each."""
    pictures = [effort.encode(picture_of(frame, shape)) for frame in group]
    return lengths(pictures) + b"".join(pictures)


def decode(method: Method, src: Reading, frames: int, shape: Shape) -> NDArray[np.uint8]:
    """A group of `frames` frames, (frame, byte).

    Raises:
        BadFrame: a picture is damaged or of another shape.
    """
    group = np.empty((frames, shape.frame_size), np.uint8)
    wanted = (shape.rows, shape.columns) if shape.samples == 1 else (shape.rows, shape.columns, shape.samples)
    for number, coded in enumerate(src.parts(frames)):
        try:
            picture = _DECODERS[method](coded)
        except (RuntimeError, ValueError, TypeError, MemoryError) as error:
            raise BadFrame(f"image: a frame does not decode: {error}") from error
        if picture.shape != wanted or picture.dtype.itemsize != shape.bits // 8:
            raise BadFrame(f"image: a frame of shape {picture.shape}, declared {wanted}")
        group[number] = frame_of(picture, shape)
    return group
