"""What the rules and exceptions become on the calendar."""

import csv
from collections import Counter
from datetime import date, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_records.schedule import Visit, VisitStatus
from schedules.check import check
from schedules.expand import expand
from schedules.load.source import read_tables
from schedules.load.typed import read_plan
from schedules.model import Action, DatedException, Plan, Point, Rule, Village
from schedules.places import Place
from tests.unit.schedules.schedule_county import EXAMPLE, calm, example, put, write_csv

HERE = Place("t.csv", "", 2)
PATTERNS = [
    "每周二",
    "每周一、四",
    "第1、3个周二",
    "最后一个周五",
    "5/12/19/26",
    "每月31日",
    "农历逢1、6",
    "2026-11-24",
]


def rule(number: int, pattern: str, **more: object) -> Rule:
    fields: dict[str, Any] = {
        "rule_id": f"R{number}",
        "point_id": f"P{number % 3}",
        "vehicle_id": f"V{number}",
        "pattern": pattern,
        "start": time(8, 30),
        "end": time(10),
        "staff_ids": ("n1",),
        "effective_from": date(2026, 1, 1),
        "place": HERE,
    }
    return Rule(**{**fields, **more})


def plan_of(rules: list[Rule], exceptions: list[DatedException] | None = None) -> Plan:
    return Plan(
        villages={"v": Village("v", "甲村", HERE)},
        points={f"P{n}": Point(f"P{n}", f"点{n}", "v", HERE) for n in range(3)},
        rules={one.rule_id: one for one in rules},
        exceptions={one.exception_id: one for one in exceptions or []},
    )


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    rules = [
        rule(
            number,
            draw(st.sampled_from(PATTERNS)),
            max_per_month=draw(st.none() | st.integers(0, 5)),
            effective_from=draw(st.dates(date(2025, 6, 1), date(2026, 12, 31))),
            effective_to=draw(st.none() | st.dates(date(2026, 6, 1), date(2027, 12, 31))),
        )
        for number in range(draw(st.integers(1, 4)))
    ]
    bare = expand(plan_of(rules), date(2026, 1, 1), date(2027, 3, 31))
    chosen = draw(st.lists(st.sampled_from(bare), max_size=6, unique=True)) if bare else []
    changes = [
        DatedException(
            exception_id=f"X{number}",
            rule_id=visit.rule_id,
            original_date=visit.date,
            action=(action := draw(st.sampled_from(Action))),
            place=HERE,
            new_date=visit.date + timedelta(days=draw(st.integers(-40, 40))) if action is Action.MOVE else None,
            new_vehicle_id="V9" if action is Action.SUBSTITUTE else "",
        )
        for number, visit in enumerate(chosen)
    ]
    return plan_of(rules, changes)


days = st.dates(date(2026, 2, 1), date(2027, 1, 31))


@calm
@given(plans(), days, days)
def test_any_part_of_the_calendar_is_that_part_of_the_whole(plan: Plan, one: date, other: date) -> None:
    first, last = sorted((one, other))
    whole = expand(plan, date(2026, 1, 1), date(2027, 3, 31))
    assert expand(plan, first, last) == tuple(visit for visit in whole if first <= visit.date <= last)


@calm
@given(plans())
def test_exceptions_do_what_they_say_and_nothing_else(plan: Plan) -> None:
    first, last = date(2026, 1, 1), date(2027, 3, 31)
    before = {visit.visit_id: visit for visit in expand(plan_of(list(plan.rules.values())), first, last)}
    after = {visit.visit_id: visit for visit in expand(plan, date(2025, 6, 1), date(2027, 12, 31))}
    touched = {f"{change.rule_id}-{change.original_date:%Y%m%d}": change for change in plan.exceptions.values()}
    for name, visit in before.items():
        now, change = after.get(name), touched.get(name)
        if change is None:
            assert now is not None
            assert (now.date, now.vehicle_id, now.status) == (visit.date, visit.vehicle_id, VisitStatus.PLANNED)
        elif change.action is Action.CANCEL:
            assert now is None
        elif change.action is Action.MOVE:
            assert now is not None
            assert (now.date, now.status, now.vehicle_id) == (change.new_date, VisitStatus.MOVED, visit.vehicle_id)
        else:
            assert now is not None
            assert (now.date, now.status, now.vehicle_id) == (visit.date, VisitStatus.SUBSTITUTED, "V9")


@calm
@given(plans())
def test_order_numbers_and_limits(plan: Plan) -> None:
    visits = expand(plan, date(2026, 1, 1), date(2026, 12, 31))
    assert list(visits) == sorted(visits, key=lambda v: (v.date, v.vehicle_id, v.start))
    assert len({visit.visit_id for visit in visits}) == len(visits)
    months: dict[tuple[str, int], list[int]] = {}
    for visit in visits:
        months.setdefault((visit.point_id, visit.date.month), []).append(visit.ordinal)
    assert all(found == list(range(1, len(found) + 1)) for found in months.values())
    given_days = Counter((visit.rule_id, visit.visit_id[-8:-2]) for visit in visits)
    for (rule_id, _), count in given_days.items():
        limit = plan.rules[rule_id].max_per_month
        assert limit is None or count <= limit


