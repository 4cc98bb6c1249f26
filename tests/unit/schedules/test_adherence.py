"""How a month was kept: check-ins beside visits."""

import json
import random
from datetime import date, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_records.clock import CHINA
from clinic_records.errors import NotFound, RefusedInput
from schedules.adherence.checkins import CheckIn, read_checkins
from schedules.adherence.match import Outcome, match
from schedules.adherence.report import Report, adherence
from schedules.adherence.stays import Stay, stays
from schedules.draft import check_files
from schedules.expand import expand
from schedules.model import Plan
from schedules.places import Place
from tests.unit.schedules.schedule_county import EXAMPLE, calm

FIRST, LAST = date(2026, 11, 1), date(2026, 11, 30)
LATER = datetime(2027, 1, 1, tzinfo=CHINA)


@pytest.fixture(scope="module")
def plan() -> Plan:
    return check_files(EXAMPLE, (FIRST, date(2026, 12, 7)), FIRST).checked.plan


def at(day: int, clock: str, month: int = 11) -> datetime:
    return datetime.fromisoformat(f"2026-{month:02}-{day:02}T{clock}:00+08:00")


def checkin(
    vehicle: str,
    point: str,
    arrived: datetime,
    *,
    minutes: int = 60,
    people: int | None = 10,
    near: str = "",
    plan: Plan | None = None,
) -> CheckIn:
    where = plan.points[near] if plan is not None and near else None
    return CheckIn(
        vehicle,
        arrived,
        arrived + timedelta(minutes=minutes),
        point,
        where.lon if where else None,
        where.lat if where else None,
        people,
        Place("a.csv", "", 2),
    )


def report(plan: Plan, *checkins: CheckIn, as_of: datetime = LATER) -> Report:
    return adherence(plan, checkins, FIRST, LAST, as_of)


def test_the_county_of_march_equals_the_truth(shared_data: Path) -> None:
    county = shared_data / "schedules"
    days = date(2026, 3, 1), date(2026, 4, 7)
    truth = json.loads((county / "kpi_truth_2026-03.json").read_text(encoding="utf-8"))
    for source in (county, county / "schedule_2026.xlsx"):
        plan = check_files(source, days, days[0]).checked.plan
        checkins, found = read_checkins(county / "actuals_2026-03.csv", plan)
        assert found == ()
        shuffled = list(checkins)
        random.Random(7).shuffle(shuffled)
        for given_order in (checkins, shuffled):
            made = msgspec.to_builtins(adherence(plan, given_order, days[0], date(2026, 3, 31), LATER))
            assert {name: made[name] for name in truth} == truth
            assert sum(one["planned"] for one in made["by_vehicle"].values()) == truth["planned"]
            assert sum(one["people"] for one in made["by_vehicle"].values()) == truth["people"]
            assert sum(one["missed"] for one in made["by_point"].values()) == truth["missed"]
            assert sum(one["made_up_on"] is not None for one in made["missed_visits"]) == truth["made_up"]


@pytest.mark.parametrize(
    ("clock", "outcome"),
    [
        ("08:15", "on_time"),
        ("08:45", "on_time"),
        ("08:14", "early"),
        ("08:46", "late"),
    ],
)
def test_fifteen_minutes_either_way_are_on_time(plan: Plan, clock: str, outcome: str) -> None:
    made = report(plan, checkin("V01", "P01", at(2, clock)))
    assert getattr(made, outcome) == 1
    assert made.on_time + made.early + made.late == 1
    assert made.missed == made.planned - 1


def test_nothing_told_is_all_missed_and_nobody_served(plan: Plan) -> None:
    made = report(plan)
    assert (made.planned, made.missed, made.on_time_pct, made.people, made.points_served) == (39, 39, 0.0, 0, 0)


