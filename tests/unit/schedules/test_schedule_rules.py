"""Each rule over the calendar, broken once in the example county and found where the coordinator must look."""

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schedules.check import Checked, check
from schedules.findings import Severity
from schedules.load.source import read_tables
from schedules.rules.calendar import Gathering
from schedules.rules.coverage import _whole_months
from tests.unit.schedules.schedule_county import EXAMPLE, Lines, calm, example, put, write_csv

FIRST, LAST = date(2026, 11, 1), date(2026, 12, 31)
ERROR, WARNING = Severity.ERROR, Severity.WARNING


def checked(lines: Lines, folder: Path) -> Checked:
    return check(read_tables(write_csv(lines, folder / "c")), FIRST, LAST)


# cells to write (table row column=value), the finding that must come of it (code severity table row column), its words
BROKEN = [
    ("points 4 open_from=09:00", "T03 error rules 4 start", "08:30-11:00 is outside 09:00-17:00 of P03"),
    ("points 2 open_to=10:30", "T03 error rules 2 end", "outside 08:00-10:30 of P01"),
    ("points 6 closed_weekdays=TH", "T04 error rules 6 -", "closed on Thursdays, visit on 2026-11-05"),
    ("exceptions 2 new_date=2026-11-28", "H02 warning exceptions 2 -", "2026-11-28 is a weekend day"),
    ("holidays 2 date=2026-11-26", "H01 error exceptions 2 -", "P04 is visited on 2026-11-26 国庆节"),
    ("holidays 2 date=2026-11-26", "H01 error rules 6 -", "P05 is visited on 2026-11-26 国庆节"),
    ("rules 9 staff_ids=r001;d002;n002", "S02 warning rules 9 staff_ids", "r001 changes from V01 (row 5) to V02"),
    ("rules 8 staff_ids=r002;d001;n002", "S01 error rules 8 staff_ids", "d001 is on V01 (row 6) and V02 at 09:00"),
    ("rules 8 staff_ids=r002;d002", "Q01 error rules 8 staff_ids", "no nurse in the crew"),
    ("exceptions 3 new_staff_ids=r001", "Q01 error exceptions 3 staff_ids", "no nurse in the crew"),
    ("vehicles 3 equipment=ECG;AED", "Q02 error rules 8 vehicle_id", "V02 lacks US, needed at P01"),
    (
        "points 7 vehicle_max_length_m=5.5",
        "Q03 error rules 7 vehicle_id",
        "V01 is 5.9 m long, the road to P06",
    ),
    ("staff 7 licence_valid_to=2026-11-18", "Q04 error rules 8 staff_ids", "licence of n002 ends 2026-11-18; visit on"),
    (
        "vehicles 2 inspection_due=2026-12-29",
        "Q05 error rules 5 vehicle_id",
        "ends 2026-12-29; visit on 2026-12-30",
    ),
    ("vehicles 3 in_service_from=2026-11-03", "Q05 error rules 13 vehicle_id", "2026-11-03; visit on 2026-11-02"),
    ("points 5 visits_per_month=9", "C01 warning points 5 visits_per_month", "P04 has 8 visits in 2026-11, 9 wanted"),
    ("rules 4 max_per_month=2", "C02 warning points 4 -", "P03: 17 days between 2026-11-10 and 2026-11-27 (limit 10)"),
    (
        "rules 3 start=11:05",
        "V02 error rules 3 start",
        "P01 to P02 takes 6 min, only 5 min between 11:00 and 11:05 (V01",
    ),
    ("rules 3 start=11:05", "V02 error rules 3 start", "start at 11:06 or later"),
    ("rules 5 end=17:30", "W01 warning rules 5 end", "V01 is out 8 h 30 min on 2026-11-04; limit 8 h"),
    ("staff 3 max_hours_per_day=2", "W01 warning rules 4 end", "V01 is out 2 h 30 min on 2026-11-03; limit 2 h"),
    ("rules 3 start=11:10", "W02 info rules 3 start", "V01 has no 20 min for lunch between 11:00 and 13:30"),
    ("points 7 lon=119.7536 lat=28.0125", "D12 warning points 7 lon", "P06 is 15 m from P05 (row 6)"),
    ("vehicles 2 seats=2", "Q06 error rules 2 staff_ids", "3 people on the 2 seats of V01"),
    ("rules 3 point_id=P01 start=10:30", "T05 error rules 3 start", "R02 and R01 (row 2) both bring V01 to P01 on"),
    ("unavailable 2 last_day=2026-11-02", "L02 error rules 13 vehicle_id", "V02 is in the workshop on 2026-11-02"),
    (
        "unavailable 2 last_day=2026-11-03 vehicle_id= staff_id=d001",
        "L01 error rules 4 staff_ids",
        "d001 is on leave on 2026-11-03 车辆年检 (unavailable.csv row 2)",
    ),
    ("unavailable 2 last_day=2026-11-03 vehicle_id= point_id=P03", "L03 error rules 4 point_id", "the road to P03"),
    ("unavailable 2 last_day=2026-11-03 vehicle_id=", "L04 error rules 4 -", "nobody drives on 2026-11-03"),
    ("staff 7 licence_valid_to=2026-11-18", "Q04 error staff 7 licence_valid_to", "visits on 15 day(s) from 2026-"),
    ("exceptions 2 approved_by=", "A01 warning exceptions 2 approved_by", "no approver"),
    ("exceptions 2 announced_on=2026-11-25", "A02 warning exceptions 2 announced_on", "0 days of notice (3 wanted)"),
    ("exceptions 2 announced_on=2026-11-30", "A02 warning exceptions 2 announced_on", "0 days of notice (3 wanted)"),
]


