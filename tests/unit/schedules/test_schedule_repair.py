"""Make-up visits: four a month against the holidays, or why not; a person has the last word on each."""

import json
from collections import Counter
from collections.abc import Sequence
from datetime import date, time, timedelta
from functools import partial
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from clinic_records.errors import RefusedInput
from commands.schedule import app
from schedules.expand import expand
from schedules.findings import Finding, finding
from schedules.load.source import read_tables
from schedules.load.typed import read_plan
from schedules.model import Action, Holiday, Plan, Unavailable
from schedules.planning.template import plan_week, replaced
from schedules.repair.decide import accept, accept_all, reject
from schedules.repair.proposal import Change
from schedules.repair.propose import propose
from schedules.repair.remedy import Row, remedies, row_of
from tests.unit.schedules.schedule_county import EXAMPLE, calm
from tests.unit.schedules.test_schedule_planning import HERE, county, findings, with_point

FIRST, LAST = date(2026, 6, 1), date(2026, 6, 30)


def planned(points: int = 6, vehicles: int = 2, *holidays: date, stay: int = 120) -> Plan:
    """A county with its template in force and some holidays in June 2026."""
    plan = county(points, vehicles, stay=stay)
    plan = replaced(plan, plan_week(plan, FIRST, rounds=50))
    known = {day: Holiday(day, "holiday", HERE, "节") for day in holidays or (date(2026, 1, 1),)}
    return msgspec.structs.replace(plan, holidays=known)


def off(plan: Plan, first: date, last: date, **who: str) -> Plan:
    row = Unavailable("U", first, last, HERE, **who)
    return msgspec.structs.replace(plan, unavailable={"U": row})


def counts(plan: Plan) -> Counter[str]:
    return Counter(visit.point_id for visit in expand(plan, FIRST, LAST))


@calm
@given(
    st.integers(1, 8),
    st.integers(1, 3),
    st.frozensets(st.integers(1, 30), min_size=1, max_size=12),
    st.booleans(),
)
def test_what_is_accepted_keeps_every_rule_and_what_is_short_says_why(
    points: int, vehicles: int, days: frozenset[int], is_given_up: bool
) -> None:
    plan = planned(points, vehicles, *(date(2026, 6, day) for day in days))
    if is_given_up:
        given_up = [change for change in propose(plan, FIRST, LAST, begin=LAST).changes if not change.new_date]
        plan = accept_all(plan, given_up)
    found = propose(plan, FIRST, LAST)
    assert found == propose(plan, FIRST, LAST), "nothing in it is left to chance"
    done = accept_all(plan, found.changes, approved_by="a", announced_on=FIRST)
    visits = expand(done, FIRST, LAST)
    assert not {visit.date for visit in visits} & set(plan.holidays), "nobody drives on a holiday"
    assert [code for code in findings(done, FIRST, LAST) if code != "A02"] == []
    assert len({(visit.point_id, visit.date) for visit in visits}) == len(visits), "no point twice a day"
    after = counts(done)
    short = {one.point_id: one for one in found.shortfalls}
    for name in plan.points:
        assert (after[name] >= 4) == (name not in short)
    for one in found.shortfalls:
        assert one.visits == after[one.point_id]
        assert one.reasons
        assert all(why.zh and why.en for why in one.reasons)
    assert (found.point_months, found.full_after) == (points, points - len(short))
    assert len({change.change_id for change in found.changes}) == len(found.changes), "one change a visit"
    untouched = {visit.visit_id: visit for visit in expand(plan, FIRST, LAST)}
    for visit in visits:
        if visit.visit_id not in {change.change_id for change in found.changes}:
            before = untouched[visit.visit_id]
            assert (visit.date, visit.start, visit.vehicle_id) == (before.date, before.start, before.vehicle_id)
    assert propose(done, FIRST, LAST).full_before == found.full_after, "a second repair begins where the first ended"


def test_nothing_lost_nothing_changed() -> None:
    found = propose(planned(), FIRST, LAST)
    assert (found.changes, found.shortfalls, found.full_before, found.full_after) == ((), (), 6, 6)


def test_one_holiday_is_made_up_by_the_same_vehicle_at_the_same_time() -> None:
    plan = planned(2, 1)
    day = next(visit.date for visit in expand(plan, FIRST, LAST))
    plan = msgspec.structs.replace(plan, holidays={day: Holiday(day, "holiday", HERE, "节")})
    found = propose(plan, FIRST, LAST)
    assert {(change.action, change.new_vehicle_id, change.new_start) for change in found.changes} == {
        (Action.MOVE, "", None)
    }
    assert found.full_after == 2


