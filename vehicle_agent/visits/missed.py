"""Visits nobody kept: why, and which of them may still be made up for."""

from datetime import date, timedelta

import msgspec

from clinic_records.care import STOP_MOVES, Stop, StopStatus, move
from clinic_records.clock import CHINA
from clinic_records.errors import Hint, NotFound, RefusedInput
from clinic_records.ids import StopId
from schedules.vehicle_days import came_at
from vehicle_agent.store.driver import Connection
from vehicle_agent.visits.plans import plans_kept, stops_on, visits_of
from vehicle_agent.visits.stops import planned_stops, stop_of
from vehicle_agent.visits.versions import Act, find, put


def say_missed(conn: Connection, vehicle: str, day: date, visit_id: str, reason: str, new_id: StopId, act: Act) -> Stop:
    """Say why nobody came, or will come, to a visit of today or of an earlier day.

    Raises:
        NotFound: no such visit is planned for this vehicle on that day.
        RefusedInput: no reason, or a day to come.
        Conflict: it was kept.
    """
    if not reason.strip() or day > act.now.astimezone(CHINA).date():
        raise RefusedInput(
            f"visit {visit_id[:64]} on {day}: reason {reason[:20]!r}",
            hint=Hint(
                "选一个原因；以后的站请调度员改。", "Choose a reason; a later visit is the coordinator's to change."
            ),
        )
    stop = next((each for each in planned_stops(conn, vehicle, day) if each.visit_id == visit_id), None)
    if stop is None:
        raise NotFound(f"visit {visit_id[:64]} is not planned for {vehicle} on {day}")
    before = find(conn, Stop, stop.id)
    missed = msgspec.structs.replace(
        stop,
        id=stop.id if before else new_id,
        status=StopStatus.MISSED
        if stop.status is StopStatus.MISSED
        else move(STOP_MOVES, stop.status, StopStatus.MISSED),
        reason=reason.strip(),
    )
    put(conn, missed, act, before=before.record if before else None)
    return missed


def to_make_up(conn: Connection, vehicle: str, day: date, within: timedelta) -> list[Stop]:
    """Visits of this vehicle on the days before `day` that nobody kept and nobody has made up for, oldest first."""
    days = [day - timedelta(days=back) for back in range(within.days, 0, -1)]
    stops = [stop for month in sorted({f"{each:%Y-%m}" for each in (*days, day)}) for stop in stops_on(conn, month)]
    kept = {stop.visit_id for stop in stops if stop.visit_id and stop.status is not StopStatus.MISSED and came_at(stop)}
    made = {stop.makes_up_for for stop in stops}
    said = {stop.visit_id: stop for stop in stops if stop.status is StopStatus.MISSED}
    plans = plans_kept(conn, days, stops)
    missed = [(visit, plans[each]) for each in days if each in plans for visit in visits_of(plans[each], vehicle, each)]
    return [
        said.get(visit.visit_id) or stop_of(visit, plan) for visit, plan in missed if visit.visit_id not in kept | made
    ]
