"""A week's template: every rule of the county kept, the same seed the same plan, and what cannot be is said."""

from datetime import date, time
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_records.errors import NotFound, RefusedInput
from schedules.expand import expand
from schedules.model import Action, Plan, Point, Rule, StaffMember, Travel, Vehicle, Village
from schedules.places import Place
from schedules.planning.csv_rows import as_csv
from schedules.planning.template import Template, plan_week, replaced
from schedules.planning.tours import DayTours, Stop, Terms
from schedules.repair.breakdown import replan
from schedules.repair.decide import accept_all
from schedules.rules.calendar import Calendar
from schedules.rules.table import ROW_RULES
from schedules.rules.travel import LUNCH_MIN, longest_pause, minutes
from tests.unit.schedules.schedule_county import calm

HERE = Place("test.csv", "", 2)
START = date(2026, 6, 1)


def county(points: int, vehicles: int, *, way: int = 20, stay: int = 120) -> Plan:
    """Points on a line `way` minutes apart, the depot before the first; every vehicle with its own crew."""
    names = ["DEPOT", *(f"P{n}" for n in range(1, points + 1))]
    travel = {
        (one, two): Travel(one, two, way * abs(i - j), HERE)
        for i, one in enumerate(names)
        for j, two in enumerate(names)
        if i != j
    }
    return Plan(
        villages={"1": Village("1", "村", HERE)},
        points={
            name: Point(
                name,
                name,
                "1",
                HERE,
                open_from=time(8, 30),
                open_to=time(16, 30),
                visits_per_month=4,
                visit_minutes=stay,
            )
            for name in names[1:]
        },
        vehicles={
            f"V{n}": Vehicle(f"V{n}", "", HERE, depot="DEPOT", length_m=5.9, equipment=("ECG",), seats=4)
            for n in range(1, vehicles + 1)
        },
        staff={f"S{n}": StaffMember(f"S{n}", "", "nurse", HERE, home_vehicle=f"V{n}") for n in range(1, vehicles + 1)},
        travel=travel,
    )


def with_point(plan: Plan, name: str, **changed: object) -> Plan:
    point = msgspec.structs.replace(plan.points[name], **changed)
    return msgspec.structs.replace(plan, points={**plan.points, name: point})


def findings(plan: Plan, first: date, last: date) -> list[str]:
    """Codes of what the checker finds on the days of a plan, those about lunch and holidays aside."""
    calendar = Calendar(plan, expand(plan, first, last), first, last)
    found = [one.code for rule in ROW_RULES for one in rule(calendar)]
    return [code for code in found if code not in {"W02", "H01", "H02", "H03", "A01"}]


def short(plan: Plan, **words: object) -> Template:
    return plan_week(plan, START, rounds=200, **words)  # type: ignore[arg-type]


@calm
@given(
    st.integers(1, 12),
    st.integers(1, 3),
    st.integers(5, 60),
    st.sampled_from([60, 90, 120, 150]),
    st.integers(0, 9),
    st.frozensets(st.integers(0, 4), max_size=4),
)
def test_every_week_keeps_every_rule(
    points: int, vehicles: int, way: int, stay: int, seed: int, closed: frozenset[int]
) -> None:
    plan = with_point(county(points, vehicles, way=way, stay=stay), "P1", closed_weekdays=tuple(closed))
    made = short(plan, seed=seed)
    assert made == short(plan, seed=seed), "the same seed gives the same plan"
    served = [rule.point_id for rule in made.rules]
    assert sorted(served + [one.point_id for one in made.unserved]) == sorted(plan.points), (
        "each point once, or why not"
    )
    in_force = replaced(plan, made)
    assert findings(in_force, START, date(2026, 6, 30)) == []
    visits = expand(in_force, START, date(2026, 6, 30))
    assert all([visit.point_id for visit in visits].count(name) == 4 for name in served)
    driven = 0
    days: dict[tuple[str, str], list[Rule]] = {}
    for rule in made.rules:
        days.setdefault((rule.vehicle_id, rule.pattern), []).append(rule)
        assert minutes(rule.start) % 5 == 0
    for day in days.values():
        stops = ["DEPOT", *(rule.point_id for rule in sorted(day, key=lambda rule: rule.start)), "DEPOT"]
        driven += sum(plan.travel[leg].minutes for leg in pairwise(stops))
    assert (driven, len(days)) == (made.drive_minutes, made.vehicle_days)