def test_without_a_table_of_ways_a_round_still_goes_whole_to_another_vehicle_of_the_depot() -> None:
    plan = planned(2, 2)
    rule = next(iter(plan.rules.values()))
    plan = off(msgspec.structs.replace(plan, travel={}), FIRST, LAST, vehicle_id=rule.vehicle_id)
    found = propose(plan, FIRST, LAST)
    assert {change.new_start for change in found.changes} == {None}
    assert (found.full_after, findings(accept_all(plan, found.changes), FIRST, LAST)) == (2, [])


@pytest.mark.parametrize(
    ("planted", "code"),
    [
        ({"closed_weekdays": (0, 1, 2, 3, 4)}, "T04"),
        ({"needs_equipment": ("US",)}, "Q02"),
        ({"vehicle_max_length_m": 5.0}, "Q03"),
        ({"open_from": time(9, 59), "open_to": time(10, 0)}, "T03"),
    ],
)
def test_why_a_point_stays_short(planted: dict[str, object], code: str) -> None:
    plan = planned(1, 1)
    day = next(visit.date for visit in expand(plan, FIRST, LAST))
    plan = msgspec.structs.replace(plan, holidays={day: Holiday(day, "holiday", HERE, "节")})
    found = propose(with_point(plan, "P1", **planted), FIRST, LAST)
    assert [change.action for change in found.changes] == [Action.CANCEL]
    assert code in {why.code for why in found.shortfalls[0].reasons}
    assert "P1 has 3 of 4 visits in 2026-06" in found.shortfalls[0].en
    assert "P1 在 2026-06 只有 3 次" in found.shortfalls[0].zh


@pytest.mark.parametrize(
    ("who", "code"), [({"vehicle_id": "V1"}, "L02"), ({"point_id": "P1"}, "L03"), ({"staff_id": "S1"}, "L01"), ({}, "")]
)
def test_a_month_without_vehicle_road_people_or_driving(who: dict[str, str], code: str) -> None:
    found = propose(off(planned(1, 1), FIRST, LAST, **who), FIRST, LAST)
    assert [change.action for change in found.changes] == [Action.CANCEL] * 4
    assert found.shortfalls[0].visits == 0
    assert {why.code for why in found.shortfalls[0].reasons} == ({code} if code else set()) or not code


def test_no_is_heard_and_another_day_offered_until_none_is_left() -> None:
    plan = planned(1, 1)
    day = next(visit.date for visit in expand(plan, FIRST, LAST))
    plan = msgspec.structs.replace(plan, holidays={day: Holiday(day, "holiday", HERE, "节")})
    refused: frozenset[tuple[str, date]] = frozenset()
    offered = []
    while (change := propose(plan, FIRST, LAST, refused=refused).changes[0]).action is Action.MOVE:
        offered.append(change.new_date)
        refused = reject(refused, change)
    assert len(offered) == len(set(offered)) == 21 + 1 - 4 - 1 + 1
    why = propose(plan, FIRST, LAST, refused=refused).shortfalls[0].reasons
    assert {one.code for one in why} == {"P01", "P02"}


def test_nothing_is_proposed_for_a_day_that_is_over() -> None:
    plan = planned(1, 2)
    visit = expand(plan, FIRST, LAST)[0]
    plan = off(plan, visit.date, visit.date, vehicle_id=visit.vehicle_id)
    (on_its_day,) = propose(plan, FIRST, LAST, begin=visit.date + timedelta(days=3), today=visit.date).changes
    assert (on_its_day.action, on_its_day.new_date) == (Action.SUBSTITUTE, None), "another vehicle comes that day"
    (later,) = propose(plan, FIRST, LAST, today=visit.date + timedelta(days=1)).changes
    assert later.new_date is not None
    assert later.new_date > visit.date


def test_a_row_that_loses_one_visit_has_a_remedy_while_there_is_room_and_time() -> None:
    plan = planned(1, 2)
    visit = expand(plan, FIRST, LAST)[0]
    place = plan.rules[visit.rule_id].place
    on_holiday = finding("H01", place, "", "")
    told = [finding("H01", place, "", "", cause=place), on_holiday]

    def found(plan: Plan, today: date = FIRST, findings: Sequence[Finding] = told) -> dict[Row, Change]:
        return remedies(plan, findings, (FIRST, LAST), today, partial(propose, plan, today=today))

    assert found(plan) == {}, "nothing is lost"
    holiday = Holiday(visit.date, "holiday", HERE, "节")
    lost = msgspec.structs.replace(plan, holidays={visit.date: holiday})
    ((row, change),) = found(lost).items()
    assert (row, change.change_id) == (row_of(on_holiday), visit.visit_id)
    assert change == propose(lost, FIRST, LAST, today=FIRST).changes[0]
    assert found(lost, visit.date + timedelta(days=1)) == {}, "it is over"
    assert found(lost, findings=told[:1]) == {}, "what only follows is not mended by itself"
    full = off(lost, FIRST, LAST)  # nobody drives all month
    assert found(full, findings=[finding("L04", place, "", "")]) == {}, "several are lost, and there is no room"


