"""MDER fields, floats, APDUs: each form both ways, and what is damaged is refused and nothing else."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_records.clock import CHINA
from clinic_records.errors import BadFrame, RefusedInput
from clinic_records.reading import AbsentReason
from recordings.ieee11073.apdu import (
    ABRT,
    CONFIRMED_EVENT_REPORT,
    PRST,
    Data,
    envelope,
    event,
    is_head,
    presentation,
    read_apdu,
    read_data,
    read_event,
    split,
)
from recordings.ieee11073.association import read_request, read_response, request, response
from recordings.ieee11073.configuration import Configuration, read_configuration
from recordings.ieee11073.floats import float32, read_float, sfloat
from recordings.ieee11073.mder import (
    Reader,
    absolute_time,
    base_offset_time,
    octets,
    read_absolute_time,
    read_base_offset_time,
    sequence,
    u16,
)
from recordings.ieee11073.standard import STANDARD


@pytest.mark.parametrize(
    ("raw", "number"),
    [
        ("0062", "98"),
        ("f3cf", "97.5"),  # exponent -1, mantissa 975
        ("f321", "80.1"),
        ("0000", "0"),
        ("f7ff", "204.7"),  # 7FF is NaN with exponent 0 only
        ("1014", "200"),  # exponent 1, mantissa 20
        ("0fff", "-1"),
        ("ff000270", "62.4"),
        ("fb387520", "37.00000"),
        ("00ffffff", "-1"),
    ],
)
def test_numbers_keep_the_digits_of_the_device(raw: str, number: str) -> None:
    assert str(read_float(bytes.fromhex(raw))) == number


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("07ff", AbsentReason.NOT_A_NUMBER),
        ("0800", AbsentReason.ERROR),
        ("07fe", AbsentReason.ERROR),
        ("0802", AbsentReason.ERROR),
        ("0801", AbsentReason.ERROR),
        ("007fffff", AbsentReason.NOT_A_NUMBER),
        ("00800000", AbsentReason.ERROR),
        ("007ffffe", AbsentReason.ERROR),
        ("00800002", AbsentReason.ERROR),
        ("00800001", AbsentReason.ERROR),
    ],
)
def test_special_numbers_are_absent_and_never_a_value(raw: str, reason: AbsentReason) -> None:
    assert read_float(bytes.fromhex(raw)) is reason


@pytest.mark.parametrize("raw", ["", "00", "000000", "0000000000"])
def test_number_of_another_size_is_damaged(raw: str) -> None:
    with pytest.raises(BadFrame):
        read_float(bytes.fromhex(raw))


@given(st.integers(-2045, 2045), st.integers(-8, 7))
def test_sfloat_round_trip(mantissa: int, exponent: int) -> None:
    value = Decimal(mantissa).scaleb(exponent)
    assert read_float(sfloat(value)) == value


@given(st.integers(-8_388_605, 8_388_605), st.integers(-128, 127))
def test_float_round_trip(mantissa: int, exponent: int) -> None:
    value = Decimal(mantissa).scaleb(exponent)
    assert read_float(float32(value)) == value


@given(st.binary(min_size=2, max_size=2) | st.binary(min_size=4, max_size=4))
def test_every_pattern_is_a_number_or_absent(raw: bytes) -> None:
    value = read_float(raw)
    assert isinstance(value, AbsentReason) or value.is_finite()


@pytest.mark.parametrize("value", ["2046", "12.345", "NaN", "Infinity", "1E-9", "1E+12"])
def test_number_that_does_not_fit_is_refused(value: str) -> None:
    with pytest.raises(RefusedInput):
        sfloat(Decimal(value))


def test_absolute_time_is_bcd_wall_time() -> None:
    taken = datetime(2010, 7, 21, 15, 35, 53, 250_000, tzinfo=CHINA)
    assert absolute_time(taken) == bytes.fromhex("2010072115355325")
    assert read_absolute_time(bytes.fromhex("2010072115355325")) == taken


@pytest.mark.parametrize("raw", ["0000000000000000", "ffffffffffffffff", "2010133115355300", "201007211535530a"])
def test_time_of_a_clock_never_set_is_none(raw: str) -> None:
    assert read_absolute_time(bytes.fromhex(raw)) is None


def test_base_offset_time_counts_from_1900_and_knows_its_zone() -> None:
    # 3,976,479,015 s after 1900-01-01T00:00Z, half a second, 480 minutes east
    raw = bytes.fromhex("ed044127 8000 01e0")
    taken = datetime(2026, 1, 4, 9, 30, 15, 500_000, tzinfo=CHINA)
    assert read_base_offset_time(raw) == taken
    assert base_offset_time(taken.replace(microsecond=0)) == raw[:4] + bytes.fromhex("0000 01e0")
    west = read_base_offset_time(bytes.fromhex("ed044127 0000 fed4"))
    assert west is not None
    assert west.utcoffset() == timedelta(hours=-5)
    assert read_base_offset_time(bytes(8)) is None
    assert read_base_offset_time(bytes.fromhex("ed044127 0000 7fff")) is None
    with pytest.raises(BadFrame):
        read_base_offset_time(bytes(7))


def test_time_of_another_size_is_damaged() -> None:
    with pytest.raises(BadFrame):
        read_absolute_time(bytes(7))


def test_list_must_fill_its_length() -> None:
    two = sequence((u16(1), u16(2)))
    assert [entry.u16() for entry in Reader(two, "list").entries("list")] == [1, 2]
    for broken in (u16(3) + two[2:], u16(1) + two[2:], two[:-1], u16(60_000) + octets(b"")):
        with pytest.raises(BadFrame):
            [entry.u16() for entry in Reader(broken, "list").entries("list")]


@given(st.integers(0, 0xFFFF), st.integers(0, 0xFFFF), st.binary(max_size=60))
def test_data_apdu_round_trip(invoke_id: int, handle: int, info: bytes) -> None:
    data = Data(invoke_id, CONFIRMED_EVENT_REPORT, event(handle, 3357, info))
    raw = presentation(data)
    assert is_head(raw)
    read = read_apdu(raw)
    assert (read.kind, read.data) == (PRST, data)
    told = read_event(data.body, has_time=True)
    assert (told.handle, told.type, told.info) == (handle, 3357, info)
    assert split(raw + raw) == (raw, raw)


def test_association_round_trip_and_refusals() -> None:
    asked = read_request(read_apdu(request(bytes(range(8)), 0x02BC)).body)
    assert asked is not None
    assert (asked.system_id, asked.configuration, asked.is_understood) == (bytes(range(8)), 0x02BC, True)
    result, who = read_response(read_apdu(response(3, b"manager1")).body)
    assert (result, who.system_id if who else b"") == (3, b"manager1")
    assert read_response(read_apdu(response(4, b"manager1")).body) == (4, None)
    foreign = bytes.fromhex("80000000 0001 0004 ffff 0000")
    assert read_request(foreign) is None
    # protocol version, encoding rules, nomenclature version
    for other in ("80000000 2000 8000", "40000000 8000 8000"):
        changed = request(bytes(8), 0x0190).replace(bytes.fromhex("80000000 8000 8000"), bytes.fromhex(other))
        understood = read_request(read_apdu(changed).body)
        assert understood is not None
        assert not understood.is_understood
    assert not read_request(read_apdu(request(bytes(8), 0x0190)).body.replace(b"\x80", b"\x40", 1)).is_understood  # type: ignore[union-attr]  # it is one


@pytest.mark.parametrize("configuration", STANDARD.values(), ids=lambda each: f"{each.id:04x}")
def test_standard_configurations_read_as_written(configuration: Configuration) -> None:
    raw = configuration.encode()
    assert read_configuration(raw) == configuration
    for cut in range(len(raw)):
        with pytest.raises(BadFrame):
            read_configuration(raw[:cut])


def test_standard_configurations_have_the_bytes_of_the_standard() -> None:
    # 11073-10407: handle 1, compound of three, mmHg, 10 bytes and a time; handle 2, pulse rate
    blood_pressure = STANDARD[0x02BC].encode()
    assert blood_pressure == bytes.fromhex(
        "02bc 0002 006c"
        "0006 0001 0006 0038 092f0004 00024a04 0a460002 f040 0a730002 0303 0a76000a 0003 0006 4a05 4a06 4a07"
        "09960002 0f20 0a55000c 0002 0008 0a75000a 09900008"
        "0006 0002 0004 0024 092f0004 0002482a 0a460002 f040 09960002 0aa0 0a55000c 0002 0008 0a4c0002 09900008"
    )


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xe7",
        envelope(0xE800, b"\0\0"),
        envelope(ABRT, b"\0"),
        envelope(ABRT, b"\0\0\0"),
        envelope(PRST, bytes(7)),
        bytes.fromhex("e700 fff0 ffee"),
        bytes.fromhex("e700 0010 000d"),
        bytes.fromhex("e700 0010 000f"),
        bytes.fromhex("e200 0401 8000 0000"),
        bytes.fromhex("e200 0032 0000 0000"),
        bytes.fromhex("e300 0032 0009 0000"),
    ],
    ids=lambda raw: raw.hex() or "nothing",
)
def test_what_no_agent_says_is_no_head(raw: bytes) -> None:
    assert not is_head(raw)


@given(st.binary(max_size=80))
def test_readers_raise_nothing_but_badframe(raw: bytes) -> None:
    readers: tuple[Callable[[bytes], object], ...] = (
        read_apdu,
        read_data,
        split,
        read_request,
        read_response,
        read_configuration,
    )
    for read in readers:
        with suppress(BadFrame):
            read(raw)