@calm
@given(st.lists(st.tuples(st.integers(30, 90), st.integers(0, 60)), min_size=1, max_size=7))
def test_a_tour_of_many_stops_is_never_shorter_than_what_its_legs_say(stops: list[tuple[int, int]]) -> None:
    made = tuple(Stop(f"P{n}", stay, 480 + late, 1020) for n, (stay, late) in enumerate(stops))
    ways = tuple(tuple(7 * abs(i - j) for j in range(len(made))) for i in range(len(made)))
    terms = Terms(tuple(10 + 7 * i for i in range(len(made))), tuple(10 + 7 * i for i in range(len(made))), 420, 480)
    tours = DayTours(made, ways, terms)
    drive = tours.drive((1 << len(made)) - 1)
    if drive is None:
        return
    assert drive == 2 * (10 + 7 * (len(made) - 1)), "out along the line and back"
    for number, start in tours.timetable((1 << len(made)) - 1):
        assert made[number].opens <= start
        assert start + made[number].minutes <= made[number].closes


def pause_of(stops: list[Stop], ways: int = 5) -> int:
    between = tuple(tuple(ways * (i != j) for j in range(len(stops))) for i in range(len(stops)))
    out = (10,) * len(stops)
    tours = DayTours(tuple(stops), between, Terms(out, out, 420, 480))
    day = tours.timetable((1 << len(stops)) - 1)
    assert len(day) == len(stops)
    return longest_pause(sorted((start, start + stops[number].minutes) for number, start in day))


def test_a_crew_eats_where_its_day_has_room() -> None:
    all_day = [Stop(f"P{n}", 120, 480, 1080) for n in range(3)]
    assert pause_of(all_day) >= LUNCH_MIN
    assert pause_of([*all_day, Stop("P3", 85, 480, 1080)]) < LUNCH_MIN, "eight hours, every minute of them taken"
    assert pause_of([Stop("P0", 180, 600, 785), Stop("P1", 60, 785, 850)]) < LUNCH_MIN, "both open but just so long"


@pytest.mark.parametrize(
    ("changed", "code", "says"),
    [
        ({"visit_minutes": None}, "D09", "no visit_minutes"),
        ({"visits_per_month": 6}, "C01", "wants 6 visits a month"),
        ({"open_to": time(9, 0)}, "T03", "is open for 30 min"),
        ({"closed_weekdays": (0, 1, 2, 3, 4)}, "T04", "closed from Monday to Friday"),
        ({"needs_equipment": ("US",)}, "Q02", "V1 lacks US; V2 lacks US"),
        ({"vehicle_max_length_m": 5.0}, "Q03", "too long for the road"),
        ({"visit_minutes": 470}, "W01", "even alone"),
    ],
)
def test_a_point_that_cannot_be_served_is_named_with_the_reason(
    changed: dict[str, object], code: str, says: str
) -> None:
    made = short(with_point(county(4, 2), "P2", **changed))
    assert [(one.point_id, one.code) for one in made.unserved] == [("P2", code)]
    assert says in made.unserved[0].en
    assert "P2" in made.unserved[0].zh
    assert {rule.point_id for rule in made.rules} == {"P1", "P3", "P4"}


def test_a_point_without_a_way_and_one_too_many() -> None:
    plan = county(3, 1)
    roads = {key: way for key, way in plan.travel.items() if set(key) != {"DEPOT", "P3"}}
    made = short(msgspec.structs.replace(plan, travel=roads))
    assert [(one.point_id, one.code) for one in made.unserved] == [("P3", "V02")]
    crowded = short(county(7, 1, way=5, stay=300))
    assert (len(crowded.rules), [one.code for one in crowded.unserved]) == (5, ["V01", "V01"])
    assert "add a vehicle" in crowded.unserved[0].en


def test_a_point_nobody_wants_visited_and_one_seldom() -> None:
    plan = with_point(with_point(county(3, 1), "P1", visits_per_month=0), "P2", visits_per_month=2)
    made = short(plan)
    assert {rule.point_id: rule.max_per_month for rule in made.rules} == {"P2": 2, "P3": 4}
    visits = expand(replaced(plan, made), START, date(2026, 6, 30))
    assert [visit.point_id for visit in visits].count("P2") == 2
    assert made.unserved == ()


