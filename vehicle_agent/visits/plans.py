"""Which version of the plan a day goes by, and what a newer one says otherwise.

A vehicle-day opened by its first check-in keeps its version; a newer one counts from the next day on. What it cancels
or moves is told at once. Nothing that was recorded is ever numbered anew by a version that comes late.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import date
from enum import StrEnum
from typing import NamedTuple

from clinic_records.care import Stop
from clinic_records.schedule import PublishedSchedule, Visit
from schedules.vehicle_days import kept_versions
from vehicle_agent.store.driver import Connection
from vehicle_agent.visits.published import known, on_day
from vehicle_agent.visits.versions import listed


class Turn(StrEnum):
    """What a newer version makes of a visit of a day that keeps its version."""

    CANCELLED = "cancelled"
    MOVED = "moved"
    CHANGED = "changed"
    ADDED = "added"


class PlanChange(NamedTuple):
    """One visit as the day's own version has it, and as the newer version `version` has it; a reason if cancelled."""

    turn: Turn
    version: int
    before: Visit | None
    after: Visit | None
    reason: str = ""


def plans_for(conn: Connection, days: Collection[date]) -> dict[date, PublishedSchedule]:
    """The schedule in force on each day: a version published for next month does not hide this month's."""
    found: dict[date, PublishedSchedule] = {}
    missing = set(days)
    for head, whole in known(conn):
        fitting = {day for day in missing if head.effective_from <= day <= head.last}
        if fitting:
            found |= dict.fromkeys(fitting, whole())
        missing -= fitting
        if not missing:
            break
    return found


def plans_kept(conn: Connection, days: Collection[date], stops: Iterable[Stop]) -> dict[date, PublishedSchedule]:
    """The schedule each day goes by: the version it keeps, else the one in force.

    A version that is not here any more, after the box was restored, cannot be kept.
    """
    kept = {day: version for day, version in kept_versions(stops).items() if day in days}
    found = plans_for(conn, [day for day in days if day not in kept])
    wanted = set(kept.values())
    for head, whole in known(conn) if wanted else ():
        if head.version in wanted:
            found |= dict.fromkeys((day for day, version in kept.items() if version == head.version), whole())
        wanted.discard(head.version)
        if not wanted:
            break
    return found | plans_for(conn, [day for day in kept if day not in found])


def stops_on(conn: Connection, text: str) -> list[Stop]:
    """Every stop whose day begins with `2026-11` or is `2026-11-23`, in the order they were made."""
    return [version.thing for version in listed(conn, Stop, contains={"day": text})]


def plan_of_day(conn: Connection, day: date) -> PublishedSchedule | None:
    """The schedule that `day` goes by."""
    return plans_kept(conn, [day], stops_on(conn, day.isoformat())).get(day)


def visits_of(plan: PublishedSchedule | None, vehicle: str, day: date) -> list[Visit]:
    """The visits of a vehicle on a day, by their start."""
    return [] if plan is None else [visit for visit in on_day(plan, day) if visit.vehicle_id == vehicle]


def changes_of_day(conn: Connection, vehicle: str, day: date) -> list[PlanChange]:
    """What the version in force says of `day` otherwise than the version the day keeps."""
    kept, newest = plan_of_day(conn, day), plans_for(conn, [day]).get(day)
    if kept is None or newest is None or newest.version <= kept.version:
        return []
    before = visits_of(kept, vehicle, day)
    mine = {visit.visit_id for visit in before}
    later: Mapping[str, Visit] = {visit.visit_id: visit for visit in newest.visits if visit.visit_id in mine}
    why = {one.visit_id: one.reason for one in newest.cancelled}
    turned = [(_turn(visit, later.get(visit.visit_id)), visit, later.get(visit.visit_id)) for visit in before]
    found = [PlanChange(turn, newest.version, old, new, why.get(old.visit_id, "")) for turn, old, new in turned if turn]
    added = [visit for visit in visits_of(newest, vehicle, day) if visit.visit_id not in mine]
    return found + [PlanChange(Turn.ADDED, newest.version, None, visit) for visit in added]


def _turn(before: Visit, after: Visit | None) -> Turn | None:
    if after is None:
        return Turn.CANCELLED
    if (after.vehicle_id, after.date) != (before.vehicle_id, before.date):
        return Turn.MOVED
    told = [(v.start, v.end, v.point_id, v.staff_ids) for v in (before, after)]
    return Turn.CHANGED if told[0] != told[1] else None
