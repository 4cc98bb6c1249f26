"""Check-in by position: the vehicle stands at a clinic point it is expected at, or has left one."""

from datetime import datetime, timedelta
from typing import Final

import msgspec

from clinic_records.care import CheckInWay, Stop, StopStatus
from clinic_records.clock import CHINA
from clinic_records.errors import Conflict
from clinic_records.ids import StopId
from clinic_records.reading import Reading
from clinic_records.schedule import PublishedPoint, PublishedSchedule
from schedules.adherence.geofence import FIX_ERROR_M, GEOFENCE_M
from schedules.vehicle_days import came_at
from vehicle_agent.store.driver import Connection
from vehicle_agent.visits.plans import plan_of_day
from vehicle_agent.visits.positions import Fix, check_in, fix_of, metres_to
from vehicle_agent.visits.stops import expected
from vehicle_agent.visits.versions import Act, find, listed, put

LEFT_M: Final = 500
"""Farther than this the vehicle has gone; between 300 and 500 m a fix may wander. Our choice."""
EARLIEST: Final = timedelta(minutes=90)
"""Nobody comes to work longer before the start than this: a vehicle parked there at dawn lives there. Our choice."""


def follow(conn: Connection, vehicle: str, reading: Reading, new_id: StopId, now: datetime) -> bool:
    """Take note of an arrival or a departure that a position shows, as versions of the stops; whether there was one.

    In the transaction that keeps the reading, which it never stops. The author of such a version is nobody.
    """
    fix = fix_of(reading)
    if fix is None:
        return False
    day = fix.at.astimezone(CHINA).date()
    plan = plan_of_day(conn, day)
    if plan is None:
        return False
    act = Act(None, now)
    try:
        left = [_left(conn, version.thing, plan, fix, act) for version in listed(conn, Stop, where={"day": str(day)})]
        return _arrived(conn, vehicle, plan, fix, new_id, act) or any(left)
    except Conflict:  # the box was restored, and the last version of the stop has not come back yet
        return False


def _left(conn: Connection, stop: Stop, plan: PublishedSchedule, fix: Fix, act: Act) -> bool:
    """Note that an open or closed stop was left, or that the vehicle is back at one that is still open."""
    point = plan.points.get(stop.point_id)
    metres, came = metres_to(fix, point), came_at(stop)
    if metres is None or came is None or fix.at <= came or stop.status not in {StopStatus.OPEN, StopStatus.CLOSED}:
        return False
    if stop.left is None and metres > LEFT_M:
        left = check_in(fix.at, CheckInWay.POSITION, fix, point)
    elif stop.left is not None and stop.status is StopStatus.OPEN and metres <= GEOFENCE_M:
        left = None
    else:
        return False
    before = find(conn, Stop, stop.id)
    put(conn, msgspec.structs.replace(stop, left=left), act, before=before.record if before else None)
    return True


def _arrived(conn: Connection, vehicle: str, plan: PublishedSchedule, fix: Fix, new_id: StopId, act: Act) -> bool:
    if not fix.is_standing:
        return False
    local = fix.at.astimezone(CHINA)
    here: list[tuple[int, datetime, Stop, PublishedPoint]] = []
    for stop in expected(conn, vehicle, local.date()):
        point = plan.points.get(stop.point_id)
        metres, start = metres_to(fix, point), datetime.combine(stop.day, stop.start, CHINA)
        if point is not None and metres is not None and metres <= GEOFENCE_M and start - fix.at <= EARLIEST:
            here.append((metres, start, stop, point))
    nearest = min((metres for metres, *_ in here), default=0)
    near = [each for each in here if each[0] <= nearest + FIX_ERROR_M]
    if not near or any(stop.arrived for _, _, stop, _ in near):
        return False
    _, _, stop, point = min(near, key=lambda each: (abs(each[1] - fix.at), each[0]))
    before = find(conn, Stop, stop.id)
    arrived = check_in(fix.at, CheckInWay.POSITION, fix, point)
    noted = msgspec.structs.replace(stop, id=stop.id if before else new_id, arrived=arrived)
    put(conn, noted, act, before=before.record if before else None)
    return True