def test_what_is_not_due_is_open_and_not_in_the_percentage(plan: Plan) -> None:
    made = report(plan, checkin("V01", "P01", at(2, "08:30")), as_of=at(2, "08:40"))
    assert (made.on_time, made.missed, made.on_time_pct) == (1, 0, 100.0)
    assert made.open == made.planned - 1
    assert report(plan, as_of=at(1, "00:00")).on_time_pct is None


def test_the_same_arrival_told_twice_counts_once(plan: Plan) -> None:
    one = checkin("V01", "P01", at(2, "08:30"), people=12)
    by_gps = checkin("V01", "", at(2, "08:33"), people=None, near="P01", plan=plan)
    made = report(plan, one, one, by_gps)
    assert (made.on_time, made.duplicate_checkins, made.people, made.unplanned_stops) == (1, 2, 12, 0)


def test_two_told_arrivals_without_an_end_are_one_within_a_quarter_of_an_hour(plan: Plan) -> None:
    first, soon, later = (checkin("V01", "P01", at(2, clock), minutes=0) for clock in ("08:30", "08:45", "09:01"))
    assert report(plan, first, soon).duplicate_checkins == 1
    assert report(plan, first, later).duplicate_checkins == 0


def test_a_second_stay_at_the_point_is_another_stop(plan: Plan) -> None:
    made = report(plan, checkin("V01", "P01", at(2, "08:30")), checkin("V01", "P01", at(2, "16:00")))
    assert (made.on_time, made.duplicate_checkins, made.people, made.unplanned_stops) == (1, 0, 20, 1)


def test_a_missed_visit_is_made_up_once_and_stays_missed(plan: Plan) -> None:
    made = report(plan, checkin("V01", "P01", at(3, "15:00")), checkin("V01", "P01", at(4, "15:00")))
    assert (made.on_time, made.made_up, made.unplanned_stops) == (0, 1, 1)
    assert made.missed == made.planned
    assert [one.made_up_on for one in made.missed_visits if one.made_up_on] == [date(2026, 11, 3)]


def test_a_stay_before_the_day_or_a_week_after_makes_up_for_nothing(plan: Plan) -> None:
    assert report(plan, checkin("V01", "P01", at(1, "15:00"))).made_up == 0
    last_monday = checkin("V01", "P01", at(8, "08:30", 12))
    assert report(plan, last_monday).made_up == 0


def test_a_visit_of_the_last_day_is_made_up_in_the_next_month(plan: Plan) -> None:
    made = report(plan, checkin("V01", "P01", at(1, "09:00", 12), people=30))
    assert (made.made_up, made.people, made.points_served) == (1, 0, 0)
    planned_there = checkin("V01", "P01", at(7, "08:30", 12))
    assert report(plan, planned_there).made_up == 0, "it keeps the visit of that Monday"


def test_another_vehicle_keeps_the_visit_and_is_named(plan: Plan) -> None:
    made = report(plan, checkin("V02", "P01", at(2, "08:30")))
    assert (made.on_time, made.other_vehicle) == (1, 1)
    assert made.by_vehicle["V02"].people == 10
    assert made.by_vehicle["V01"].on_time == 1
    both = report(plan, checkin("V02", "P01", at(2, "08:30")), checkin("V01", "P01", at(2, "08:50")))
    assert (both.late, both.on_time, both.other_vehicle, both.unplanned_stops) == (1, 0, 0, 1)


def test_a_position_alone_finds_its_point_and_elsewhere_is_no_point(plan: Plan) -> None:
    made = report(plan, checkin("V01", "", at(2, "08:30"), near="P01", plan=plan))
    assert (made.on_time, made.points_served, made.villages_served) == (1, 1, 1)
    nowhere = msgspec.structs.replace(checkin("V01", "", at(2, "08:30")), lon=100.0, lat=20.0)
    away = report(plan, nowhere)
    assert (away.on_time, away.points_served, away.unplanned_stops, away.people) == (0, 0, 1, 10)


