"""zstd as a stream (RFC 8878), bounded by what the header declares."""

from collections.abc import Iterator
from typing import Final

import zstandard

from clinic_records.errors import BadFrame
from sync.coding.sources import PIECE, pieces_of
from sync.stream import Source

LEVEL: Final = 3
"""zstd's own default: 200 to 300 MB/s a core on what our devices bring."""
FAST_LEVEL: Final = 1
WINDOW_LOG: Final = 22
"""4 MiB: in a loop, what frames have in common with the ones before is found."""
MAX_WINDOW: Final = 8 * 1024 * 1024
"""Bytes of zstd window a receiver grants (RFC 8878, section 3.1.1.1.2, recommends support of 8 MB)."""


def encode(src: Source, level: int = LEVEL) -> Iterator[bytes]:
    """All of `src` as one zstd frame."""
    wanted = zstandard.ZstdCompressionParameters.from_level(level, window_log=WINDOW_LOG)
    packer = zstandard.ZstdCompressor(compression_params=wanted).compressobj()
    for piece in pieces_of(src):
        if out := packer.compress(piece):
            yield out
    yield packer.flush()


def decode(src: Source, dictionary: zstandard.ZstdCompressionDict | None = None) -> Iterator[bytes]:
    """The payload of one zstd frame.

    Raises:
        BadFrame: damaged, or its window is larger than granted.
    """
    unpacker = zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW, dict_data=dictionary)
    reader = unpacker.stream_reader(src, read_size=PIECE, read_across_frames=False)  # type: ignore[arg-type]  # it only calls read
    try:
        while piece := reader.read(PIECE):
            yield piece
    except zstandard.ZstdError as error:
        raise BadFrame(f"payload does not decompress: {error}") from error
