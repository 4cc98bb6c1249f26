"""Coders of the wire: size and MB/s, beside zstd in the same run: `python -m benchmarks.coding [ULTRASOUND_FOLDER]`.

Sizes are parts of the original; MB/s are of original bytes on one core, trials and the proof by decoding included.
The last table has every frame coded by itself: nothing is learnt or copied from another frame.
"""

import hashlib
import io
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import imagecodecs
import numpy as np
import zstandard

from benchmarks.coding.files import PARTS, cine_frames, generated, jpeg_day, real_loops, single_frames
from benchmarks.coding.records import made_up
from benchmarks.sync.day import File
from sync.coding.choose import Terms, code
from sync.coding.dictionaries import IDS
from sync.coding.image.encoder import Encoder
from sync.coding.image.layout import Layout, Shape
from sync.coding.image.pictures import EFFORTS, encode
from sync.coding.table import decoded
from sync.envelope import Codec

RATES: Final = (0.0, 1_000_000.0, 30_000_000.0)
"""Bytes/s of the link: not known, 8 Mbit/s, a local one."""


def _line(name: str, files: Iterable[File], rate: float) -> tuple[int, int]:
    plain = coded = 0
    packing = opening = 0.0
    used: dict[str, int] = {}
    for file in files:
        began = time.perf_counter()
        made = code(file.data, Terms(tuple(Codec), IDS, rate))
        data = b"".join(made.pieces())
        packing += time.perf_counter() - began
        began = time.perf_counter()
        digest = hashlib.sha256()
        for piece in decoded(made.codec, io.BytesIO(data), made.size):
            digest.update(piece)
        opening += time.perf_counter() - began
        if digest.digest() != hashlib.sha256(file.data).digest():
            raise SystemExit(f"{file.name} does not come back as it was")
        plain, coded = plain + len(file.data), coded + len(data)
        used[made.codec] = used.get(made.codec, 0) + 1
    codecs = ", ".join(f"{count} {codec}" for codec, count in sorted(used.items()))
    speeds = f"{plain / packing / 1e6:7.1f} {plain / opening / 1e6:7.1f}"
    print(f"  {name:<28} {plain / 1e6:8.2f} MB {coded / plain:7.4f} {speeds}  {codecs}")
    return plain, coded


def _day(rate: float) -> None:
    files = list(generated())
    print(f"generated day, link {rate / 125_000:g} Mbit/s: MB, part of it, MB/s coding, MB/s decoding, codecs")
    plain = coded = 0
    for part in PARTS:
        more = _line(part, (file for file in files if file.name.startswith(part)), rate)
        plain, coded = plain + more[0], coded + more[1]
    print(f"  {'all':<28} {plain / 1e6:8.2f} MB {coded / plain:7.4f}")


def _single(name: str, pixels: bytes, shape: tuple[int, int, int], bits: int) -> None:
    """One frame by each coder, and by what a trial chooses among them."""
    whole = Shape(*shape, bits, "<", is_planar=False)
    sizes = {
        "LZ4": len(imagecodecs.lz4_encode(pixels)),
        "zstd 3": len(zstandard.ZstdCompressor(level=3).compress(pixels)),
    }
    group = np.frombuffer(pixels, np.uint8).reshape(1, -1)
    for effort in EFFORTS:
        if effort.is_for(whole):
            sizes[effort.name] = len(encode(group, whole, effort))
    encoder = Encoder(rate=0.0, is_learning=False)
    chosen = sum(len(block.data) for block in encoder.frames(io.BytesIO(pixels), Layout(0, 1, whole)))
    parts = "  ".join(f"{each} {size / len(pixels):.4f}" for each, size in sizes.items())
    print(f"  {name:<44} chosen {chosen / len(pixels):.4f}  {parts}")


def main(arguments: list[str]) -> int:
    """Print the tables."""
    for rate in RATES:
        _day(rate)
    print("real frames, link 8 Mbit/s; whole loops, so what frames share counts")
    for file in real_loops():
        _line(file.name, [file], RATES[1])
    print("already JPEG, link 8 Mbit/s")
    _line("us/jpeg.dcm", jpeg_day(), RATES[1])
    print("made-up records, each by itself")
    _line("records", (File(str(number), each) for number, each in enumerate(made_up(7, 1000))), RATES[1])
    print("one frame at a time: part of its pixels; cross-frame prediction off")
    for frame in single_frames():
        _single(*frame)
    for folder in arguments:
        for frame in cine_frames(Path(folder)):
            _single(*frame)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
