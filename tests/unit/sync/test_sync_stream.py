import hashlib
import io
import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_records.errors import BadFrame
from sync.coding.sources import PIECE, Ahead, Counting
from sync.stream import SEGMENT, TAG, PlainReader, SealingWriter, encrypt_stream, sealed_size

KEY = bytes(range(32))
STEP = SEGMENT + TAG


def sealed(plain: bytes, aad: bytes = b"a") -> bytes:
    out = io.BytesIO()
    assert encrypt_stream(io.BytesIO(plain), out, KEY, aad) == len(out.getvalue()) == sealed_size(len(plain))
    return out.getvalue()


def opened(data: bytes, aad: bytes = b"a", key: bytes = KEY) -> bytes:
    return PlainReader(io.BytesIO(data), key, aad).read()


@pytest.mark.parametrize("size", [0, 1, SEGMENT - 1, SEGMENT, SEGMENT + 1, 3 * SEGMENT, 3 * SEGMENT + 7])
def test_what_was_sealed_opens_to_the_same_bytes(size: int) -> None:
    plain = bytes(i % 251 for i in range(size))
    assert opened(sealed(plain)) == plain
    reader = PlainReader(io.BytesIO(sealed(plain)), KEY, b"a")
    assert reader.read(10) + reader.read(SEGMENT) + reader.read() == plain
    assert reader.read(1) == b""


@given(st.lists(st.integers(0, 2 * SEGMENT) | st.sampled_from([0, 1, SEGMENT]), max_size=5))
def test_what_is_sealed_while_it_comes_is_the_same_stream(sizes: list[int]) -> None:
    plain = (bytes(range(251)) * (sum(sizes) // 251 + 1))[: sum(sizes)]
    out = io.BytesIO()
    writer, at = SealingWriter(out, KEY, b"a"), 0
    for size in sizes:
        writer.write(memoryview(plain)[at : at + size])
        at += size
    writer.finish()
    assert out.getvalue() == sealed(plain)


THREE = bytes(2 * SEGMENT) + b"tail"


@pytest.mark.parametrize(
    "forge",
    [
        lambda data: data[:-1],
        lambda data: data[: 2 * STEP],
        lambda data: data[:STEP],
        lambda data: b"",
        lambda data: data + b"x",
        lambda data: data + data[-20:],
        lambda data: data + data[:STEP],
        lambda data: data[STEP : 2 * STEP] + data[:STEP] + data[2 * STEP :],
        lambda data: data[:STEP] + data[:STEP] + data[2 * STEP :],
        lambda data: data[STEP:],
    ],
    ids=["bit-less", "last-cut", "two-cut", "nothing", "byte-more", "last-twice", "first-again", "swap", "rep", "head"],
)
def test_a_stream_cut_swapped_or_extended_does_not_open(forge: Callable[[bytes], bytes]) -> None:
    with pytest.raises(BadFrame):
        opened(forge(sealed(THREE)))


@given(at=st.integers(0, sealed_size(len(THREE)) - 1), bit=st.integers(0, 7))
def test_any_changed_bit_is_seen(at: int, bit: int) -> None:
    data = bytearray(sealed(THREE))
    data[at] ^= 1 << bit
    with pytest.raises(BadFrame):
        opened(bytes(data))


def test_other_key_or_context_does_not_open() -> None:
    with pytest.raises(BadFrame):
        opened(sealed(b"x"), aad=b"b")
    with pytest.raises(BadFrame):
        opened(sealed(b"x"), key=bytes(32))


def test_a_source_that_reads_short_seals_the_same() -> None:
    class Dribble:
        def __init__(self, data: bytes) -> None:
            self._src = io.BytesIO(data)

        def read(self, size: int, /) -> bytes:
            return self._src.read(min(size, 1000))

    out = io.BytesIO()
    encrypt_stream(Dribble(THREE), out, KEY, b"a")
    assert out.getvalue() == sealed(THREE)


@pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE + 5])
@pytest.mark.parametrize("asked", [SEGMENT + TAG, 3 * SEGMENT, 2 * PIECE])
def test_reading_ahead_changes_nothing_but_how_often_the_source_is_asked(size: int, asked: int) -> None:
    data = random.Random(size).randbytes(size)
    counting = Counting(io.BytesIO(data))
    ahead = Ahead(counting)
    pieces = list(iter(lambda: ahead.read(asked), b""))
    assert b"".join(pieces) == data
    assert all(len(piece) <= asked for piece in pieces)
    assert (counting.size, counting.hash.digest()) == (size, hashlib.sha256(data).digest())
