"""A routine answer goes also to whichever vehicle is next at the person's village: there the person is told.

What must be acted on today stays with the vehicle that asked: two crews looking for one person help nobody.
"""

from collections.abc import Sequence
from contextlib import suppress
from datetime import date, datetime, timedelta
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Row, select

from clinic_records.care import Encounter, Stop
from clinic_records.clock import CHINA, from_ms, to_ms
from clinic_records.consult import Answer, Recall, Retraction
from clinic_records.errors import AccessError, NotFound
from clinic_records.record import Kind
from clinic_records.schedule import PublishedSchedule, Visit
from cloud_hospital.downlinks.issue import address_also, addressed, made_under, queue_issued
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
    plans = Plans(PlanFolder(hospital.folder.root).versions() if rows else ())
    active = active_vehicles(hospital)
    done = 0
    for row, stop in rows:
        visit = next_visit(plans, stop, from_ms(row.made_at), hospital.now())
        if visit is None or visit.vehicle_id in addressed(row) or visit.vehicle_id not in active:
            continue
        if _address(hospital, row.id, visit.vehicle_id):
            with suppress(NotFound, AccessError):  # whoever asked may be revoked by now; the next one there is not
                queue_issued(hospital, row.id)
            done += 1
    return done


class Plans:
    """The versions of the schedule, each day laid out once for many questions."""

    def __init__(self, versions: Sequence[PublishedSchedule]) -> None:
        """`versions`: lowest first."""
        self._versions = versions
        self._days: dict[date, list[Visit]] = {}
        self._codes = {id_: point.village_code for each in versions for id_, point in each.points.items()}

    def on(self, day: date) -> list[Visit]:
        """The visits of a day."""
        if day not in self._days:
            plan = in_force(self._versions, day)
            self._days[day] = [visit for visit in plan.visits if visit.date == day] if plan else []
        return self._days[day]

    def is_at_village(self, visit: Visit, stop: Stop) -> bool:
        """Whether it is to the village of `stop`. Villages of one name have their codes."""
        if visit.point_id == stop.point_id:
            return True
        here, there = (self._codes.get(each, "") for each in (visit.point_id, stop.point_id))
        return here == there if here and there else bool(stop.village) and visit.village == stop.village


def next_visit(plans: Plans, stop: Stop, made: datetime, now: datetime) -> Visit | None:
    """The first planned visit at the village of `stop` ending after `made`; None where none is planned or it is over.

    Of visits at one time the one at the same clinic point comes first.
    """
    first, today = made.astimezone(CHINA).date(), now.astimezone(CHINA).date()
    for day in (first + timedelta(days=ahead) for ahead in range(AHEAD.days + 1)):
        there = [
            visit
            for visit in plans.on(day)
            if plans.is_at_village(visit, stop) and datetime.combine(day, visit.end, CHINA) > made
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
        gone = _taken_back(connection, since)
        encounters = newest(connection, Kind.ENCOUNTER, Encounter, [row.encounter for row in rows])
        stops = newest(connection, Kind.STOP, Stop, [each.stop for each in encounters.values()])
    found = []
    for row in rows:
        encounter = encounters.get(row.encounter)
        stop = stops.get(encounter.stop) if encounter else None
        if stop is not None and row.id not in gone:
            found.append((row, stop))
    return found


def _taken_back(connection: Connection, since: int) -> set[str]:
    query = select(issued.c.payload).where(issued.c.kind == Kind.RETRACTION.value, issued.c.made_at >= since)
    return {msgspec.json.decode(payload, type=Retraction).thing for payload in connection.execute(query).scalars()}


def _address(hospital: Hospital, id_: str, vehicle: str) -> bool:
    """Address it to `vehicle` too, unless it was taken back since: that goes to whoever was addressed by then."""
    with writing(hospital.engine) as connection:
        made = made_under(connection, id_)
        if id_ in _taken_back(connection, made.made_at):
            return False
        address_also(connection, id_, vehicle)
    return True


def _is_urgent(row: Row[Any]) -> bool:
    if row.kind == Kind.RECALL.value:
        return msgspec.json.decode(row.payload, type=Recall).level in AT_ONCE
    return msgspec.json.decode(row.payload, type=Answer).recall in AT_ONCE
