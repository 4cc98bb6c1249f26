"""NMEA 0183: published sentences, damaged ones, and what is no fix."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_records.errors import BadFrame, RefusedInput
from devices.simulators.gps_nmea import START, fix, sentence
from recordings.decode import decode_all
from recordings.nmea import LARGEST, decode_nmea
from recordings.nmea_sentences import check_sentence, fields_of, fix_time, looks_like_nmea, position_of

RMC = b"$GPRMC,123519,A,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W*6A\r\n"
GGA = b"$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*47\r\n"
"""The examples that every description of NMEA 0183 prints: 48 07.038' N, 11 31.000' E, 22.4 knots, 23 March 1994."""


def values(raw: bytes) -> dict[str, str]:
    (one,) = decode_nmea(raw)
    return {numeric.code.code: str(numeric.quantity).replace("\N{NO-BREAK SPACE}", " ") for numeric in one.numerics}


def rmc(**changes: str) -> list[str]:
    fields = {"time": "003001.00", "status": "A", "lat": "2758.56", "ns": "N", "lon": "11934.32", "ew": "E"}
    fields |= {"knots": "1", "course": "2", "date": "231126", "variation": "", "way": "", "mode": "A"} | changes
    return ["GNRMC", *fields.values()]


def test_the_published_sentences() -> None:
    assert values(RMC + GGA) == {
        "latitude": "48.1173000 deg",
        "longitude": "11.5166667 deg",
        "ground-speed": "22.4 [kn_i]",
        "course": "84.4 deg",
        "altitude": "545.4 m",
        "satellites": "8 1",
        "horizontal-dilution": "0.9 1",
    }
    (one,) = decode_nmea(RMC)
    assert one.start == datetime(1994, 3, 23, 12, 35, 19, tzinfo=UTC)
    assert one.notes == ("the date is of before 2020: the week number has begun again",)


def test_a_receiver_of_ours_is_read_by_the_common_door() -> None:
    (one,) = decode_all(fix(START))
    assert (one.format, one.modality, one.start, one.notes) == ("nmea", "position", START, ())
    assert len(decode_all(fix(START) + fix(START.replace(second=9)))) == 2


def test_south_and_west_are_negative() -> None:
    place = position_of(rmc(ns="S", ew="W"))
    assert place is not None
    assert (place[0] < 0, place[1] < 0) == (True, True)


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "V"},
        {"mode": "E"},
        {"mode": "S"},
        {"mode": "N"},
        {"lat": ""},
        {"lat": "9958.56"},
        {"lat": "2760.00"},
        {"lon": "18100.00"},
        {"lat": "758.56"},
        {"ns": "E"},
        {"ew": "X"},
        {"lat": "-758.56"},
    ],
)
def test_what_is_no_fix_is_no_place(changes: dict[str, str]) -> None:
    assert position_of(rmc(**changes)) is None
    with pytest.raises(RefusedInput, match="no fix"):
        decode_nmea(sentence(",".join(rmc(**changes))))


@pytest.mark.parametrize("changes", [{"time": ""}, {"date": "310226"}, {"time": "235960"}, {"date": "2311"}])
def test_no_time_is_no_time(changes: dict[str, str]) -> None:
    assert fix_time(rmc(**changes)) is None


def test_two_digit_years_turn_where_the_satellites_time_begins() -> None:
    for year, date in ((2079, "311279"), (1980, "060180"), (2000, "010100")):
        said = fix_time(rmc(date=date))
        assert said is not None
        assert said.year == year


@pytest.mark.parametrize("raw", [RMC[:-3] + b"B\r\n", RMC[:-2] + b"\n", RMC[1:], RMC + b"$GP", b"$GPRMC*4B\r\n\xff"])
def test_damage_is_a_bad_frame(raw: bytes) -> None:
    with pytest.raises(BadFrame):
        decode_nmea(raw)


def test_a_long_log_is_refused_and_other_bytes_are_not_taken() -> None:
    with pytest.raises(RefusedInput, match="more than"):
        decode_nmea(RMC * (LARGEST // len(RMC) + 1))
    assert looks_like_nmea(RMC)
    for other in (b"", b"$", b"$GPXYZ,", b"MSH|", b"\x02$GPRMC,", b"$PMTK001,604,3*32\r\n"):
        assert not looks_like_nmea(other)


@given(st.text(st.characters(codec="ascii", exclude_characters="$*\r\n"), max_size=70))
def test_no_sentence_breaks_it(body: str) -> None:
    for text in (body, f"GNRMC,{body}", f"GNRMC,003001,A,{body}"):
        raw = sentence(text)
        if check_sentence(raw):
            continue
        assert fields_of(raw) == text.split(",")
        try:
            decode_nmea(raw)
        except RefusedInput:
            continue


def test_a_long_line_of_commas_costs_no_more_than_its_length() -> None:
    with pytest.raises(BadFrame):
        decode_nmea(b"$GPRMC" + b"," * 100_000 + b"\r\n")


@given(st.binary(max_size=200))
def test_no_bytes_break_it(raw: bytes) -> None:
    with pytest.raises(RefusedInput):
        decode_nmea(raw)


@given(st.integers(1, len(RMC) - 3), st.integers(1, 255))
def test_a_spoilt_byte_is_found(at: int, change: int) -> None:
    spoilt = RMC[:at] + bytes((RMC[at] ^ change,)) + RMC[at + 1 :]
    is_case = RMC[at : at + 1] in b"6A" and at >= RMC.index(b"*")
    assert check_sentence(spoilt) or is_case
