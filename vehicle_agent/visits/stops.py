"""Today's stop: from the schedule that came down, or an unscheduled one; closing it ends the day with a statement."""

from collections.abc import Iterable
from contextlib import suppress
from datetime import date, time
from typing import Final

import msgspec

from clinic_records.care import STOP_MOVES, Encounter, EncounterStatus, Stop, StopStatus, move
from clinic_records.clock import CHINA, to_ms
from clinic_records.errors import Conflict, Hint, NotFound
from clinic_records.ids import StopId
from clinic_records.record import DayClosed, Kind
from clinic_records.schedule import PublishedSchedule, Visit
from schedules.publish import in_force
from sync.messages.table import MESSAGES
from vehicle_agent.store.driver import Connection
from vehicle_agent.store.outbox import day_figures
from vehicle_agent.store.records import get_version, list_current, put_record
from vehicle_agent.visits.day_end import put_audit_head
from vehicle_agent.visits.versions import Act, Version, find, listed, put

UNSCHEDULED_ENDS: Final = time(23, 59)
"""End of a stop nobody planned: it lasts until somebody closes it."""

OVER: Final = frozenset({EncounterStatus.FINISHED, EncounterStatus.CANCELLED, EncounterStatus.ENTERED_IN_ERROR})
"""States of an encounter that no longer holds a stop open."""


def planned_visit(plan: PublishedSchedule | None, vehicle: str, day: date, done: Iterable[str]) -> Visit | None:
    """The next visit of `vehicle` on `day` whose stop is not `done`, by its start."""
    if plan is None:
        return None
    closed = set(done)
    left = [v for v in plan.visits if v.vehicle_id == vehicle and v.date == day and v.visit_id not in closed]
    return min(left, key=lambda visit: visit.start, default=None)


def stop_of(visit: Visit, plan: PublishedSchedule) -> Stop:
    """The planned stop of a visit."""
    return Stop(
        id=visit.visit_id,
        vehicle=visit.vehicle_id,
        point_id=visit.point_id,
        point_name=visit.point_name,
        village=visit.village,
        day=visit.date,
        start=visit.start,
        end=visit.end,
        schedule_version=plan.version,
        crew=visit.staff_ids,
        ordinal=visit.ordinal,
    )


def plan_for(conn: Connection, day: date) -> PublishedSchedule | None:
    """The schedule in force on `day`: a version published for next month does not hide this month's."""
    fitting = []
    for newest in list_current(conn, Kind.SCHEDULE):
        for revision in range(newest.revision, 0, -1):
            with suppress(NotFound):  # published before this vehicle was enrolled
                record = newest if revision == newest.revision else get_version(conn, newest.kind, newest.id, revision)
                plan = msgspec.json.decode(record.payload, type=PublishedSchedule)
                if in_force([plan], day) is not None:
                    fitting.append(plan)
                    break
    return in_force(fitting, day)


def open_one(conn: Connection) -> Version[Stop] | None:
    """The stop that is open, whatever its day: a stop that runs past midnight stays the stop."""
    found = listed(conn, Stop, where={"status": StopStatus.OPEN.value}, newest_first=True, limit=1)
    return found[0] if found else None


def todays_stop(conn: Connection, vehicle: str, day: date) -> Stop | None:
    """The open stop; else the next planned one of the day; else the last one closed today; else None."""
    opened = open_one(conn)
    if opened is not None:
        return opened.thing
    mine = [version.thing for version in listed(conn, Stop, where={"day": day.isoformat()}, newest_first=True)]
    done = [stop for stop in mine if stop.status in {StopStatus.CLOSED, StopStatus.REPORTED}]
    plan = plan_for(conn, day)
    visit = planned_visit(plan, vehicle, day, (stop.id for stop in done))
    if plan is not None and visit is not None:
        return stop_of(visit, plan)
    return max(done, key=lambda stop: to_ms(stop.closed_at) if stop.closed_at else 0, default=None)


def open_stop(conn: Connection, vehicle: str, new_id: StopId, act: Act) -> Stop:
    """Open the planned stop of today, or an unscheduled one; the open one where there is one already."""
    opened = open_one(conn)
    if opened is not None:
        return opened.thing
    local = act.now.astimezone(CHINA)
    planned = todays_stop(conn, vehicle, local.date())
    if planned is None or planned.status is not StopStatus.PLANNED:
        planned = Stop(
            id=new_id,
            vehicle=vehicle,
            point_id="",
            point_name="",  # data holds no words of a page: the pages say 加站 / unscheduled stop
            village="",
            day=local.date(),
            start=local.time().replace(second=0, microsecond=0),
            end=UNSCHEDULED_ENDS,
        )
    before = find(conn, Stop, planned.id)
    status = move(STOP_MOVES, planned.status, StopStatus.OPEN)
    stop = msgspec.structs.replace(planned, status=status, opened_at=act.now)
    put(conn, stop, act, before=before.record if before else None)
    return stop


def close_stop(conn: Connection, vehicle: str, new_id: str, act: Act) -> Stop:
    """Close the open stop and write its day-closed statement (sync rule 8).

    Raises:
        Conflict: no stop is open, or an encounter of it is not over.
    """
    opened = open_one(conn)
    if opened is None:
        raise Conflict("no stop is open", hint=Hint("没有开诊中的站点。", "No stop is open."))
    seen = listed(conn, Encounter, where={"stop": opened.thing.id})
    going_on = [version.thing for version in seen if version.thing.status not in OVER]
    if going_on:
        raise Conflict(
            f"{len(going_on)} encounters of stop {opened.thing.id} are not over",
            hint=Hint(
                f"还有{len(going_on)}个诊次没完成。在“今日”打开，按“完成诊次”，再离站收诊。",
                f"Encounters not finished yet: {len(going_on)}. Open each on Today, finish it, then close the stop.",
            ),
        )
    status = move(STOP_MOVES, opened.thing.status, StopStatus.CLOSED)
    stop = msgspec.structs.replace(opened.thing, status=status, closed_at=act.now)
    put(conn, stop, act, before=opened.record)
    put_audit_head(conn, f"{new_id}-audit", act)
    _put_day_closed(conn, vehicle, stop.id, new_id, act)
    return stop


def close_again(conn: Connection, vehicle: str, new_id: str, act: Act) -> bool:
    """Say the end of the day anew where something was recorded after it and no stop is open; False where not.

    Without it a late decision about yesterday's reading would leave the hospital's statement at "unknown" until the
    next stop is closed.
    """
    if open_one(conn) is not None:
        return False
    said = list_current(conn, Kind.DAY_CLOSED, newest_first=True, limit=1)
    figures = day_figures(conn)
    if not said or (said[0].origin.incarnation, said[0].origin.seq) == (figures.incarnation, figures.last_seq):
        return False
    stop = msgspec.json.decode(said[0].payload, type=DayClosed).stop
    _put_day_closed(conn, vehicle, stop, new_id, act)
    return True


def _put_day_closed(conn: Connection, vehicle: str, stop: str, new_id: str, act: Act) -> None:
    figures = day_figures(conn)
    put_record(
        conn,
        record_id=new_id,
        kind=Kind.DAY_CLOSED,
        lane=MESSAGES[Kind.DAY_CLOSED].lane,
        payload=DayClosed(stop, vehicle, figures.incarnation, figures.last_seq, figures.counts, figures.root),
        author=act.author,
        recorded_at=act.now,
    )
