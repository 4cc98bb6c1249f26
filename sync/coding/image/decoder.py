"""The coded image back to the file's bytes."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from clinic_records.errors import BadFrame
from sync.coding.image import pictures
from sync.coding.image.blocks import GROUP, Method, Reading, inflate, inflate_bytes, read_block, read_shape
from sync.coding.image.layout import Shape
from sync.coding.image.positions import Positions
from sync.stream import Source


class Decoder:
    """Blocks of one image, in order; what was learnt from earlier frames is kept."""

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        self._positions = Positions(shape.frame_size)

    def block(self, method: Method, body: bytes) -> bytes:
        """The bytes of the file that a block stands for.

        Raises:
            BadFrame: damaged, or larger than a block may be.
        """
        if method is Method.BYTES:
            return inflate_bytes(body)
        src = Reading(body)
        frames = src.number(2)
        if not 0 < frames <= max(1, GROUP // self._shape.frame_size):
            raise BadFrame(f"image: a block of {frames} frames")
        group = self._group(method, src, frames)
        src.finish()
        self._positions.learn(group)
        return group.tobytes()

    def _group(self, method: Method, src: Reading, frames: int) -> NDArray[np.uint8]:
        if method is Method.PLAIN:
            plain = inflate(src.rest(), frames * self._shape.frame_size)
            return np.frombuffer(plain, np.uint8).reshape(frames, -1)
        if method is Method.POSITIONS:
            return self._positions.decode(src, frames)
        return pictures.decode(method, src, frames, self._shape)


def decode(src: Source) -> Iterator[bytes]:
    """The file's bytes, block by block.

    Raises:
        BadFrame: the stream is damaged, cut, or of no shape this version codes.
    """
    decoder = Decoder(read_shape(src))
    while (block := read_block(src)) is not None:
        yield decoder.block(*block)