def test_what_makes_planning_impossible_is_refused() -> None:
    plan = county(2, 1)
    with pytest.raises(RefusedInput, match="V9: no such vehicle"):
        short(plan, without=["V9"])
    with pytest.raises(RefusedInput, match="travel_minutes is empty"):
        short(msgspec.structs.replace(plan, travel={}))
    with pytest.raises(RefusedInput, match="no vehicle can go out"):
        short(msgspec.structs.replace(plan, staff={}))
    with pytest.raises(RefusedInput, match="no vehicle can go out"):
        short(plan, without=["V1"])
    assert short(msgspec.structs.replace(plan, points={})).rules == ()


def test_a_vehicle_is_gone_for_good_and_only_its_points_move() -> None:
    plan = county(12, 3, way=5, stay=90)
    before = short(plan, seed=4)
    in_force = replaced(plan, before)
    gone = before.rules[0].vehicle_id
    theirs = {rule.point_id for rule in before.rules if rule.vehicle_id == gone}
    after = plan_week(in_force, date(2026, 7, 1), seed=4, rounds=200, without=[gone], is_kept=True)
    assert after.unserved == ()
    assert set(after.moved) == theirs
    assert {rule.rule_id for rule in after.rules}.isdisjoint(in_force.rules), "a rule's id is never used again"
    later = replaced(in_force, after)
    assert findings(later, START, date(2026, 7, 31)) == []
    assert "R001" in as_csv("rules", later.rules.values())


def test_kept_without_a_reason_to_change_keeps_all() -> None:
    plan = county(9, 2)
    in_force = replaced(plan, short(plan))
    again = short(in_force, seed=7, is_kept=True)
    assert again.moved == ()


def test_a_broken_vehicle_is_replaced_on_the_day_where_another_stands_idle() -> None:
    plan = county(3, 2, stay=90)
    in_force = replaced(plan, short(plan))
    rule = next(iter(in_force.rules.values()))
    first = next(visit.date for visit in expand(in_force, START, date(2026, 6, 30)))
    reduced, found = replan(_with_holidays(in_force), rule.vehicle_id, first, first)
    assert {change.action for change in found.changes} == {Action.SUBSTITUTE}, "nobody's day changes"
    assert found.shortfalls == ()
    done = accept_all(reduced, found.changes)
    assert findings(done, START, date(2026, 6, 30)) == []


def test_a_broken_vehicle_alone_in_the_county_comes_another_day() -> None:
    plan = county(2, 1, stay=90)
    in_force = _with_holidays(replaced(plan, short(plan)))
    first = next(visit.date for visit in expand(in_force, START, date(2026, 6, 30)))
    reduced, found = replan(in_force, "V1", first, first)
    assert {change.action for change in found.changes} == {Action.MOVE}
    assert all(change.new_date and change.new_date > first for change in found.changes)
    assert findings(accept_all(reduced, found.changes), START, date(2026, 6, 30)) == []
    with pytest.raises(NotFound):
        replan(in_force, "V9", first, first)
    with pytest.raises(RefusedInput, match="before the first"):
        replan(in_force, "V1", date(2026, 6, 9), date(2026, 6, 8))


def _with_holidays(plan: Plan) -> Plan:
    from schedules.model import Holiday  # noqa: PLC0415

    day = date(2026, 6, 19)
    return msgspec.structs.replace(plan, holidays={day: Holiday(day, "holiday", HERE)})


def test_the_county_is_planned_within_its_hours(shared_data: Path) -> None:
    from schedules.load.source import read_tables  # noqa: PLC0415
    from schedules.load.typed import read_plan  # noqa: PLC0415

    plan = read_plan(read_tables(shared_data / "schedules")).plan
    made = plan_week(plan, date(2027, 1, 1), seed=2, rounds=1_500)
    assert made.unserved == ()
    assert len(made.rules) == 78
    assert made.drive_minutes < 4_480 * 1.05, "a short search; the full one is `make bench-plan`"
    in_force = replaced(plan, made)
    assert findings(in_force, date(2027, 1, 1), date(2027, 1, 31)) == []
    assert len(expand(in_force, date(2027, 1, 1), date(2027, 1, 31))) == 312
