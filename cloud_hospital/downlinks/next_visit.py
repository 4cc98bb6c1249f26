"""A routine answer goes also to whichever vehicle is next at the person's village: there the person is told.

What must be acted on today stays with the vehicle that asked: two crews looking for one person help nobody.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from sqlalchemy import Row, select

from clinic_records.care import Encounter, Stop
from clinic_records.clock import CHINA, from_ms, to_ms
from clinic_records.consult import Answer, Recall, Retraction
from clinic_records.record import Kind
from clinic_records.schedule import PublishedSchedule, Visit
from cloud_hospital.downlinks.issue import address_also, addressed, queue_issued
from cloud_hospital.downlinks.opinions import AT_ONCE
from cloud_hospital.feed.things import newest
from cloud_hospital.hospital import Hospital
from cloud_hospital.store.engine import reading, writing
from cloud_hospital.store.tables import issued
from cloud_hospital.vehicles import active_vehicles
from schedules.folder import PlanFolder
from schedules.publish import in_force

AHEAD: Final = timedelta(days=45)
"""A village without a visit for so long has none: four a month are promised."""


def follow_visits(hospital: Hospital) -> int:
    """Address what waits for a village's next visit to its vehicle as well; how many were. Durable on return.

    Raises:
        RefusedInput: the file of a published schedule was altered.
    """
    rows = _routine(hospital)
    versions = PlanFolder(hospital.folder.root).versions() if rows else []
    active = active_vehicles(hospital)
    done = 0
    for row, stop in rows:
        visit = next_visit(versions, stop, from_ms(row.made_at), hospital.now())
        if visit is None or visit.vehicle_id in addressed(row) or visit.vehicle_id not in active:
            continue
        with writing(hospital.engine) as connection:
            address_also(connection, row.id, visit.vehicle_id)
        queue_issued(hospital, row.id)
        done += 1
    return done


def next_visit(versions: Sequence[PublishedSchedule], stop: Stop, made: datetime, now: datetime) -> Visit | None:
    """The first planned visit at the village of `stop` ending after `made`; None where none is planned or it is over.

    Of visits at one time the one at the same clinic point comes first.
    """
    first, today = made.astimezone(CHINA).date(), now.astimezone(CHINA).date()
    for day in (first + timedelta(days=ahead) for ahead in range(AHEAD.days + 1)):
        plan = in_force(versions, day)
        there = [
            visit
            for visit in (plan.visits if plan else ())
            if visit.date == day
            and (visit.village == stop.village or visit.point_id == stop.point_id)
            and datetime.combine(day, visit.end, CHINA) > made
        ]
        if there:
            found = min(there, key=lambda visit: (visit.start, visit.point_id != stop.point_id, visit.vehicle_id))
            return found if day >= today else None
    return None


def _routine(hospital: Hospital) -> list[tuple[Row[Any], Stop]]:
    """Answers and recalls that are not urgent and not taken back, with the stop at which their encounter was."""
    since = to_ms(hospital.now() - AHEAD)
    said = select(issued).where(
        issued.c.kind.in_([Kind.ANSWER.value, Kind.RECALL.value]),
        issued.c.made_at >= since,
        issued.c.encounter.is_not(None),
    )
    with reading(hospital.engine) as connection:
        rows = [row for row in connection.execute(said.order_by(issued.c.n)) if not _is_urgent(row)]
        taken_back = select(issued.c.payload).where(issued.c.kind == Kind.RETRACTION.value, issued.c.made_at >= since)
        gone = {
            msgspec.json.decode(payload, type=Retraction).thing for payload in connection.execute(taken_back).scalars()
        }
        encounters = newest(connection, Kind.ENCOUNTER, Encounter, [row.encounter for row in rows])
        stops = newest(connection, Kind.STOP, Stop, [each.stop for each in encounters.values()])
    found = []
    for row in rows:
        encounter = encounters.get(row.encounter)
        stop = stops.get(encounter.stop) if encounter else None
        if stop is not None and row.id not in gone:
            found.append((row, stop))
    return found


def _is_urgent(row: Row[Any]) -> bool:
    if row.kind == Kind.RECALL.value:
        return msgspec.json.decode(row.payload, type=Recall).level in AT_ONCE
    return msgspec.json.decode(row.payload, type=Answer).recall in AT_ONCE