@pytest.mark.parametrize(("edit", "where", "says"), BROKEN)
def test_a_broken_rule_is_found_where_it_is(edit: str, where: str, says: str, tmp_path: Path) -> None:
    lines = example()
    table, row, *cells = edit.split(" ")
    for cell in cells:
        put(lines, table, int(row), *cell.split("="))
    code = where.split(" ", maxsplit=1)[0]
    found = {
        f"{one.code} {one.severity} {one.file.removesuffix('.csv')} {one.row} {one.column or '-'}": one
        for one in checked(lines, tmp_path).findings
        if one.code == code
    }
    assert where in found
    assert says in found[where].message
    assert found[where].message_zh


@pytest.mark.parametrize(
    "edit",
    [
        "rules 3 start=11:20 end=13:00",
        "points 2 open_to=11:30",
        "points 2 open_from=08:30",
        "points 7 vehicle_max_length_m=5.9",
        "staff 7 licence_valid_to=2026-12-25",
        "vehicles 2 inspection_due=2026-12-30",
        "vehicles 3 in_service_from=2026-11-02",
        "exceptions 2 announced_on=2026-11-22",
        "points 5 visits_per_month=8",
    ],
)
def test_what_just_fits_is_no_finding(edit: str, tmp_path: Path) -> None:
    lines = example()
    table, row, *cells = edit.split(" ")
    for cell in cells:
        put(lines, table, int(row), *cell.split("="))
    assert checked(lines, tmp_path).findings == ()


def test_a_point_never_visited_and_a_village_without_a_point_stop_publication(tmp_path: Path) -> None:
    lines = example()
    lines["villages"].append(["990101102299", "孤村", "白岩乡", "", "", "", ""])
    lines["points"].append(["P07", "石门村上坪", "990101102203", *[""] * 13])
    put(lines, "points", 8, "visits_per_month", "1")
    found = checked(lines, tmp_path).findings
    assert [(one.code, one.severity, one.file, one.row) for one in found] == [
        ("C01", ERROR, "points.csv", 8),
        ("C01", ERROR, "points.csv", 8),
        ("C03", ERROR, "villages.csv", 7),
    ]


def test_what_refused_rows_take_away_stands_under_them(tmp_path: Path) -> None:
    lines = example()
    put(lines, "rules", 4, "point_id", "P99")
    put(lines, "points", 7, "open_from", "early")
    found = checked(lines, tmp_path).findings
    assert {one.code for one in found if not one.cause} == {"R01", "D03"}
    lacking = [one for one in found if one.code == "C01"]
    assert {one.cause for one in lacking} == {"rules.csv row 4"}, "perhaps P03's, perhaps that row is another's"
    assert not any("P06" in one.message for one in lacking), "no missing visits of a point whose row is not read"


def test_a_year_without_holidays_is_said(tmp_path: Path) -> None:
    lines = example()
    del lines["holidays"]
    (found,) = checked(lines, tmp_path).findings
    assert (found.code, found.severity, found.file, found.value) == ("H03", ERROR, "holidays.csv", "2026")


def test_a_make_up_workday_is_no_weekend(tmp_path: Path) -> None:
    lines = example()
    put(lines, "exceptions", 2, "new_date", "2026-11-28")
    lines["holidays"].append(["2026-11-28", "makeup_workday", "调休"])
    assert checked(lines, tmp_path).findings == ()


@calm
@given(st.dates(date(2025, 1, 1), date(2027, 12, 31)), st.integers(0, 800))
def test_whole_months_lie_wholly_inside(first: date, span: int) -> None:
    last = date.fromordinal(first.toordinal() + span)
    days = [date.fromordinal(n) for n in range(first.toordinal(), last.toordinal() + 1)]
    inside = {f"{day:%Y-%m}" for day in days}
    months = _whole_months(first, last)
    outside = {f"{date.fromordinal(n):%Y-%m}" for n in (first.toordinal() - 1, last.toordinal() + 1)}
    assert sorted(inside - outside) == months


def test_the_same_day_is_counted_once() -> None:
    gathering = Gathering()
    place = next(iter(check(read_tables(EXAMPLE), FIRST, LAST).plan.rules.values())).place
    for day in (FIRST, FIRST, LAST):
        gathering.add("T04", place, day, "关", "closed")
    assert [one.message for one in gathering.findings()] == ["closed, and on 1 more day(s)"]
