"""RRULE over whole days: four engines agree on the vectors, dateutil on whatever else a calendar writes."""

import json
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from dateutil.rrule import rrulestr  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from clinic_records.errors import RefusedInput
from schedules.patterns import counted_from, days_between, parse_pattern
from schedules.recurrence import parse_recurrence
from tests.unit.schedules.schedule_county import calm

WEEKDAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]


def days_of(text: str, start: date, last: date) -> list[date]:
    return list(days_between(counted_from(parse_pattern(text), start), start, last))


def test_every_vector_of_the_county(shared_data: Path) -> None:
    vectors = json.loads((shared_data / "schedules/rrule_vectors.json").read_text(encoding="utf-8"))
    assert len(vectors) == 598
    for vector in vectors:
        start, *expected = (date.fromisoformat(day[:8]) for day in (vector["dtstart"], *vector["expect"]))
        last = max(expected, default=start) + timedelta(days=1)
        assert days_of(f"RRULE:{vector['rrule']}", start, last) == expected, vector["rrule"]


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("FREQ=WEEKLY", [3, 10, 17, 24]),
        ("rrule:freq=weekly;byday=tu,fr;until=20261113", [3, 6, 10, 13]),
        ("RRULE:FREQ=WEEKLY;BYDAY=TU;UNTIL=20261109T160000Z", [3, 10]),
        ("RRULE:FREQ=WEEKLY;BYDAY=TU;UNTIL=20261109T155959Z", [3]),
        ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", [30]),
        ("FREQ=MONTHLY;BYMONTHDAY=-1", [30]),
        ("FREQ=DAILY;INTERVAL=9", [3, 12, 21, 30]),
        ("FREQ=YEARLY", [3]),
        ("FREQ=YEARLY;BYDAY=-6TU", [24]),
    ],
)
def test_what_a_rule_means_from_the_third_of_november(text: str, days: list[int]) -> None:
    assert [day.day for day in days_of(text, date(2026, 11, 3), date(2026, 11, 30))] == days


@pytest.mark.parametrize(
    "text",
    [
        "RRULE:",
        "RRULE:BYDAY=TU",
        "FREQ=SECONDLY",
        "FREQ=WEEKLY;BYDAY=XX",
        "FREQ=WEEKLY;BYDAY=54MO",
        "FREQ=WEEKLY;FREQ=DAILY",
        "FREQ=WEEKLY;INTERVAL=0",
        "FREQ=WEEKLY;INTERVAL=1,2",
        "FREQ=WEEKLY;COUNT=-1",
        "FREQ=WEEKLY;COUNT=2;UNTIL=20261109",
        "FREQ=WEEKLY;UNTIL=20260230",
        "FREQ=WEEKLY;UNTIL=99991231T235959Z",
        "FREQ=WEEKLY;WKST=XX",
        "FREQ=MONTHLY;BYMONTHDAY=0",
        "FREQ=MONTHLY;BYMONTH=-1",
        "FREQ=WEEKLY;BYHOUR=8",
        "FREQ=WEEKLY;" + "BYDAY=MO," * 200,
    ],
)
def test_what_is_no_rule_of_days_is_refused(text: str) -> None:
    with pytest.raises(RefusedInput, match="not understood"):
        parse_pattern(text)


def test_a_rule_without_any_day_ends() -> None:
    assert days_of("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", date(2026, 1, 1), date(2030, 12, 31)) == []


parts = st.one_of(
    st.tuples(
        st.just("WEEKLY"),
        st.integers(1, 4),
        st.lists(st.sampled_from(WEEKDAYS), min_size=1, unique=True).map(lambda days: f"BYDAY={','.join(days)}"),
    ),
    st.tuples(
        st.sampled_from(["MONTHLY", "YEARLY"]),
        st.integers(1, 3),
        st.lists(
            st.tuples(st.sampled_from([1, 2, 4, 5, -1, -2]), st.sampled_from(WEEKDAYS)), min_size=1, unique=True
        ).map(lambda days: "BYDAY=" + ",".join(f"{nth}{day}" for nth, day in days)),
    ),
    st.tuples(
        st.sampled_from(["DAILY", "MONTHLY", "YEARLY"]),
        st.integers(1, 3),
        st.lists(st.integers(-3, 31).filter(bool), min_size=1, unique=True).map(
            lambda days: f"BYMONTHDAY={','.join(map(str, days))}"
        ),
    ),
)


@calm
@given(st.dates(date(2024, 1, 1), date(2027, 12, 31)), parts, st.sampled_from(WEEKDAYS))
def test_the_same_days_as_dateutil(start: date, part: tuple[str, int, str], wkst: str) -> None:
    freq, interval, by = part
    text = f"FREQ={freq};INTERVAL={interval};{by};WKST={wkst}"
    last = start + timedelta(days=1200)
    theirs = rrulestr(f"{text};UNTIL={last:%Y%m%d}T000000", dtstart=datetime(start.year, start.month, start.day))  # noqa: DTZ001
    assert days_of(text, start, last) == [moment.date() for moment in theirs], text


@calm
@given(st.text(alphabet="FREQ=WEEKLYMONTHBDAUI;,-0123456789", max_size=60))
def test_no_text_does_more_than_be_refused(text: str) -> None:
    rule = parse_recurrence("FREQ=" + text)
    if rule is not None:
        rule.days(date(2026, 1, 1), date(2026, 2, 1))