def test_a_change_can_be_edited_and_is_refused_where_it_does_not_fit() -> None:
    plan = planned(2, 2, stay=300)
    day = next(visit.date for visit in expand(plan, FIRST, LAST))
    plan = msgspec.structs.replace(plan, holidays={day: Holiday(day, "holiday", HERE, "节")})
    change = propose(plan, FIRST, LAST).changes[0]
    later = accept(plan, change._replace(new_start=time(9, 30)), approved_by="局", announced_on=FIRST)
    made = next(visit for visit in expand(later, FIRST, LAST) if visit.visit_id == change.change_id)
    assert (made.date, made.start) == (change.new_date, time(9, 30))
    bad = [
        (change._replace(new_date=day), r"\(H01\)"),
        (change._replace(new_start=time(15, 0)), r"\(T03\)"),
        (change._replace(new_start=time(23, 0)), r"\(T03\)"),
        (change._replace(new_date=None), "needs new_date"),
        (change._replace(new_vehicle_id="V9"), "unknown V9"),
        (change._replace(new_staff_ids=("S9",)), "unknown S9"),
        (change._replace(change_id="R999-20260601"), "needs no change"),
    ]
    for one, says in bad:
        with pytest.raises(RefusedInput, match=says):
            accept(plan, one)
    with pytest.raises(RefusedInput, match="needs no change"):
        accept(later, change)


def test_the_county_of_2026_keeps_at_least_97_percent(shared_data: Path) -> None:
    plan = read_plan(read_tables(shared_data / "schedules")).plan
    first, last = date(2026, 1, 1), date(2026, 12, 31)
    for begin in (plan, msgspec.structs.replace(plan, exceptions={})):
        found = propose(begin, first, last)
        assert found.point_months == 936
        assert found.full_after >= 0.97 * 936
        assert len(found.shortfalls) == 936 - found.full_after
        assert {one.month for one in found.shortfalls} == {"2026-02"}, "only February lacks vehicle-days"
        assert all(sum(why.days for why in one.reasons) == 16 * 7 for one in found.shortfalls), (
            "every one accounted for"
        )
        february = [one for one in found.changes if one.original_date.month == 2]
        done = accept_all(begin, february)
        visits = expand(done, date(2026, 2, 1), date(2026, 2, 28))
        full = [one for one, count in Counter(visit.point_id for visit in visits).items() if count >= 4]
        assert len(full) == 78 - len(found.shortfalls)
        before = set(findings(begin, date(2026, 2, 1), date(2026, 2, 28)))
        assert set(findings(done, date(2026, 2, 1), date(2026, 2, 28))) <= before


def test_the_command_plans_repairs_and_writes_what_the_import_reads(tmp_path: Path) -> None:
    run = CliRunner()
    week = run.invoke(app, ["plan", str(EXAMPLE), "--from", "2026-12-01", "--json", "--out", str(tmp_path / "week")])
    made = json.loads(week.stdout)
    assert (week.exit_code, made["vehicle_days_of"]) == (1, 10), "points without a way from the depot"
    assert {one["code"] for one in made["unserved"]} == {"V02"}
    assert (tmp_path / "week" / "rules.csv").read_text("utf-8-sig").startswith("rule_id,point_id,vehicle_id,pattern")
    repair = run.invoke(app, ["plan", str(EXAMPLE), "--repair", "2026", "--json", "--out", str(tmp_path / "r")])
    assert repair.exit_code == 0, repair.output
    assert {"changes", "shortfalls", "point_months", "full_before", "full_after"} == set(json.loads(repair.stdout))
    whole = tmp_path / "whole"
    whole.mkdir()
    for path in (*EXAMPLE.glob("*.csv"), *(tmp_path / "r").glob("*.csv")):
        (whole / path.name).write_bytes(path.read_bytes())
    assert run.invoke(app, ["check", str(whole), "--month", "2026-11"]).exit_code == 0
    broken = run.invoke(app, ["plan", str(EXAMPLE), "--broken", "V01", "--first", "2026-11-23"])
    assert broken.exit_code == 0, broken.output
    assert "change" in broken.stdout
    for words in (
        ["--repair", "2026", "--broken", "V01"],
        ["--broken", "V01", "--first", "23.11."],
        ["--repair", "2026", "--out", str(tmp_path / "r")],
    ):
        assert isinstance(run.invoke(app, ["plan", str(EXAMPLE), *words]).exception, RefusedInput)
