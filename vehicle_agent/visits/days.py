"""A vehicle's days as its pages show them: each visit as it was planned and as it went."""

from calendar import monthrange
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final, NamedTuple

from clinic_records.care import Stop, StopStatus
from clinic_records.schedule import CancelledVisit, PublishedPoint, PublishedSchedule, Visit
from vehicle_agent.store.driver import Connection
from vehicle_agent.visits.crew import Member, crew_of
from vehicle_agent.visits.plans import (
    PlanChange,
    Turn,
    changes_of_day,
    plans_for,
    plans_kept,
    stops_on,
    visits_of,
)
from vehicle_agent.visits.published import on_day
from vehicle_agent.visits.stops import GONE, stop_of

UNSCHEDULED: Final = "unscheduled"
AHEAD: Final = timedelta(days=62)
"""How far ahead the next visits of a point are looked for: two months of the schedule."""


class Line(NamedTuple):
    """One visit, or one stop nobody planned.

    Attributes:
        state: a stop's status word; a visit of a day gone by of which nothing was recorded is `missed`.
        is_said: whether something was recorded of it.
        origin: `planned`, `moved` or `substituted` by the schedule, or `unscheduled`.
        others: vehicles that the schedule has at the same point that day.
        turn: what a newer version makes of it.
        point: what is known of the place.
        crew: who comes.
    """

    stop: Stop
    state: str
    is_said: bool
    origin: str
    others: tuple[str, ...]
    turn: PlanChange | None
    point: PublishedPoint | None
    crew: tuple[Member, ...]


class Day(NamedTuple):
    """One day in order of time.

    Attributes:
        added: what a newer version adds to a day that keeps its own.
        version: the version the day goes by; 0 where there is none.
        newest: the version that would be in force if the day had not begun.
        cancelled: visits of this vehicle that its version gave up, by their start.
    """

    day: date
    lines: tuple[Line, ...]
    added: tuple[Visit, ...] = ()
    version: int = 0
    newest: int = 0
    cancelled: tuple[CancelledVisit, ...] = ()


class Month(NamedTuple):
    """A calendar month; `versions` are those its days go by."""

    first: date
    days: tuple[Day, ...]
    versions: tuple[int, ...]


def day_of(conn: Connection, vehicle: str, day: date, today: date) -> Day:
    """One day, with what a newer version says of it."""
    stops = stops_on(conn, day.isoformat())
    plan = plans_kept(conn, [day], stops).get(day)
    return _day(conn, plan, stops, vehicle, day, today)


def month_of(conn: Connection, vehicle: str, first: date, today: date) -> Month:
    """All days of the month that `first` begins."""
    days = [first.replace(day=number) for number in range(1, monthrange(first.year, first.month)[1] + 1)]
    stops = stops_on(conn, f"{first:%Y-%m}")
    plans = plans_kept(conn, days, stops)
    made = tuple(
        _day(conn, plans.get(day), [stop for stop in stops if stop.day == day], vehicle, day, today) for day in days
    )
    return Month(first, made, tuple(sorted({plan.version for plan in plans.values()})))


def next_days(conn: Connection, point_id: str, after: date, limit: int = 4) -> list[date]:
    """The next days on which the schedule sends a vehicle to a point, soonest first."""
    plans = plans_for(conn, [after + timedelta(days=ahead) for ahead in range(1, AHEAD.days + 1)])
    each = {plan.version: plan for plan in plans.values()}.values()
    found = {v.date for plan in each for v in plan.visits if v.point_id == point_id and plans.get(v.date) is plan}
    return sorted(found)[:limit]


def _day(
    conn: Connection, plan: PublishedSchedule | None, stops: Sequence[Stop], vehicle: str, day: date, today: date
) -> Day:
    changes = changes_of_day(conn, vehicle, day) if day == today else []
    turns = {change.before.visit_id: change for change in changes if change.before}
    planned = [(visit, plan) for visit in visits_of(plan, vehicle, day)] if plan else []
    known = {stop.visit_id: stop for stop in stops if stop.visit_id}
    lines = []
    for visit, its_plan in planned:
        stop = known.pop(visit.visit_id, None)
        turn = turns.get(visit.visit_id)
        shown = stop or stop_of(visit, its_plan)
        state = _state(shown, turn, is_past=day < today)
        lines.append(_line(shown, state, visit.status.value, plan, turn, is_said=stop is not None))
    # what was only foreseen for a visit that a newer version took away is no stop any more
    came = [stop for stop in known.values() if stop.status is not StopStatus.PLANNED or stop.arrived]
    unplanned = [*came, *(stop for stop in stops if not stop.visit_id)]
    lines += [_line(stop, stop.status.value, UNSCHEDULED, plan, None, is_said=True) for stop in unplanned]
    version = plan.version if plan else 0
    return Day(
        day,
        tuple(sorted(lines, key=lambda line: (line.stop.start, line.stop.id))),
        tuple(change.after for change in changes if change.turn is Turn.ADDED and change.after),
        version,
        max((change.version for change in changes), default=version),
        _cancelled(plan, stops, vehicle, day),
    )


def _cancelled(
    plan: PublishedSchedule | None, stops: Sequence[Stop], vehicle: str, day: date
) -> tuple[CancelledVisit, ...]:
    """One to which somebody came all the same stands among the stops."""
    came = {stop.visit_id for stop in stops}
    gone = plan.cancelled if plan else ()
    return tuple(one for one in gone if (one.date, one.vehicle_id) == (day, vehicle) and one.visit_id not in came)


def _state(stop: Stop, turn: PlanChange | None, *, is_past: bool) -> str:
    if stop.status is not StopStatus.PLANNED or stop.arrived:
        return stop.status.value
    if turn is not None and turn.turn in GONE:
        return turn.turn.value
    return StopStatus.MISSED.value if is_past else stop.status.value


def _line(
    stop: Stop, state: str, origin: str, plan: PublishedSchedule | None, turn: PlanChange | None, *, is_said: bool
) -> Line:
    there = on_day(plan, stop.day) if plan and stop.point_id else ()
    others = {visit.vehicle_id for visit in there if visit.point_id == stop.point_id} - {stop.vehicle}
    point = plan.points.get(stop.point_id) if plan else None
    return Line(stop, state, is_said, origin, tuple(sorted(others)), turn, point, tuple(crew_of(stop, plan)))
