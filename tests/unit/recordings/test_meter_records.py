"""Records of meters: published bytes, special codes, units and context, damage."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clinic_records.clock import CHINA
from clinic_records.errors import BadFrame, RefusedInput
from clinic_records.reading import AbsentReason
from devices.simulators.meters import TaiDocRecord, glucose_record, temperature_record
from recordings.decode import decode
from recordings.meters import contec08a_layout as contec08a
from recordings.meters import lifescan
from recordings.meters import taidoc_layout as taidoc
from recordings.meters import ultraeasy_layout as ultraeasy
from recordings.meters import verio_iq_layout as verio_iq
from recordings.meters.contec08a import decode_contec08a
from recordings.meters.lifescan_decode import decode_ultraeasy, decode_verio_iq
from recordings.meters.taidoc import decode_taidoc
from recordings.signal import DecodedRecording

TAKEN = datetime(2026, 11, 23, 9, 30, tzinfo=CHINA)
HEAD = bytes.fromhex("46418080c6828080808080808081").ljust(64, b"\0")
PUBLISHED = [
    ("828094d5c8e9978580818d898091", (2023, 5, 1, 13, 9), (148, 85, 105, 72)),
    ("828092d6baf1978580828a858091", (2023, 5, 2, 10, 5), (146, 86, 113, 58)),
    ("828087d5c8e5978580828dab8091", (2023, 5, 2, 13, 43), (135, 85, 101, 72)),
    ("82808ad4c2eb978580838b848091", (2023, 5, 3, 11, 4), (138, 84, 107, 66)),
    ("828094dbc0f19981809c8c888091", (2025, 1, 28, 12, 8), (148, 91, 113, 64)),
    ("82809dd9c3fb998380948c908091", (2025, 3, 20, 12, 16), (157, 89, 123, 67)),
    ("828090dcc1f79985808f8a968091", (2025, 5, 15, 10, 22), (144, 92, 119, 65)),
    ("828080d0bde29987808f8a818091", (2025, 7, 15, 10, 1), (128, 80, 98, 61)),
]
"""Records of a real meter and what its maker's program says of each (MarkMLl/contec08a, remarks in consoleapp.pas)."""


def bp(record: bytes) -> bytes:
    return HEAD + record.ljust(64, b"\0")


def taidoc_raw(record: TaiDocRecord, model: int = 0x4277) -> bytes:
    time = bytearray(taidoc.write_time(record.taken))
    time[2] |= record.minute_marks
    time[3] |= record.hour_marks
    messages = (
        (taidoc.MODEL, model.to_bytes(2, "little") + bytes(2)),
        (taidoc.TIME, bytes(time)),
        (taidoc.VALUE, record.value),
    )
    return b"".join(taidoc.packet(command, message, taidoc.FROM_METER) for command, message in messages)


def ultraeasy_raw(mg_dl: int, unit: int = 1) -> bytes:
    return lifescan.packet(b"\x05\x06" + bytes((unit, 0, 0, 0)), 2) + lifescan.packet(
        ultraeasy.record_message(TAKEN, mg_dl), 1
    )


def verio_raw(mg_dl: int, meal: int = 0, *, is_control: bool = False) -> bytes:
    record = verio_iq.record_message(TAKEN, mg_dl, meal, is_control=is_control)
    return lifescan.packet(b"\x03\x06\x01\0\0\0") + lifescan.packet(record)


def values(decoded: DecodedRecording) -> dict[str, Decimal | None]:
    return {one.code.code: one.quantity.value if one.quantity else None for one in decoded.numerics}


@pytest.mark.parametrize(("record", "when", "numbers"), PUBLISHED)
def test_published_blood_pressures(record: str, when: tuple[int, ...], numbers: tuple[int, ...]) -> None:
    decoded = decode(bp(bytes.fromhex(record)))
    assert (decoded.format, decoded.modality) == ("contec08a", "blood-pressure")
    year, month, day, hour, minute = when
    assert decoded.start == datetime(year, month, day, hour, minute, tzinfo=CHINA)
    assert [one.quantity.value for one in decoded.numerics if one.quantity] == list(numbers)
    assert decoded.numerics[0].context == {"user": "1"}


def test_encoded_blood_pressure_equals_the_published_one() -> None:
    made = contec08a.encode_record(
        datetime(2023, 5, 1, 13, 9, tzinfo=CHINA), systolic=148, diastolic=85, mean=105, pulse=72
    )
    assert made == bytes.fromhex(PUBLISHED[0][0]).ljust(64, b"\0")
    assert contec08a.encode_head(1, 70) == HEAD


@pytest.mark.parametrize(
    ("start", "systolic"), [("82807855c85e", 120), ("8280 78d5c8de".replace(" ", ""), 120), ("8080f8d5c8de", 120)]
)
def test_systolic_below_128_is_read_where_only_one_meaning_is_possible(start: str, systolic: int) -> None:
    marked = bytearray(bytes.fromhex(start + "978580818d898091"))
    for at in (3, 4, 5):
        marked[at] |= 0x80
    decoded = decode(bp(bytes(marked)))
    assert decoded.numerics[0].quantity is not None
    assert decoded.numerics[0].quantity.value == systolic


