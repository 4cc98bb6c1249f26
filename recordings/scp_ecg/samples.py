"""Sections 5 (reference beat) and 6 (rhythm): numbers of each lead, decompressed but not yet put together.

Body (SCP 5.8.3, 5.9.3): amplitude value multiplier u16 nV, sample interval u16 us, differences u8 (0 none, 1 first,
2 second), u8 (section 6: 1 = bimodal; section 5: reserved), bytes of each lead u16, then the leads one after another.
"""

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recordings.scp_ecg.huffman import HuffmanCoder
from recordings.scp_ecg.record import damaged

IntArray = NDArray[np.int64]
_HEAD = struct.Struct("<HHBB")


@dataclass(frozen=True, slots=True)
class SampleHead:
    """The fixed fields: nanovolts for 1, microseconds between samples, kind of differences, bimodal or not."""

    multiplier_nv: int
    interval_us: int
    differences: int
    is_bimodal: bool


def read_head(section: bytes, number: int) -> SampleHead:
    """The fixed fields of section `number`.

    Raises:
        BadFrame: the section is cut or a field is not one of the standard's values.
    """
    if len(section) < _HEAD.size:
        raise damaged(f"section {number}: {len(section)} bytes, no header")
    multiplier, interval, differences, bimodal = _HEAD.unpack_from(section)
    if not multiplier:
        raise damaged(f"section {number}: amplitude value multiplier 0 nV")
    if not interval:
        raise damaged(f"section {number}: sample interval 0 us")
    if differences not in {0, 1, 2}:
        raise damaged(f"section {number}: difference code {differences}, not 0, 1 or 2")
    return SampleHead(multiplier, interval, differences, number == 6 and bool(bimodal & 1))


def read_samples(
    section: bytes, number: int, names: list[str], counts: list[int], coder: HuffmanCoder | None
) -> list[IntArray]:
    """The numbers of every lead of section `number`, `counts` samples each, differences undone.

    Without a `coder` the samples are plain 16-bit integers, and a lead with fewer bytes comes back shorter: real
    writers count one sample too many, or cut a lead at the 65535 bytes its length can say.

    Raises:
        BadFrame: a lead's bytes lead outside the section or do not hold its samples.
    """
    head = read_head(section, number)
    at = _HEAD.size + 2 * len(names)
    if at > len(section):
        raise damaged(f"section {number}: ends within the byte counts of its {len(names)} leads")
    sizes = struct.unpack_from(f"<{len(names)}H", section, _HEAD.size)
    result: list[IntArray] = []
    for name, size, count in zip(names, sizes, counts, strict=True):
        where = f"section {number}: lead {name}"
        if at + size > len(section):
            raise damaged(f"{where}: {size} bytes lead outside the section")
        data = section[at : at + size]
        at += size
        values = _plain(data, count, where) if coder is None else coder.decode(data, count, where)
        result.append(_integrate(values, head.differences, where))
    return result


def _plain(data: bytes, count: int, where: str) -> IntArray:
    held = min(count, len(data) // 2)
    if not held:
        raise damaged(f"{where}: {len(data)} bytes for {count} samples of 2 bytes")
    return np.frombuffer(data, "<i2", held).astype(np.int64)


def _integrate(values: IntArray, differences: int, where: str) -> IntArray:
    """Undo `differences`: the first one or two numbers stand for themselves (SCP annex C.3.6)."""
    result = values
    if differences == 1:
        result = np.cumsum(values)
    elif differences == 2 and len(values) > 1:
        steps = np.empty_like(values)
        steps[0] = values[0]
        steps[1] = values[1] - values[0]
        steps[2:] = values[2:]
        steps[1:] = np.cumsum(steps[1:])
        result = np.cumsum(steps)
    if len(result) and (result.max() > 32767 or result.min() < -32768):
        raise damaged(f"{where}: a sample needs more than the 16 bits of the standard")
    return result


def differentiate(values: IntArray) -> IntArray:
    """Second differences, the first two numbers unchanged."""
    result = values.copy()
    result[2:] = values[2:] - 2 * values[1:-1] + values[:-2]
    return result


def write_samples(head: SampleHead, encoded: list[bytes]) -> bytes:
    """A body of section 6 whose leads are already encoded."""
    sizes = struct.pack(f"<{len(encoded)}H", *(len(data) for data in encoded))
    fields = _HEAD.pack(head.multiplier_nv, head.interval_us, head.differences, int(head.is_bimodal))
    return fields + sizes + b"".join(encoded)
