"""Curves: lane arithmetic is the same as number by number, and every byte comes back."""

import io
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clinic_records.errors import BadFrame
from sync.coding import samples
from sync.coding.lanes import differences, folded, masks, sums, unfolded


def row(values: list[int]) -> int:
    return sum((value & 0xFFFF) << 16 * place for place, value in enumerate(values))


def values(number: int, lanes: int) -> list[int]:
    return [number >> 16 * place & 0xFFFF for place in range(lanes)]


def back(data: bytes, size: int) -> bytes:
    return b"".join(samples.decode(io.BytesIO(data), size))


@given(st.lists(st.integers(0, 0xFFFF), min_size=1, max_size=60), st.integers(1, 13))
def test_lanes_do_what_numbers_do(numbers: list[int], stride: int) -> None:
    lanes, mask = len(numbers), masks(len(numbers))
    wanted = [value - (numbers[at - stride] if at >= stride else 0) & 0xFFFF for at, value in enumerate(numbers)]
    less = differences(row(numbers), stride, mask)
    assert values(less, lanes) == wanted
    assert values(sums(less, stride, lanes, mask), lanes) == numbers
    signed = [value - 0x10000 if value & 0x8000 else value for value in numbers]
    assert values(folded(row(numbers), mask), lanes) == [2 * each if each >= 0 else -2 * each - 1 for each in signed]
    assert unfolded(folded(row(numbers), mask), mask) == row(numbers)


@given(st.binary(max_size=3000))
def test_any_bytes_come_back(data: bytes) -> None:
    assert back(samples.encode(data), len(data)) == data


@pytest.mark.parametrize("size", [samples.SEGMENT - 1, samples.SEGMENT, samples.SEGMENT + 1, 3 * samples.SEGMENT + 7])
def test_long_curves_come_back(size: int) -> None:
    data = random.Random(size).randbytes(size)
    assert back(samples.encode(data), size) == data


def test_curves_become_small() -> None:
    rng = random.Random(1)
    leads, curve = [0] * 12, bytearray()
    for _ in range(4000):
        leads = [lead + rng.randrange(-9, 10) for lead in leads]
        curve += b"".join(lead.to_bytes(2, "little", signed=True) for lead in leads)
    packed = samples.encode(bytes(curve))
    assert packed[0] == 12
    assert len(packed) < 0.32 * len(curve)  # log2(19) bits of 16 are 0.27


GIVEN = samples.encode(bytes(range(256)) * 20)


@settings(max_examples=300)
@given(st.integers(0, len(GIVEN) - 1), st.integers(0, 7), st.integers(0, 6000))
def test_damage_is_told_or_gives_no_more_than_declared(at: int, bit: int, size: int) -> None:
    damaged = bytearray(GIVEN)
    damaged[at] ^= 1 << bit
    for data in (bytes(damaged), GIVEN[:at]):
        try:
            assert len(back(data, size)) <= size
        except BadFrame:
            continue


def test_real_ecgs_become_smaller_than_by_zstd(shared_data: Path) -> None:
    for name in ("dicom_ecg/waveform_ecg.dcm", "dicom_ecg/ECGToolkit__Example.dcm"):
        data = (shared_data / "devices" / name).read_bytes()
        packed = samples.encode(data)
        assert back(packed, len(data)) == data
        assert len(packed) < 0.25 * len(data)