def test_max_per_month_counts_over_the_whole_month() -> None:
    plan = plan_of([rule(1, "每周一", max_per_month=4)])
    assert [visit.date.day for visit in expand(plan, date(2026, 11, 1), date(2026, 11, 30))] == [2, 9, 16, 23]
    assert expand(plan, date(2026, 11, 24), date(2026, 11, 30)) == ()


def test_a_visit_moved_in_from_another_month_is_in_this_one() -> None:
    move = DatedException("X", "R1", date(2026, 10, 26), Action.MOVE, HERE, new_date=date(2026, 11, 1))
    plan = plan_of([rule(1, "每周一")], [move])
    november = expand(plan, date(2026, 11, 1), date(2026, 11, 30))
    assert [(visit.visit_id, visit.ordinal) for visit in november][:2] == [("R1-20261026", 1), ("R1-20261102", 2)]
    assert "R1-20261026" not in {visit.visit_id for visit in expand(plan, date(2026, 10, 1), date(2026, 10, 31))}


@pytest.mark.parametrize(("start", "end"), [(time(13, 30), time(15, 0)), (time(23, 0), time(23, 59))])
def test_a_new_start_keeps_the_length(start: time, end: time) -> None:
    change = DatedException("X", "R1", date(2026, 11, 2), Action.SUBSTITUTE, HERE, new_start=start)
    (visit,) = expand(plan_of([rule(1, "每周一")], [change]), date(2026, 11, 2), date(2026, 11, 2))
    assert (visit.start, visit.end) == (start, end)


def test_the_villages_name_stands_in_where_the_point_has_none() -> None:
    (visit,) = expand(plan_of([rule(1, "每周一")]), date(2026, 11, 2), date(2026, 11, 2))
    assert (visit.village, visit.point_name) == ("甲村", "点1")


def test_vehicles_at_two_places_are_reported_once_for_two_rules(tmp_path: Path) -> None:
    lines = example()
    put(lines, "rules", 3, "start", "10:00")
    result = check(read_tables(write_csv(lines, tmp_path / "c")), date(2026, 11, 1), date(2026, 11, 30))
    (found,) = [one for one in result.findings if one.code[0] != "W"]
    assert (found.code, found.row) == ("V01", 3)
    assert "on 2026-11-02;" in found.message
    assert found.message.endswith("and on 4 more day(s)")


def test_two_changes_of_one_visit(tmp_path: Path) -> None:
    lines = example()
    lines["exceptions"].append(["X09", *lines["exceptions"][1][1:]])
    result = check(read_tables(write_csv(lines, tmp_path / "c")), date(2026, 11, 1), date(2026, 11, 30))
    (found,) = result.findings
    assert (found.code, found.row) == ("X02", 6)


def test_lunar_patterns_end_where_the_table_ends(tmp_path: Path) -> None:
    lines = example()
    put(lines, "rules", 4, "pattern", "农历逢1、6")
    tables = read_tables(write_csv(lines, tmp_path / "c"))
    known = check(tables, date(2035, 12, 1), date(2035, 12, 31))
    assert "D11" not in {one.code for one in known.findings}
    (found,) = [one for one in check(tables, date(2036, 2, 1), date(2036, 2, 29)).findings if one.code[0] == "D"]
    assert (found.code, found.row, found.column) == ("D11", 4, "pattern")


def test_every_working_day_has_a_stop_in_the_example() -> None:
    plan = read_plan(read_tables(EXAMPLE)).plan
    visits = expand(plan, date(2026, 11, 1), date(2026, 12, 30))
    days = {visit.date for visit in visits if visit.vehicle_id == "V01"}
    every = {date(2026, 11, 1) + timedelta(days=n) for n in range(60)}
    assert {day for day in every - days if day.weekday() < 5} == {date(2026, 11, 25)}, (
        "that visit is moved to the next day"
    )


def test_the_countys_visits_come_out_equal(shared_data: Path) -> None:
    folder = shared_data / "schedules"
    plan, findings, _ = read_plan(read_tables(folder))
    with (folder / "visits.csv").open(encoding="utf-8-sig", newline="") as file:
        wanted = list(csv.DictReader(file))
    made = expand(plan, date(2026, 1, 1), date(2026, 12, 31))
    assert findings == []
    assert [_as_row(visit) for visit in made] == wanted
    assert len(wanted) == 3674
    month_of_point = Counter((visit.point_id, visit.date.month) for visit in made)
    assert sum(count >= 4 for count in month_of_point.values()) == 866


def _as_row(visit: Visit) -> dict[str, str]:
    return {
        "visit_id": visit.visit_id,
        "date": visit.date.isoformat(),
        "point_id": visit.point_id,
        "vehicle_id": visit.vehicle_id,
        "start": f"{visit.start:%H:%M}",
        "end": f"{visit.end:%H:%M}",
        "staff_ids": ";".join(visit.staff_ids),
        "rule_id": visit.rule_id,
        "status": visit.status.value,
    }