def test_a_named_point_far_from_the_position_is_flagged_and_kept(plan: Plan) -> None:
    far = msgspec.structs.replace(checkin("V01", "P01", at(2, "08:30")), lon=100.0, lat=20.0)
    made = report(plan, far)
    assert (made.on_time, made.far_from_point) == (1, 1)


def test_of_two_points_one_fix_cannot_tell_apart_the_planned_one_is_meant(plan: Plan) -> None:
    first, other = plan.points["P01"], plan.points["P02"]
    beside = msgspec.structs.replace(other, lon=first.lon, lat=first.lat)
    crowded = msgspec.structs.replace(plan, points={**plan.points, "P02": beside})
    made = report(crowded, checkin("V01", "", at(2, "13:30"), near="P01", plan=plan))
    assert made.by_point["P02"].on_time == 1


def test_people_nobody_counted_are_not_zero_people(plan: Plan) -> None:
    made = report(plan, checkin("V01", "P01", at(2, "08:30"), people=None))
    assert (made.people, made.people_not_told) == (0, 1)


def test_kilometres_go_from_the_depot_over_the_stays_and_back(plan: Plan) -> None:
    depot = plan.vehicles["V01"].depot
    ways = [(depot, "P01"), ("P01", "P02"), ("P02", depot)]
    expected = 0.0
    for start, end in ways:
        way = plan.travel.get((start, end)) or plan.travel[end, start]
        assert way.km is not None
        expected += way.km
    made = report(plan, checkin("V01", "P02", at(2, "13:30")), checkin("V01", "P01", at(2, "08:30")))
    assert made.km == pytest.approx(expected)
    assert made.legs_unknown == 0
    bare = msgspec.structs.replace(plan, travel={})
    assert report(bare, checkin("V01", "P01", at(2, "08:30"))).km is None
    one_way = msgspec.structs.replace(plan, travel={k: w for k, w in plan.travel.items() if set(k) == set(ways[1])})
    part = report(one_way, checkin("V01", "P02", at(2, "13:30")), checkin("V01", "P01", at(2, "08:30")))
    assert part.legs_unknown == 2


def test_the_months_changes_are_counted_by_reason(plan: Plan) -> None:
    assert report(plan).changes_by_reason == {"move 道路施工": 1, "substitute 张护士培训": 1}


HEADER = "vehicle_id,arrived_at,left_at,lon,lat,point_id,source,people_served"


def write(folder: Path, *rows: str, encoding: str = "utf-8") -> Path:
    path = folder / "actuals.csv"
    path.write_bytes("\n".join([HEADER, *rows]).encode(encoding))
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_a_row_is_read_as_written(plan: Plan, tmp_path: Path, encoding: str) -> None:
    path = write(tmp_path, "V01,2026-11-02T00:30:00Z,2026-11-02T11:00,119.1,28.2,P01,护士,7", encoding=encoding)
    (one,), found = read_checkins(path, plan)
    assert (one.arrived_at, one.left_at) == (at(2, "08:30"), at(2, "11:00"))
    assert (one.lon, one.lat, one.point_id, one.people, one.place.row) == (119.1, 28.2, "P01", 7, 2)
    assert {entry.code for entry in found} <= {"F02"}


@pytest.mark.parametrize("text", ["2026/11/2 8:05", "2026-11-02T08:05:00", "2026/11/02 08:05:00", "20261102T000500Z"])
def test_a_moment_as_programs_and_spreadsheets_write_it(plan: Plan, tmp_path: Path, text: str) -> None:
    (one,), found = read_checkins(write(tmp_path, f"V01,{text},,,,P01,,1"), plan)
    assert (one.arrived_at, found) == (at(2, "08:05"), ())


