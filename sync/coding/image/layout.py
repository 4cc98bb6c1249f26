"""Where the pixels of a native DICOM file lie, and in what shape. A wrong answer costs compression, never a byte.

Sources: DICOM PS3.5 2024b, sections 7.1 (elements), 7.5 (sequences), annex A (transfer syntaxes); PS3.10, section 7.1.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import msgspec

HEAD: Final = 1024 * 1024
"""Bytes of a file in which its pixels must begin: ours begin within a few kilobytes, palettes included."""
MAX_FRAME: Final = 4 * 1024 * 1024
"""Bytes of one frame; a larger one is cut into bands of rows, so that a coder's memory stays small."""
MIN_BAND: Final = 32
"""Rows of the lowest band worth being a picture of its own."""

_UNDEFINED: Final = 0xFFFFFFFF
_LONG: Final = frozenset({b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"})
"""Value representations with two reserved bytes and 32 bits of length (PS3.5, table 7.1-1)."""
_SYNTAXES: Final = {
    b"1.2.840.10008.1.2": ("<", False),
    b"1.2.840.10008.1.2.1": ("<", True),
    b"1.2.840.10008.1.2.2": (">", True),
}
"""Native transfer syntaxes -> byte order, whether value representations are written."""
_TRANSFER_SYNTAX: Final = (0x0002, 0x0010)
_FRAMES: Final = (0x0028, 0x0008)
_SHORTS: Final = {
    (0x0028, 0x0002): "samples",
    (0x0028, 0x0006): "planar",
    (0x0028, 0x0010): "rows",
    (0x0028, 0x0011): "columns",
    (0x0028, 0x0100): "bits",
}
_PIXELS: Final = (0x7FE0, 0x0010)
_ITEM: Final = (0xFFFE, 0xE000)
_ENDS: Final = frozenset({(0xFFFE, 0xE00D), (0xFFFE, 0xE0DD)})


class Shape(msgspec.Struct, frozen=True, array_like=True):
    """Frames as they lie in the file. `bits` is 8 or 16 for each sample, `order` is `<` or `>`."""

    rows: int
    columns: int
    samples: int
    bits: int
    order: str
    is_planar: bool

    @property
    def frame_size(self) -> int:
        """Bytes of one frame."""
        return self.rows * self.columns * self.samples * self.bits // 8

    def is_sane(self) -> bool:
        """Whether the coder takes it."""
        return (
            self.bits in {8, 16}
            and self.samples in {1, 3}
            and self.order in {"<", ">"}
            and 0 < self.rows <= 0xFFFF
            and 0 < self.columns <= 0xFFFF
            and self.frame_size <= MAX_FRAME
        )


@dataclass(frozen=True)
class Layout:
    """`frames` frames of `shape` begin at byte `offset`."""

    offset: int
    frames: int
    shape: Shape


@dataclass(frozen=True)
class _Element:
    tag: tuple[int, int]
    start: int
    length: int


def find_layout(head: bytes) -> Layout | None:
    """Where the pixels of the file that begins with `head` lie; None where there are none that this coder takes."""
    if head[128:132] != b"DICM":
        return None
    try:
        return _layout(head)
    except (struct.error, ValueError, KeyError):
        return None


def _layout(head: bytes) -> Layout | None:
    syntax, begin = _meta(head)
    if syntax not in _SYNTAXES:
        return None
    order, is_explicit = _SYNTAXES[syntax]
    said = {"samples": 1, "planar": 0}
    frames = 1
    for element in _elements(head, begin, order, is_explicit=is_explicit):
        value = head[element.start : element.start + min(element.length, 16)]
        if element.tag in _SHORTS:
            (said[_SHORTS[element.tag]],) = struct.unpack_from(f"{order}H", value)
        elif element.tag == _FRAMES:
            frames = int(value.strip(b" \0"))
        elif element.tag == _PIXELS:
            if element.length == _UNDEFINED:
                return None
            is_planar = said["samples"] > 1 and said["planar"] == 1
            whole = Shape(said["rows"], said["columns"], said["samples"], said["bits"], order, is_planar)
            return _checked(element, frames, whole)
    return None


def _checked(pixels: _Element, frames: int, shape: Shape) -> Layout | None:
    missing = pixels.length - frames * shape.frame_size
    if frames < 1 or missing not in {0, 1}:
        return None
    if shape.frame_size > MAX_FRAME:
        bands = _bands(shape)
        shape = msgspec.structs.replace(shape, rows=shape.rows // bands)
        frames *= bands
    return Layout(pixels.start, frames, shape) if shape.is_sane() else None


def _bands(shape: Shape) -> int:
    """How many equal bands of rows make a large frame small enough; 1 where none do."""
    if shape.is_planar:
        return 1
    for bands in range(2, shape.rows // MIN_BAND + 1):
        if shape.rows % bands == 0 and shape.frame_size // bands <= MAX_FRAME:
            return bands
    return 1


def _meta(head: bytes) -> tuple[bytes, int]:
    """The transfer syntax, and where the dataset behind the file meta information begins."""
    syntax, at = b"", 132
    for element in _elements(head, 132, "<", is_explicit=True):
        if element.tag[0] != 0x0002:
            break
        if element.tag == _TRANSFER_SYNTAX:
            syntax = head[element.start : element.start + element.length].rstrip(b"\0 ")
        at = element.start + element.length
    return syntax, at


def _elements(head: bytes, at: int, order: str, *, is_explicit: bool) -> Iterator[_Element]:
    """The elements of the outermost level, as far as `head` goes; struct.error at its end."""
    depth = 0
    while True:
        tag = struct.unpack_from(f"{order}HH", head, at)
        is_bare = tag[0] == 0xFFFE or not is_explicit
        vr = b"" if is_bare else head[at + 4 : at + 6]
        if is_bare:
            (length,) = struct.unpack_from(f"{order}L", head, at + 4)
            start = at + 8
        elif vr in _LONG:
            (length,) = struct.unpack_from(f"{order}L", head, at + 8)
            start = at + 12
        else:
            (length,) = struct.unpack_from(f"{order}H", head, at + 6)
            start = at + 8
        if tag in _ENDS:
            depth -= 1
            at = start
            continue
        if depth == 0:
            yield _Element(tag, start, length)
        if length == _UNDEFINED:
            if vr == b"UN":
                raise ValueError  # its content is in another syntax (PS3.5, 6.2.2)
            depth += 1
            at = start
        else:
            at = start + length
