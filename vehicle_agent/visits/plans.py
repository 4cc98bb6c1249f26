"""Which version of the plan a day goes by, and what a newer one says otherwise.

A vehicle-day opened by its first check-in keeps its version; a newer one counts from the next day on. What it cancels
or moves is told at once. Nothing that was recorded is ever numbered anew by a version that comes late.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import date
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

import msgspec

from clinic_records.care import Stop
from clinic_records.errors import NotFound
from clinic_records.record import Kind
from clinic_records.schedule import PublishedSchedule, Visit
from schedules.vehicle_days import kept_versions
from vehicle_agent.store.driver import Connection
from vehicle_agent.store.records import get_version, list_current
from vehicle_agent.visits.versions import listed


class Turn(StrEnum):
    """What a newer version makes of a visit of a day that keeps its version."""

    CANCELLED = "cancelled"
    MOVED = "moved"
    CHANGED = "changed"
    ADDED = "added"


class PlanChange(NamedTuple):
    """One visit as the day's own version has it, and as the newer version `version` has it."""

    turn: Turn
    version: int
    before: Visit | None
    after: Visit | None


@lru_cache(maxsize=4)
def _decoded(payload: bytes) -> PublishedSchedule:
    return msgspec.json.decode(payload, type=PublishedSchedule)


def versions(conn: Connection) -> Iterator[PublishedSchedule]:
    """Every version that has come, the highest first."""
    for newest in list_current(conn, Kind.SCHEDULE):
        yield _decoded(newest.payload)
        for revision in range(newest.revision - 1, 0, -1):
            with suppress(NotFound):  # published before this vehicle was enrolled
                yield _decoded(get_version(conn, newest.kind, newest.id, revision).payload)


def plans_for(conn: Connection, days: Collection[date]) -> dict[date, PublishedSchedule]:
    """The schedule in force on each day: a version published for next month does not hide this month's."""
    found: dict[date, PublishedSchedule] = {}
    missing = set(days)
    for plan in versions(conn):
        fitting = {day for day in missing if plan.effective_from <= day <= plan.last}
        found |= dict.fromkeys(fitting, plan)
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
    for plan in versions(conn) if wanted else ():
        found |= {day: plan for day, version in kept.items() if version == plan.version}
        wanted.discard(plan.version)
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
    mine = [] if plan is None else [v for v in plan.visits if v.vehicle_id == vehicle and v.date == day]
    return sorted(mine, key=lambda visit: visit.start)


def changes_of_day(conn: Connection, vehicle: str, day: date) -> list[PlanChange]:
    """What the version in force says of `day` otherwise than the version the day keeps."""
    kept, newest = plan_of_day(conn, day), plans_for(conn, [day]).get(day)
    if kept is None or newest is None or newest.version <= kept.version:
        return []
    later: Mapping[str, Visit] = {visit.visit_id: visit for visit in newest.visits}
    before = visits_of(kept, vehicle, day)
    turned = [(_turn(visit, later.get(visit.visit_id)), visit, later.get(visit.visit_id)) for visit in before]
    found = [PlanChange(turn, newest.version, old, new) for turn, old, new in turned if turn is not None]
    known = {visit.visit_id for visit in before}
    added = [visit for visit in visits_of(newest, vehicle, day) if visit.visit_id not in known]
    return found + [PlanChange(Turn.ADDED, newest.version, None, visit) for visit in added]


def _turn(before: Visit, after: Visit | None) -> Turn | None:
    if after is None:
        return Turn.CANCELLED
    if (after.vehicle_id, after.date) != (before.vehicle_id, before.date):
        return Turn.MOVED
    told = [(v.start, v.end, v.point_id, v.staff_ids) for v in (before, after)]
    return Turn.CHANGED if told[0] != told[1] else None
