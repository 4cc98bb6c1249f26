"""The image coder: every byte comes back, whatever the file; what helps is used; what is damaged is told."""

import contextlib
import io
import os
import random
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clinic_records.errors import BadFrame
from sync.coding.image import pictures
from sync.coding.image.blocks import GROUP, Method, block_bytes, deflate, inflate, shape_bytes
from sync.coding.image.decoder import decode
from sync.coding.image.encoder import Encoder
from sync.coding.image.layout import MAX_FRAME, Shape, find_layout
from tests.unit.sync.coding_files import BIG, EXPLICIT, IMPLICIT, Pixels, dicom, element, gradient, speckle, wandering


def coded(data: bytes, **wanted: object) -> bytes:
    """By a fresh encoder; empty where it takes no such file."""
    return b"".join(block.data for block in Encoder(rate=0.0, **wanted).blocks(io.BytesIO(data)))  # type: ignore[arg-type]


def back(data: bytes) -> bytes:
    return b"".join(decode(io.BytesIO(data)))


def ways(data: bytes) -> Counter[str]:
    coder = Encoder(rate=0.0)
    for _ in coder.blocks(io.BytesIO(data)):
        pass
    return Counter(way.name for way in coder.ways)


shapes = st.builds(
    Pixels,
    rows=st.integers(1, 12),
    columns=st.integers(1, 12),
    samples=st.sampled_from((1, 3)),
    bits=st.sampled_from((8, 16)),
    frames=st.integers(1, 9),
    is_planar=st.booleans(),
    syntax=st.sampled_from((IMPLICIT, EXPLICIT, BIG)),
)


@settings(max_examples=150, deadline=None)
@given(shapes, st.integers(0, 2**32), st.sampled_from(("noise", "flat", "smooth")), st.binary(max_size=9))
def test_any_native_file_comes_back_as_it_was(pixels: Pixels, seed: int, kind: str, after: bytes) -> None:
    content = {
        "noise": random.Random(seed).randbytes(pixels.size),
        "flat": bytes([seed % 256]) * pixels.size,
        "smooth": (gradient(pixels.rows, pixels.columns, pixels.samples, pixels.bits) * pixels.frames),
    }[kind]
    data = dicom(pixels, content + b"\0" * (pixels.size % 2), after=after)
    packed = coded(data)
    assert packed
    assert back(packed) == data


@settings(max_examples=60, deadline=None)
@given(shapes, st.integers(0, 400))
def test_a_file_cut_short_comes_back_as_it_was(pixels: Pixels, cut: int) -> None:
    data = dicom(pixels, os.urandom(pixels.size) + b"\0" * (pixels.size % 2))
    short = data[: max(len(data) - cut, len(data) - pixels.size)]
    assert back(coded(short)) == short


def test_what_is_no_native_picture_is_left_alone() -> None:
    jpeg = dicom(Pixels(4, 4, syntax="1.2.840.10008.1.2.4.50"), b"x" * 16)
    text = b'{"id":"1"}'
    other_size = dicom(Pixels(4, 4), b"x" * 40)
    bits = dicom(Pixels(8, 8, bits=32), b"x" * 256)
    for data in (jpeg, text, other_size, bits, b"", bytes(128) + b"DICM"):
        assert find_layout(data) is None
        assert coded(data) == b""


def test_pixels_inside_a_sequence_are_not_the_files_pixels() -> None:
    icon = element(EXPLICIT, 0x7FE0, 0x0010, "OW", b"icon")
    item = b"\xfe\xff\x00\xe0" + b"\xff\xff\xff\xff" + icon + b"\xfe\xff\x0d\xe0\0\0\0\0"
    end = b"\xfe\xff\xdd\xe0\0\0\0\0"
    before = element(EXPLICIT, 0x0088, 0x0200, "SQ", item + end, length=0xFFFFFFFF)
    data = dicom(Pixels(16, 16), gradient(16, 16), before=before)
    layout = find_layout(data)
    assert layout is not None
    assert data[layout.offset :] == gradient(16, 16)


def test_speckle_is_coded_by_place_below_what_zstd_and_pictures_reach() -> None:
    data = dicom(Pixels(200, 300, frames=24), speckle(np.random.default_rng(1), 24, 200, 300).tobytes())
    alone = coded(data, is_learning=False)
    packed = coded(data)
    assert ways(data)["POSITIONS"] >= 4
    assert len(packed) < 0.97 * len(alone)
    assert back(packed) == data


def test_each_coder_wins_where_it_is_good() -> None:
    rng = np.random.default_rng(2)
    smooth = dicom(Pixels(120, 160, bits=16), gradient(120, 160, bits=16))
    noise = dicom(Pixels(64, 64), rng.bytes(4096))
    assert ways(noise) == {"PLAIN": 1}
    assert set(ways(smooth)) <= {"JPEG XL 1", "JPEG XL 2", "JPEG XL 3"}


def test_a_loop_that_begins_black_is_tried_again() -> None:
    frames = [bytes(120 * 160)] * 2 + [wandering(120, 160, seed) for seed in range(30)]
    data = dicom(Pixels(120, 160, frames=32), b"".join(frames))
    coder = Encoder(rate=0.0)
    packed = b"".join(block.data for block in coder.blocks(io.BytesIO(data)))
    assert coder.ways[0] is Method.PLAIN
    assert all(isinstance(way, pictures.Effort) for way in coder.ways[-2:])
    assert back(packed) == data


