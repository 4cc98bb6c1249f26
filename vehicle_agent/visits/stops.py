"""Today's stop: from the schedule that came down, or an unscheduled one; closing it ends the day with a statement."""

from datetime import date, datetime, time
from typing import Final, NamedTuple

import msgspec

from clinic_records.care import STOP_MOVES, CheckInWay, Encounter, EncounterStatus, Stop, StopStatus, move
from clinic_records.clock import CHINA, to_ms
from clinic_records.errors import Conflict, Hint, NotFound, RefusedInput
from clinic_records.ids import StopId
from clinic_records.record import DayClosed, Kind
from clinic_records.schedule import PublishedSchedule, Visit
from sync.messages.table import MESSAGES
from vehicle_agent.store.driver import Connection
from vehicle_agent.store.outbox import day_figures
from vehicle_agent.store.records import list_current, put_record
from vehicle_agent.visits.day_end import put_audit_head
from vehicle_agent.visits.plans import Turn, changes_of_day, plan_of_day, stops_on, visits_of
from vehicle_agent.visits.positions import check_in, last_fix
from vehicle_agent.visits.versions import Act, Version, find, listed, put

UNSCHEDULED_ENDS: Final = time(23, 59)
"""End of a stop nobody planned: it lasts until somebody closes it."""

OVER: Final = frozenset({EncounterStatus.FINISHED, EncounterStatus.CANCELLED, EncounterStatus.ENTERED_IN_ERROR})
"""States of an encounter that no longer holds a stop open."""
DONE: Final = frozenset({StopStatus.CLOSED, StopStatus.REPORTED})
GONE: Final = frozenset({Turn.CANCELLED, Turn.MOVED})


class NewStop(msgspec.Struct, frozen=True, omit_defaults=True):
    """A stop nobody planned, as a person says it.

    Attributes:
        point_id: a clinic point of the schedule; empty where it is none of them, and `place` says where.
        makes_up_for: the missed visit it is for.
    """

    point_id: str = ""
    place: str = ""
    reason: str = ""
    makes_up_for: str = ""


class Seen(NamedTuple):
    """What the page said on which somebody pressed "open": the next visit, empty where none, and the day's version."""

    visit_id: str
    version: int


def stop_of(visit: Visit, plan: PublishedSchedule) -> Stop:
    """The planned stop of a visit, not kept yet: its id is the visit's until somebody comes."""
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
        visit_id=visit.visit_id,
    )


def planned_stops(conn: Connection, vehicle: str, day: date) -> list[Stop]:
    """The day's visits by their start, each as it stands: kept, or only planned."""
    plan = plan_of_day(conn, day)
    kept = {stop.visit_id: stop for stop in stops_on(conn, day.isoformat()) if stop.visit_id}
    if plan is None:
        return []
    return [kept.get(visit.visit_id) or stop_of(visit, plan) for visit in visits_of(plan, vehicle, day)]


def expected(conn: Connection, vehicle: str, day: date) -> list[Stop]:
    """The stops still to come on a day, by their start; those that a newer version took away are not."""
    gone = {turn.before.visit_id for turn in changes_of_day(conn, vehicle, day) if turn.turn in GONE and turn.before}
    return [
        stop
        for stop in planned_stops(conn, vehicle, day)
        if stop.status is StopStatus.PLANNED and (stop.arrived or stop.visit_id not in gone)
    ]


def open_one(conn: Connection) -> Version[Stop] | None:
    """The stop that is open, whatever its day: a stop that runs past midnight stays the stop."""
    found = listed(conn, Stop, where={"status": StopStatus.OPEN.value}, newest_first=True, limit=1)
    return found[0] if found else None


def todays_stop(conn: Connection, vehicle: str, day: date) -> Stop | None:
    """The open stop; else the one the vehicle stands at; else the next planned one; else the last one closed."""
    opened = open_one(conn)
    if opened is not None:
        return opened.thing
    coming = expected(conn, vehicle, day)
    here = [stop for stop in coming if stop.arrived and not stop.left]
    if coming:
        return (here or coming)[0]
    done = [stop for stop in stops_on(conn, day.isoformat()) if stop.status in DONE]
    return max(done, key=lambda stop: to_ms(stop.closed_at) if stop.closed_at else 0, default=None)


