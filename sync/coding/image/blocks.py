"""The stream of an image coded in version 1: its shape, then blocks.

`u32be length | msgpack Shape`, then for each block `u8 method | u32be length | body`. BYTES has a zstd frame of what
lies before, between and behind frames; every other method begins with `u16be frames`.
"""

from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import Final

import msgspec
import zstandard

from clinic_records.errors import BadFrame
from sync.coding.image.layout import Shape
from sync.coding.sources import read_all
from sync.packing import unpack
from sync.stream import Source

GROUP: Final = 2 * 1024 * 1024
"""Bytes of frames coded together at most, and of one BYTES block: what a child holds at a time, a few times over."""
MAX_BODY: Final = GROUP + GROUP // 4
"""Bytes of a block's body: a coder may be worse than plain, but not by so much that it were used."""
_MAX_SHAPE: Final = 256


class Method(IntEnum):
    """How a block is written."""

    BYTES = 0
    PLAIN = 1
    JPEG_XL = 2
    WEBP = 3
    POSITIONS = 4


def deflate(data: bytes) -> bytes:
    """`data` as one zstd frame."""
    return zstandard.ZstdCompressor(level=3).compress(data)


def inflate(data: bytes, size: int) -> bytes:
    """Exactly `size` bytes from a zstd frame, whatever its own header claims.

    Raises:
        BadFrame: it has another size, or is none.
    """
    try:
        with zstandard.ZstdDecompressor(max_window_size=2 * GROUP).stream_reader(data) as reader:
            plain = reader.read(size + 1)
    except zstandard.ZstdError as error:
        raise BadFrame(f"image: a block does not decompress: {error}") from error
    if len(plain) != size:
        raise BadFrame(f"image: a block of another size than {size} bytes")
    return plain


def inflate_bytes(data: bytes) -> bytes:
    """A BYTES block's content, at most GROUP bytes.

    Raises:
        BadFrame: more, or no zstd frame.
    """
    try:
        size = zstandard.frame_content_size(data)
    except zstandard.ZstdError as error:
        raise BadFrame(f"image: a block does not decompress: {error}") from error
    if not 0 <= size <= GROUP:
        raise BadFrame(f"image: a block of {size} bytes; at most {GROUP}")
    return inflate(data, size)


def shape_bytes(shape: Shape) -> bytes:
    """How the stream begins."""
    packed = msgspec.msgpack.encode(shape)
    return len(packed).to_bytes(4, "big") + packed


def read_shape(src: Source) -> Shape:
    """The shape at the stream's begin.

    Raises:
        BadFrame: there is none that this version codes.
    """
    length = int.from_bytes(read_all(src, 4), "big")
    if not 0 < length <= _MAX_SHAPE:
        raise BadFrame(f"image: a shape of {length} bytes")
    shape = unpack(read_all(src, length), Shape, "image: shape")
    if not shape.is_sane():
        raise BadFrame(f"image: {shape} is no shape this version codes")
    return shape


def block_bytes(method: Method, body: bytes) -> bytes:
    """One block."""
    return bytes([method]) + len(body).to_bytes(4, "big") + body


def read_block(src: Source) -> tuple[Method, bytes] | None:
    """The next block; None at the stream's end.

    Raises:
        BadFrame: cut, too large, or of a method this version does not have.
    """
    head = read_all(src, 5)
    if not head:
        return None
    length = int.from_bytes(head[1:], "big")
    if len(head) != 5 or length > MAX_BODY or head[0] not in set(Method):
        raise BadFrame("image: a block's head is damaged", raw=head)
    body = read_all(src, length)
    if len(body) != length:
        raise BadFrame("image: cut inside a block")
    return Method(head[0]), body


def lengths(parts: Iterable[bytes]) -> bytes:
    """The lengths of `parts`, for Reading.parts."""
    return b"".join(len(part).to_bytes(4, "big") for part in parts)


class Reading:
    """A block's body, read from its begin to its end."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._at = 0

    def take(self, size: int) -> bytes:
        """The next `size` bytes.

        Raises:
            BadFrame: there are fewer.
        """
        taken = self._body[self._at : self._at + size]
        if len(taken) != size:
            raise BadFrame("image: cut inside a block")
        self._at += size
        return taken

    def number(self, size: int) -> int:
        """The next big-endian number of `size` bytes."""
        return int.from_bytes(self.take(size), "big")

    def parts(self, count: int) -> Sequence[bytes]:
        """`count` lengths, then as many parts."""
        sizes = [self.number(4) for _ in range(count)]
        return [self.take(size) for size in sizes]

    def rest(self) -> bytes:
        """All that is left."""
        return self.take(len(self._body) - self._at)

    def finish(self) -> None:
        """Return if all was read.

        Raises:
            BadFrame: something is left.
        """
        if self._at != len(self._body):
            raise BadFrame("image: bytes behind a block's content")