@pytest.mark.parametrize(
    ("record", "says"),
    [
        ("818094d5c8e9978580818d898091", "never seen"),
        ("828194d5c8e9978580818d898091", "never seen"),
        ("828094d5c8d5978580818d898091", "do not fit"),  # mean equals diastolic
        ("828094d5c894978580818d898091", "do not fit"),
        ("828094d580e9978580818d898091", "do not fit"),  # no pulse
        ("828050d5c8e9978580818d898091", "do not fit"),  # systolic below diastolic
        ("828094d5c8e9978d80818d898091", "date"),
        ("828094d5c8e9978580a08d898091", "date"),
        ("828094d5c8e9978580819d898091", "date"),
    ],
)
def test_blood_pressure_that_cannot_be_so_is_refused(record: str, says: str) -> None:
    with pytest.raises(RefusedInput, match=says):
        decode_contec08a(bp(bytes.fromhex(record)))


def test_published_packets_of_taidoc_and_lifescan() -> None:
    assert taidoc.packet(0x22) == bytes.fromhex("512200000000a316")
    assert taidoc.read_time(bytes.fromhex("21240e15")) == datetime(2018, 1, 1, 21, 14, tzinfo=CHINA)
    assert taidoc.read_time(bytes.fromhex("0427250d")) == datetime(2019, 8, 4, 13, 37, tzinfo=CHINA)
    assert taidoc.write_time(datetime(2019, 8, 4, 13, 37, tzinfo=CHINA)) == bytes.fromhex("0427250d")
    assert lifescan.packet(b"", lifescan.DISCONNECT) == bytes.fromhex("02060803c262")
    assert lifescan.packet(b"\x05\x0d\x02", 3) == bytes.fromhex("020903050d0203089f")


@pytest.mark.parametrize(("mark", "context"), [(0, {}), (0x40, {"meal": "before"}), (0x80, {"meal": "after"})])
def test_glucose_comes_in_the_meters_unit_with_its_meal(mark: int, context: dict[str, str]) -> None:
    decoded = decode(taidoc_raw(glucose_record(TAKEN, 101, mark)))
    assert (decoded.modality, decoded.device["model"], decoded.start) == ("glucose", "TD-4277", TAKEN.astimezone(UTC))
    told, computed = decoded.numerics
    assert (str(told.quantity), told.context) == ("101\N{NO-BREAK SPACE}mg/dL", context)
    assert (str(computed.quantity), computed.context) == (
        "5.6\N{NO-BREAK SPACE}mmol/L",
        context | {"computed": "from mg/dL"},
    )


@pytest.mark.parametrize(
    ("mg_dl", "mmol_l"), [(20, "1.1"), (70, "3.9"), (126, "7.0"), (200, "11.1"), (300, "16.7"), (600, "33.3")]
)
def test_computed_glucose_is_what_meters_display(mg_dl: int, mmol_l: str) -> None:
    assert values(decode(ultraeasy_raw(mg_dl)))["14743-9"] == Decimal(mmol_l)


@pytest.mark.parametrize(("mg_dl", "word"), [(601, "HI"), (65_535, "HI"), (19, "LO"), (0, "LO")])
def test_beyond_the_range_there_is_a_word_and_no_number(mg_dl: int, word: str) -> None:
    for raw in (taidoc_raw(glucose_record(TAKEN, mg_dl)), ultraeasy_raw(mg_dl), verio_raw(mg_dl)):
        decoded = decode(raw)
        (only,) = decoded.numerics
        assert (only.quantity, only.absent, only.text) == (None, AbsentReason.NOT_A_NUMBER, word)
        assert decoded.notes[0].startswith(f"{word}:")


def test_unknown_meal_mark_is_said_and_not_guessed() -> None:
    decoded = decode(taidoc_raw(glucose_record(TAKEN, 101, 0xC0)))
    assert decoded.notes == ("meal mark C0 is not known",)
    assert decoded.numerics[0].context == {}


@pytest.mark.parametrize(("unit", "displayed"), [(0, "mg/dL"), (1, "mmol/L")])
def test_ultraeasy_keeps_the_displayed_unit_beside_the_value(unit: int, displayed: str) -> None:
    decoded = decode(ultraeasy_raw(101, unit))
    assert decoded.numerics[0].context == {"displayed": displayed}
    assert decoded.numerics[0].quantity is not None
    assert decoded.numerics[0].quantity.unit == "mg/dL"
    assert decoded.start == TAKEN


@pytest.mark.parametrize(("mark", "meal"), [(0, {}), (1, {"meal": "before"}), (2, {"meal": "after"}), (3, {})])
def test_verio_iq_tells_the_meal(mark: int, meal: dict[str, str]) -> None:
    decoded = decode(verio_raw(101, mark))
    assert (decoded.format, decoded.modality, decoded.start) == ("verio-iq", "glucose", TAKEN)
    assert decoded.numerics[0].context == {"displayed": "mmol/L"} | meal
    assert decoded.notes == (("meal mark 03 is not known",) if mark == 3 else ())