def test_a_large_frame_is_cut_into_bands() -> None:
    data = dicom(Pixels(3000, 2400, bits=16), gradient(3000, 2400, bits=16))
    layout = find_layout(data)
    assert layout is not None
    assert layout.shape.frame_size <= MAX_FRAME
    assert layout.frames * layout.shape.frame_size == 3000 * 2400 * 2
    packed = coded(data, efforts=pictures.EFFORTS[:1])
    assert back(packed) == data
    assert len(packed) < len(data) / 4


def test_a_coder_that_lies_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = pictures.EFFORTS[0]

    def lie(picture: pictures.Picture) -> bytes:
        return honest.encode(picture // 2)

    liar = pictures.Effort("liar", honest.method, lie, honest.is_for)
    data = dicom(Pixels(90, 90, frames=6), b"".join(wandering(90, 90, seed) for seed in range(6)))
    assert set(ways(data)) <= {each.name for each in pictures.EFFORTS}  # so this one wins each trial
    coder = Encoder(rate=0.0, efforts=(liar,), is_learning=False)
    packed = b"".join(block.data for block in coder.blocks(io.BytesIO(data)))
    assert back(packed) == data
    assert Method.JPEG_XL not in coder.ways
    again = Encoder(rate=0.0, efforts=(liar,), ways=coder.ways)
    assert b"".join(block.data for block in again.blocks(io.BytesIO(data))) == packed


def test_a_coder_that_fails_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: pictures.Picture) -> bytes:
        raise RuntimeError("no such picture")

    broken = pictures.Effort("broken", Method.JPEG_XL, fail, lambda _: True)
    data = dicom(Pixels(30, 30, frames=3), gradient(30, 30) * 3)
    assert back(coded(data, efforts=(broken,))) == data


def test_the_same_ways_give_the_same_bytes() -> None:
    data = dicom(Pixels(100, 120, frames=20), speckle(np.random.default_rng(3), 20, 100, 120).tobytes())
    first = Encoder(rate=0.0)
    packed = [block.data for block in first.blocks(io.BytesIO(data))]
    again = Encoder(rate=0.0, ways=first.ways)
    assert [block.data for block in again.blocks(io.BytesIO(data))] == packed


GIVEN = coded(dicom(Pixels(40, 50, frames=6), speckle(np.random.default_rng(4), 6, 40, 50).tobytes()))


@settings(max_examples=300, deadline=None)
@given(st.integers(0, len(GIVEN) - 1), st.integers(0, 7))
def test_damage_is_told_or_gives_other_bytes_of_bounded_size(at: int, bit: int) -> None:
    damaged = bytearray(GIVEN)
    damaged[at] ^= 1 << bit
    try:
        size = sum(map(len, decode(io.BytesIO(bytes(damaged)))))
    except BadFrame:
        return
    assert size <= 8 * GROUP


@given(st.integers(0, len(GIVEN) - 1))
@settings(max_examples=100, deadline=None)
def test_a_cut_is_told_or_gives_less(size: int) -> None:
    with contextlib.suppress(BadFrame):
        assert sum(map(len, decode(io.BytesIO(GIVEN[:size])))) < len(back(GIVEN))


@given(st.binary(max_size=200))
def test_no_bytes_crash_the_decoder(tail: bytes) -> None:
    begin = shape_bytes(Shape(8, 8, 1, 8, "<", is_planar=False))
    for data in (tail, begin + tail, *(begin + block_bytes(method, b"\0\1" + tail) for method in Method)):
        try:
            for _ in decode(io.BytesIO(data)):
                pass
        except BadFrame:
            continue


def test_a_bomb_is_bounded() -> None:
    begin = shape_bytes(Shape(8, 8, 1, 8, "<", is_planar=False))
    bomb = deflate(bytes(GROUP + 1))
    for body in (block_bytes(Method.BYTES, bomb), block_bytes(Method.PLAIN, b"\0\1" + bomb)):
        with pytest.raises(BadFrame):
            back(begin + body)
    with pytest.raises(BadFrame):
        inflate(bomb, 64)


def test_a_picture_of_another_shape_is_damage() -> None:
    other = pictures.EFFORTS[0].encode(np.zeros((9, 8), np.uint8))
    begin = shape_bytes(Shape(8, 8, 1, 8, "<", is_planar=False))
    with pytest.raises(BadFrame, match="shape"):
        back(begin + block_bytes(Method.JPEG_XL, b"\0\1" + len(other).to_bytes(4, "big") + other))


def _real(shared_data: Path) -> list[Path]:
    ours = Path(str(pydicom.data.get_testdata_file("examples_palette.dcm", download=False))).parent
    return [*sorted(ours.glob("*.dcm")), *sorted((shared_data / "devices").glob("dicom_*/*.dcm"))]


def test_real_files_come_back_and_our_layout_agrees_with_pydicom(shared_data: Path) -> None:
    found = 0
    for path in _real(shared_data):
        data = path.read_bytes()
        layout = find_layout(data)
        if layout is None:
            assert coded(data) == b""
            continue
        found += 1
        assert back(coded(data, efforts=pictures.EFFORTS[:2])) == data
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset = pydicom.dcmread(path)
            assert data[layout.offset :].startswith(dataset.PixelData)
    assert found >= 15