@pytest.mark.parametrize(
    ("row", "code", "column"),
    [
        ("V99,2026-11-02T08:30:00+08:00,,,,P01,,1", "R02", "vehicle_id"),
        ("V01,2026-11-02T08:30:00+08:00,,,,P99,,1", "R01", "point_id"),
        ("V01,02.11.2026 08:30,,,,P01,,1", "D02", "arrived_at"),
        ("V01,2026-11-02,,,,P01,,1", "D02", "arrived_at"),
        ("V01,2026/11/31 8:30,,,,P01,,1", "D02", "arrived_at"),
        ("V01,46328.354,,,,P01,,1", "D02", "arrived_at"),
        ("V01,0001-01-01T00:00:00+14:00,,,,P01,,1", "D02", "arrived_at"),
        ("V01,2026-11-02T08:30:00+08:00,2026-11-02T08:29:00+08:00,,,P01,,1", "T01", "left_at"),
        ("V01,,,,,P01,,1", "D09", "arrived_at"),
        ("V01,2026-11-02T08:30:00+08:00,,east,,P01,,1", "D05", "lon"),
        ("V01,2026-11-02T08:30:00+08:00,,,,P01,,many", "D05", "people_served"),
        ("V01,2026-11-02T08:30:00+08:00,,,,P01,,1,2", "F04", ""),
    ],
)
def test_a_row_that_cannot_be_used_is_named_and_the_others_count(
    plan: Plan, tmp_path: Path, row: str, code: str, column: str
) -> None:
    good = "V01,2026-11-02T08:30:00+08:00,,,,P01,,3"
    taken, found = read_checkins(write(tmp_path, good, row), plan)
    assert len(taken) == 1
    assert [(one.code, one.row, one.column) for one in found] == [(code, 3, column)]


def test_a_file_without_its_columns_or_no_file(plan: Plan, tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    for content in (b"a,b\n1,2\n", b"PK\x03\x04\xff\xff\x80\x81", b""):
        path.write_bytes(content)
        with pytest.raises(RefusedInput, match=r"x\.csv"):
            read_checkins(path, plan)
    with pytest.raises(NotFound):
        read_checkins(tmp_path / "none.csv", plan)


_moments = st.integers(0, 36 * 24 * 60).map(lambda minutes: at(1, "00:00") + timedelta(minutes=minutes))
_checkins = st.builds(
    checkin,
    st.sampled_from(["V01", "V02"]),
    st.sampled_from(["", "P01", "P02", "P03"]),
    _moments,
    minutes=st.integers(0, 300),
    people=st.none() | st.integers(0, 50),
)


@calm
@given(told=st.lists(_checkins, max_size=12), again=st.integers(0, 11), order=st.randoms(use_true_random=False))
def test_order_and_repetition_change_nothing_and_every_visit_has_one_end(
    plan: Plan, told: list[CheckIn], again: int, order: random.Random
) -> None:
    made = report(plan, *told)
    shuffled = [*told, *told[again : again + 1]]
    order.shuffle(shuffled)
    other = report(plan, *shuffled)
    repeated = sum(one.arrived_at.date() <= LAST for one in told[again : again + 1])
    assert other.duplicate_checkins == made.duplicate_checkins + repeated
    assert msgspec.structs.replace(other, duplicate_checkins=made.duplicate_checkins) == made
    assert made.planned == made.on_time + made.late + made.early + made.missed + made.open
    assert made.made_up <= made.missed


@calm
@given(told=st.lists(_checkins, max_size=12))
def test_every_stay_is_claimed_once_or_spare(plan: Plan, told: list[CheckIn]) -> None:
    visits = expand(plan, FIRST, LAST)
    came = stays(told, visits, plan).stays
    kept, spare = match(visits, came, LATER)
    claimed: list[Stay] = [stay for one in kept for stay in (one.stay, one.made_up_by) if stay is not None]
    assert sorted([*claimed, *spare], key=repr) == sorted(came, key=repr)
    assert [one.visit for one in kept] == list(visits)
    assert all((one.stay is None) == (one.outcome in {Outcome.MISSED, Outcome.OPEN}) for one in kept)
