import contextlib
import json
from calendar import monthrange
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_records.errors import RefusedInput
from schedules.lunar import FIRST, LAST, lunar_day
from schedules.patterns import days_between, parse_pattern
from tests.unit.schedules.schedule_county import calm

WEEKDAY = "一二三四五六日"
months = st.tuples(st.integers(2024, 2035), st.integers(1, 12))


def in_month(text: str, year: int, month: int) -> list[str]:
    last = date(year, month, monthrange(year, month)[1])
    return [day.isoformat() for day in days_between(parse_pattern(text), last.replace(day=1), last)]


def test_every_vector_of_the_county(shared_data: Path) -> None:
    vectors = json.loads((shared_data / "schedules/pattern_vectors.json").read_text(encoding="utf-8"))
    assert len(vectors) == 56
    for vector in vectors:
        year, month = map(int, vector["month"].split("-"))
        assert in_month(vector["pattern"], year, month) == vector["expect"], vector


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("每周二", [3, 10, 17, 24]),
        ("每星期二", [3, 10, 17, 24]),
        ("每周二、五", [3, 6, 10, 13, 17, 20, 24, 27]),
        ("周二和周五", [3, 6, 10, 13, 17, 20, 24, 27]),
        ("每个礼拜天", [1, 8, 15, 22, 29]),
        ("每周7", [1, 8, 15, 22, 29]),
        ("第1、3个周二", [3, 17]),
        ("第１、３个周二", [3, 17]),
        ("每月第一、三个星期二", [3, 17]),
        ("第一个和第三个周二", [3, 17]),
        ("第1个、第3個週二", [3, 17]),
        ("每周二、每周五", [3, 6, 10, 13, 17, 20, 24, 27]),
        ("每周二 每周五", [3, 6, 10, 13, 17, 20, 24, 27]),
        ("每逢周 二", [3, 10, 17, 24]),
        ("周二五", [3, 6, 10, 13, 17, 20, 24, 27]),
        ("周一至周二", [2, 3, 9, 10, 16, 17, 23, 24, 30]),
        ("周五至周二", None),
        ("最後一個禮拜五", [27]),
        ("Tuesdays", [3, 10, 17, 24]),
        ("every Tue and Fri", [3, 6, 10, 13, 17, 20, 24, 27]),
        ("first and third Tuesdays of the month", [3, 17]),
        ("first", None),
        ("Tuesday first", None),
        ("5、12、19、26", [5, 12, 19, 26]),
        ("5日、12日", [5, 12]),
        ("5、12", None),
        ("26/1/5", None),
        ("2026年11月3日、17日", [3, 17]),
        ("2026年10月30日、11月3日", [3]),
        ("2026年11月3日、40日", None),
        ("農曆逢1、6", [4, 9, 14, 19, 24, 29]),
        ("逢农历1、6日", [4, 9, 14, 19, 24, 29]),
        ("每月初一、十五", [9, 23]),
        ("阴历初一 十五", [9, 23]),
        ("农历初一十五", [9, 23]),
        ("初二十六", [10, 24]),
        ("初一初六", [9, 14]),
        ("初十五", None),
        ("初二十", None),
        ("每月逢5、10", None),
        ("隔周周二", None),
        ("第1-4个周三", [4, 11, 18, 25]),
        ("第5个周日", [29]),
        ("最后一个周五", [27]),
        ("first Tuesday", [3]),
        ("First and third Tuesday", [3, 17]),
        ("1st, 3rd tue", [3, 17]),
        ("every Tuesday", [3, 10, 17, 24]),
        ("last Friday", [27]),
        ("5/12/19/26", [5, 12, 19, 26]),
        ("每月5、12日", [5, 12]),
        ("每月5日、12日", [5, 12]),
        ("每月5号,12号", [5, 12]),
        ("每月十五、廿六日", [15, 26]),
        ("2026-11-03、2026-11-17", [3, 17]),
        ("2026年11月3日", [3]),
        ("2026/11/3;2026/11/17", [3, 17]),
        ("农历逢1、6", [4, 9, 14, 19, 24, 29]),
        ("初一、十五", [9, 23]),
        ("农历十五", [23]),
        ("逢1、6", None),
        ("5/12", None),
        ("5/12/32", None),
        ("第6个周二", None),
        ("第0个周二", None),
        ("每周八", None),
        ("每月32日", None),
        ("2026-02-30", None),
        ("每月逢三的礼拜", None),
        ("fifteenth Tuesday", None),
        ("first Tuesdayish", None),
        ("", None),
        ("9" * 5000, None),
        ("," * 1990, None),
    ],
)
def test_what_a_pattern_means_in_november_2026(text: str, days: list[int] | None) -> None:
    if days is None:
        with pytest.raises(RefusedInput, match="not understood"):
            parse_pattern(text)
    else:
        assert in_month(text, 2026, 11) == [f"2026-11-{day:02}" for day in days]


@calm
@given(months, st.integers(0, 6), st.sets(st.integers(1, 5), min_size=1))
def test_nth_weekdays_are_a_choice_of_all_weekdays(month: tuple[int, int], weekday: int, nth: set[int]) -> None:
    every = in_month(f"每周{WEEKDAY[weekday]}", *month)
    text = f"第{'、'.join(map(str, sorted(nth)))}个周{WEEKDAY[weekday]}"
    assert in_month(text, *month) == [day for place, day in enumerate(every, start=1) if place in nth]
    assert in_month(f"最后一个周{WEEKDAY[weekday]}", *month) == every[-1:]


@calm
@given(months, st.sets(st.integers(1, 31), min_size=3, max_size=8))
def test_days_of_the_month_are_said_in_two_ways(month: tuple[int, int], days: set[int]) -> None:
    numbers = [str(day) for day in sorted(days)]
    plain = in_month("/".join(numbers), *month)
    assert plain == in_month(f"每月{'、'.join(numbers)}日", *month)
    assert [int(day[-2:]) for day in plain] == [day for day in sorted(days) if day <= monthrange(*month)[1]]


@calm
@given(st.text(alphabet="每周第一二三个月日号、农历初逢-/ ,0123456789ab最后", max_size=40))
def test_no_text_does_more_than_be_refused(text: str) -> None:
    with contextlib.suppress(RefusedInput):
        assert parse_pattern(text) == parse_pattern(f" {text} ")


@pytest.mark.parametrize("text", ["a " * 900, "a, " * 600, "1、" * 900, "第" + "1-" * 900, "初一" * 900, "周一 " * 600])
def test_a_long_text_is_answered_at_once(text: str) -> None:
    with contextlib.suppress(RefusedInput):  # an expression that backtracks without end would run into the timeout
        parse_pattern(text)


def test_lunar_months_follow_one_another_without_a_gap() -> None:
    day, before = FIRST + timedelta(days=1), 1
    while day <= LAST:
        now = lunar_day(day)
        assert now == before + 1 or (now == 1 and before in {29, 30})
        day, before = day + timedelta(days=1), now
    assert before in {29, 30}


@pytest.mark.parametrize("new_year", ["2026-02-17", "2028-01-26", "2033-01-31", "2035-02-08"])
def test_lunar_new_year(new_year: str) -> None:
    assert lunar_day(date.fromisoformat(new_year)) == 1


@pytest.mark.parametrize("day", [FIRST - timedelta(days=1), LAST + timedelta(days=1)])
def test_a_lunar_date_outside_the_table_is_refused(day: date) -> None:
    with pytest.raises(RefusedInput, match="lunar dates are known from"):
        lunar_day(day)
