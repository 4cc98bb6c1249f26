"""SCP: checksums, pointers and lengths."""

import struct
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clinic_records.errors import BadFrame, ClinicError
from recordings.scp_ecg.crc import crc_ccitt
from recordings.scp_ecg.decode import decode_scp
from recordings.scp_ecg.record import join, looks_like_scp, split

FUZZ = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def test_checksum_of_the_usual_check_string() -> None:
    """CRC-16/CCITT-FALSE of "123456789" is 0x29B1."""
    assert crc_ccitt(b"123456789") == 0x29B1


@settings(deadline=None)
@given(st.dictionaries(st.integers(1, 11), st.binary(min_size=2, max_size=200).map(lambda b: b[: len(b) // 2 * 2])))
def test_sections_come_back(bodies: dict[int, bytes]) -> None:
    assert split(join(bodies)) == bodies


def test_every_truncation_is_refused(example_scp: bytes) -> None:
    for size in [*range(40), *range(40, len(example_scp), 997), len(example_scp) - 1]:
        with pytest.raises(BadFrame):
            decode_scp(example_scp[:size])


def test_truncation_names_how_much_came(example_scp: bytes) -> None:
    with pytest.raises(BadFrame, match=r"length says 34144 bytes, only 20000 came"):
        decode_scp(example_scp[:20000])


def test_every_changed_byte_is_refused(small_scp: bytes) -> None:
    """A 16-bit checksum finds every single changed byte."""
    for place in [*range(200), *range(200, len(small_scp), 37)]:
        raw = bytearray(small_scp)
        raw[place] ^= 0x10
        with pytest.raises(BadFrame):
            decode_scp(bytes(raw))


def test_wrong_section_checksum_is_named(small_scp: bytes) -> None:
    raw = bytearray(small_scp)
    size, place = struct.unpack_from("<II", raw, 22 + 6 * 10 + 2)
    raw[place - 1 + size - 1] ^= 1
    struct.pack_into("<H", raw, 0, crc_ccitt(bytes(raw[2:])))
    with pytest.raises(BadFrame, match="section 6: checksum written"):
        decode_scp(bytes(raw))


def test_bytes_after_the_record_are_left_alone(small_scp: bytes) -> None:
    assert len(decode_scp(small_scp + bytes(512)).signals) == 12


@FUZZ
@given(
    changes=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=6),
    cut=st.integers(0, 400),
    is_fixed=st.booleans(),
)
def test_damage_raises_only_our_errors(
    small_scp: bytes,
    fix_checksums: Callable[[bytes], bytes],
    changes: list[tuple[int, int]],
    cut: int,
    is_fixed: bool,
) -> None:
    """Also with all checksums made right again, so that every inner field is reached."""
    raw = bytearray(small_scp)
    for place, value in changes:
        # Half of the changes hit the headers and small sections, where the lengths live.
        raw[place % (len(raw) if place % 2 else 700)] = value
    damaged = bytes(raw[: len(raw) - cut] if cut < 50 else raw)
    with suppress(ClinicError):
        decode_scp(fix_checksums(damaged) if is_fixed else damaged)


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_noise_raises_only_our_errors(noise: bytes) -> None:
    for raw in (noise, noise[:16] + b"SCPECG" + noise):
        looks_like_scp(raw)
        with pytest.raises(BadFrame):
            decode_scp(raw)


@pytest.mark.parametrize("length", [0, 5, 21, 0x7FFFFFFF, 0xFFFFFFFF])
def test_hostile_record_length(small_scp: bytes, length: int) -> None:
    with pytest.raises(BadFrame, match="length"):
        decode_scp(small_scp[:2] + struct.pack("<I", length) + small_scp[6:])
