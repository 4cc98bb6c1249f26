"""Small native DICOM files, written by hand as PS3.5 and PS3.10 lay them down, and pixels to put into them."""

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

IMPLICIT, EXPLICIT, BIG = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"


@dataclass(frozen=True)
class Pixels:
    """How the pixels of a file lie."""

    rows: int
    columns: int
    samples: int = 1
    bits: int = 8
    frames: int = 1
    is_planar: bool = False
    syntax: str = EXPLICIT

    @property
    def size(self) -> int:
        """Bytes of all frames."""
        return self.rows * self.columns * self.samples * self.bits // 8 * self.frames


def element(syntax: str, group: int, number: int, vr: str, value: bytes, length: int | None = None) -> bytes:
    """One element of a dataset in `syntax`."""
    order = ">" if syntax == BIG else "<"
    size = len(value) if length is None else length
    tag = struct.pack(f"{order}HH", group, number)
    if syntax == IMPLICIT:
        return tag + struct.pack("<L", size) + value
    if vr in {"OB", "OW", "SQ", "UN"}:
        return tag + vr.encode() + b"\0\0" + struct.pack(f"{order}L", size) + value
    return tag + vr.encode() + struct.pack(f"{order}H", size) + value


def dicom(pixels: Pixels, data: bytes, *, before: bytes = b"", after: bytes = b"") -> bytes:
    """A file whose pixel element holds `data`; `before` and `after` are elements of the dataset."""

    def short(number: int, value: int) -> bytes:
        packed = struct.pack(">H" if pixels.syntax == BIG else "<H", value)
        return element(pixels.syntax, 0x0028, number, "US", packed)

    uid = pixels.syntax.encode()
    meta = element(EXPLICIT, 0x0002, 0x0010, "UI", uid + b"\0" * (len(uid) % 2))
    frames = str(pixels.frames).encode()
    body = before + short(0x0002, pixels.samples)
    if pixels.samples > 1:
        body += short(0x0006, int(pixels.is_planar))
    body += element(pixels.syntax, 0x0028, 0x0008, "IS", frames + b" " * (len(frames) % 2))
    body += short(0x0010, pixels.rows) + short(0x0011, pixels.columns) + short(0x0100, pixels.bits)
    body += element(pixels.syntax, 0x7FE0, 0x0010, "OW", data)
    return bytes(128) + b"DICM" + meta + body + after


def speckle(rng: np.random.Generator, frames: int, rows: int, columns: int) -> NDArray[np.uint8]:
    """(frame, row, column): noise whose scale is constant at a place, 0 outside a sector."""
    scale = 20 + 60 * np.sin(np.arange(columns) / 40.0) ** 2
    values = (scale * rng.rayleigh(0.7, (frames, rows, columns))).clip(0, 255).astype(np.uint8)
    values[:, :, : columns // 3] = 0
    return values


def gradient(rows: int, columns: int, samples: int = 1, bits: int = 8) -> bytes:
    """Bytes of one smooth frame."""
    y, x, s = np.mgrid[0:rows, 0:columns, 0:samples]
    values = ((x * 3 + y * 2 + s * 5) % (1 << bits)).astype(f"<u{bits // 8}")
    return bytes(values.tobytes())


def wandering(rows: int, columns: int, seed: int = 1) -> bytes:
    """Bytes of one frame that changes little from pixel to pixel and never repeats."""
    steps = np.random.default_rng(seed).integers(-2, 3, (rows, columns))
    return (128 + np.cumsum(steps, axis=1)).clip(0, 255).astype(np.uint8).tobytes()