def open_stop(
    conn: Connection, vehicle: str, new_id: StopId, act: Act, visit_id: str = "", arrived_at: datetime | None = None
) -> Stop:
    """Open a planned stop of today (the next one by default), or an unscheduled one; the open one where there is one.

    Who opens it without a check-in before is checked in by hand, now or at `arrived_at`.

    Raises:
        NotFound: no such visit is planned for this vehicle today.
        RefusedInput: `arrived_at` is later than now, or on another day.
    """
    opened = open_one(conn)
    if opened is not None:
        return opened.thing
    day = act.now.astimezone(CHINA).date()
    if visit_id:
        planned = next((stop for stop in planned_stops(conn, vehicle, day) if stop.visit_id == visit_id), None)
        if planned is None:
            raise NotFound(
                f"visit {visit_id[:64]} is not planned for {vehicle} on {day}",
                hint=Hint("班表里没有这一站了。回“今日”看现在的。", "The schedule has no such stop. Look at Today."),
            )
    else:
        planned = todays_stop(conn, vehicle, day)
        if planned is None or planned.status is not StopStatus.PLANNED:
            return open_unscheduled(conn, vehicle, new_id, act, NewStop())
    return _open(conn, planned, new_id, act, arrived_at)


def open_seen(conn: Connection, vehicle: str, new_id: StopId, act: Act, seen: Seen) -> Stop:
    """Open the stop that somebody saw, and no other; the open one where there is one.

    Raises:
        Conflict: the day goes by another version by now, a newer one took the visit away, or the stop is over.
    """
    opened = open_one(conn)
    if opened is not None:
        return opened.thing
    day = act.now.astimezone(CHINA).date()
    plan = plan_of_day(conn, day)
    version = plan.version if plan else 0
    if version != seen.version:
        raise Conflict(
            f"the day goes by schedule version {version}, not {seen.version}",
            hint=Hint(
                f"班表刚换成第{version}版，没有开站。看一下现在的站，再开。",
                f"The schedule is version {version} now; no stop was opened. Look at the stop, then open it.",
            ),
        )
    if seen.visit_id and seen.visit_id not in {stop.visit_id for stop in expected(conn, vehicle, day)}:
        raise Conflict(
            f"visit {seen.visit_id[:64]} is not to come any more",
            hint=Hint(
                "这一站刚刚变了（取消、改期、未到或已经开过），没有开站。看一下现在的站，再开。",
                "That stop was cancelled, moved, missed or opened meanwhile; none was opened. Look, then open.",
            ),
        )
    return open_stop(conn, vehicle, new_id, act, seen.visit_id)


def open_unscheduled(
    conn: Connection, vehicle: str, new_id: StopId, act: Act, form: NewStop, arrived_at: datetime | None = None
) -> Stop:
    """Open a stop nobody planned for this vehicle; the open one where there is one.

    Raises:
        NotFound: the schedule knows no such point.
        RefusedInput: as `open_stop`.
    """
    opened = open_one(conn)
    if opened is not None:
        return opened.thing
    local = act.now.astimezone(CHINA)
    plan = plan_of_day(conn, local.date())
    point = plan.points.get(form.point_id) if plan else None
    if form.point_id and point is None:
        raise NotFound(f"point {form.point_id[:64]} is not on the schedule")
    stop = Stop(
        id=new_id,
        vehicle=vehicle,
        point_id=form.point_id,
        point_name=point.name if point else form.place.strip(),  # empty: the pages say 加站 / unscheduled stop
        village=point.village if point else "",
        day=local.date(),
        start=local.time().replace(second=0, microsecond=0),
        end=UNSCHEDULED_ENDS,
        schedule_version=plan.version if plan else 0,
        reason=form.reason.strip(),
        makes_up_for=form.makes_up_for,
    )
    return _open(conn, stop, new_id, act, arrived_at)


def _open(conn: Connection, planned: Stop, new_id: StopId, act: Act, arrived_at: datetime | None) -> Stop:
    at = act.now if arrived_at is None else arrived_at
    if at > act.now or at.astimezone(CHINA).date() != planned.day:
        raise RefusedInput(
            f"arrived at {at}, and it is {act.now}",
            hint=Hint(
                "到达时间不能晚于现在，也不能是别的日子。", "The time of arrival is later than now, or on another day."
            ),
        )
    plan = plan_of_day(conn, planned.day)
    point = plan.points.get(planned.point_id) if plan else None
    before = find(conn, Stop, planned.id)
    status = move(STOP_MOVES, planned.status, StopStatus.OPEN)
    said = check_in(at, CheckInWay.HAND, last_fix(conn, act.now), point, act.author)
    is_kept = planned.arrived is not None and arrived_at is None
    stop = msgspec.structs.replace(
        planned,
        id=planned.id if before else new_id,
        status=status,
        opened_at=act.now,
        arrived=planned.arrived if is_kept else said,
        left=None,
        reason="" if planned.status is StopStatus.MISSED else planned.reason,
    )
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