def test_control_solution_is_nobodys_glucose() -> None:
    with pytest.raises(RefusedInput, match="control solution") as caught:
        decode(verio_raw(101, is_control=True))
    assert "质控" in caught.value.hint.zh


def test_two_lifescan_meters_are_not_mistaken_for_each_other() -> None:
    assert not ultraeasy.looks_like_ultraeasy(verio_raw(101))
    assert not verio_iq.looks_like_verio_iq(ultraeasy_raw(101))
    with pytest.raises(BadFrame, match="answers"):
        decode(lifescan.packet(b"\x03\x09\x01\0\0\0") + verio_raw(101)[12:])


def test_ultraeasy_answers_that_are_no_success_are_refused() -> None:
    with pytest.raises(BadFrame, match="answers"):
        decode(ultraeasy_raw(101, 2))
    failed = lifescan.packet(b"\x05\x06\x01\0\0\0") + lifescan.packet(b"\x05\x09" + bytes(8))
    with pytest.raises(BadFrame, match="answers"):
        decode(failed)


@pytest.mark.parametrize(("site", "name"), [(0, "ear"), (1, "forehead"), (2, "rectum"), (3, "axilla"), (6, "child")])
def test_temperature_carries_its_site_and_the_surroundings(site: int, name: str) -> None:
    decoded = decode(taidoc_raw(temperature_record(TAKEN, 366, site=site, around=225), 0x1241))
    assert (decoded.modality, values(decoded), decoded.notes) == ("temperature", {"8310-5": Decimal("36.6")}, ())
    assert decoded.numerics[0].context == {"site": name, "surroundings": "22.5 Cel"}
    assert decoded.start == TAKEN


@pytest.mark.parametrize(
    ("tenths", "site", "is_noted"), [(349, 1, True), (350, 1, False), (349, 3, False), (348, 0, False)]
)
def test_cold_forehead_asks_for_another_method(tenths: int, site: int, *, is_noted: bool) -> None:
    decoded = decode(taidoc_raw(temperature_record(TAKEN, tenths, site=site), 0x1241))
    assert bool(decoded.notes) is is_noted


@pytest.mark.parametrize("tenths", [0, 0xFFFF])
def test_failed_temperature_is_absent(tenths: int) -> None:
    decoded = decode(taidoc_raw(temperature_record(TAKEN, tenths), 0x1241))
    assert decoded.numerics[0].absent is AbsentReason.ERROR


@pytest.mark.parametrize("site", [4, 5, 7])
def test_things_and_rooms_are_nobodys_temperature(site: int) -> None:
    with pytest.raises(RefusedInput, match="nobody"):
        decode(taidoc_raw(temperature_record(TAKEN, 366, site=site), 0x1241))


def test_fahrenheit_and_other_models_are_refused_with_the_way_out() -> None:
    record = temperature_record(TAKEN, 979)._replace(hour_marks=0x80)
    with pytest.raises(RefusedInput, match="degF") as caught:
        decode(taidoc_raw(record, 0x1241))
    assert "摄氏" in caught.value.hint.zh
    with pytest.raises(RefusedInput, match="TD-3261"):
        decode(taidoc_raw(glucose_record(TAKEN, 101), 0x3261))


@pytest.mark.parametrize("time", ["00000000", "1f240e15", "2124 3c15", "21240e18", "2124ce15", "21240e35"])
def test_glucose_time_that_is_none_is_refused(time: str) -> None:
    record = glucose_record(TAKEN, 101)
    good = taidoc_raw(record)
    bad = good[:8] + taidoc.packet(taidoc.TIME, bytes.fromhex(time), taidoc.FROM_METER) + good[16:]
    with pytest.raises(BadFrame, match="time"):
        decode(bad)


@settings(deadline=None)  # the machine may be busy
@given(
    st.sampled_from([taidoc_raw(glucose_record(TAKEN, 101)), ultraeasy_raw(101), verio_raw(101)]),
    st.integers(0, 63),
    st.integers(1, 255),
)
def test_no_changed_byte_gives_a_value(raw: bytes, at: int, change: int) -> None:
    bad = bytearray(raw)
    bad[at % len(bad)] ^= change
    with pytest.raises(RefusedInput):
        decode(bytes(bad))


@pytest.mark.parametrize(
    "raw", [taidoc_raw(glucose_record(TAKEN, 101)), ultraeasy_raw(101), bp(bytes.fromhex(PUBLISHED[0][0]))]
)
def test_cut_or_doubled_record_is_refused(raw: bytes) -> None:
    for wrong in (*(raw[:size] for size in range(len(raw))), raw + raw, raw + b"\0"):
        with pytest.raises(RefusedInput):
            decode(wrong)


@settings(deadline=None)  # the machine may be busy
@given(st.binary(max_size=200))
def test_any_bytes_raise_only_our_errors(raw: bytes) -> None:
    for decoder in (
        decode_taidoc,
        decode_ultraeasy,
        decode_verio_iq,
        decode_contec08a,
    ):
        with pytest.raises(RefusedInput):
            decoder(raw)
