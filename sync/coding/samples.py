"""Curves of 16-bit samples (ECG, spirometry, DICOM waveforms): differences along time, then the two bytes apart.

Stream: `u8 channels | u8 order`, then for each segment of at most SEGMENT bytes `u32be length | zstd frame` of the low
bytes, the same of the high bytes, and at the very end the odd byte where the size is odd. `channels` is how many
samples lie between two of one curve; `order` how often differences are taken. Nothing is known of the format around
the samples: what is no sample comes back all the same.
"""

from collections.abc import Iterator
from typing import Final

import zstandard

from clinic_records.errors import BadFrame
from sync.coding.lanes import differences, folded, masks, sums, unfolded
from sync.coding.sources import read_all
from sync.stream import Source

SEGMENT: Final = 256 * 1024
"""Bytes of samples taken at a time."""
CHANNELS: Final = (1, 2, 3, 8, 12)
"""Interleavings tried: single curves, two- and three-lead recorders, standard leads without and with the derived."""
ORDERS: Final = (1, 2)
_TRIED: Final = 16 * 1024
"""Bytes from the middle that are enough to choose by."""
_MAX_CHANNELS: Final = 64
_LEVEL: Final = 1


def encode(payload: bytes) -> bytes:
    """`payload`, whatever it is, as if it were samples; smaller only if it is."""
    middle = max(0, (len(payload) - _TRIED) // 4) * 2
    sample = payload[middle : middle + _TRIED]
    channels, order = min(
        ((channels, order) for channels in CHANNELS for order in ORDERS),
        key=lambda way: len(_segment(sample[: len(sample) & ~1], *way)),
    )
    even = len(payload) & ~1
    parts = [bytes([channels, order])]
    parts += [_segment(payload[at : min(at + SEGMENT, even)], channels, order) for at in range(0, even, SEGMENT)]
    return b"".join(parts) + payload[even:]


def decode(src: Source, size: int) -> Iterator[bytes]:
    """The `size` bytes that were encoded.

    Raises:
        BadFrame: damaged or cut.
    """
    head = read_all(src, 2)
    if len(head) != 2 or not 0 < head[0] <= _MAX_CHANNELS or head[1] not in ORDERS:
        raise BadFrame("samples: a damaged begin", raw=head)
    channels, order = head
    even = size & ~1
    for at in range(0, even, SEGMENT):
        lanes = min(SEGMENT, even - at) // 2
        both = bytearray(2 * lanes)
        both[0::2] = _plane(src, lanes)
        both[1::2] = _plane(src, lanes)
        mask = masks(lanes)
        row = unfolded(int.from_bytes(both, "little"), mask)
        for _ in range(order):
            row = sums(row, channels, lanes, mask)
        yield row.to_bytes(2 * lanes, "little")
    yield read_all(src, size - even)


def _segment(data: bytes, channels: int, order: int) -> bytes:
    lanes = len(data) // 2
    mask = masks(lanes)
    row = int.from_bytes(data, "little")
    for _ in range(order):
        row = differences(row, channels, mask)
    both = folded(row, mask).to_bytes(2 * lanes, "little")
    packer = zstandard.ZstdCompressor(level=_LEVEL)
    planes = [packer.compress(both[0::2]), packer.compress(both[1::2])]
    return b"".join(len(plane).to_bytes(4, "big") + plane for plane in planes)


def _plane(src: Source, size: int) -> bytes:
    """The next plane of `size` bytes, whatever its own header claims."""
    length = int.from_bytes(read_all(src, 4), "big")
    packed = read_all(src, min(length, 2 * SEGMENT))
    try:
        with zstandard.ZstdDecompressor(max_window_size=SEGMENT).stream_reader(packed) as reader:
            plane = reader.read(size + 1)
    except zstandard.ZstdError as error:
        raise BadFrame(f"samples: a plane does not decompress: {error}") from error
    if len(plane) != size:
        raise BadFrame(f"samples: a plane of another size than {size} bytes")
    return plane
