"""From check-ins to stays: the point of each, and those told twice put together."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Final, NamedTuple

import msgspec

from clinic_records.clock import CHINA
from clinic_records.schedule import Visit
from schedules.adherence.checkins import CheckIn
from schedules.adherence.geofence import GEOFENCE_M, distance_m, nearest_point
from schedules.model import Plan, Point

SAME_ARRIVAL: Final = timedelta(minutes=15)
"""A check-in that soon after another tells the same arrival, also where nobody told when the vehicle left."""


class Stay(msgspec.Struct, frozen=True):
    """One vehicle at one place, once.

    Attributes:
        point_id: empty where the position lies at no clinic point.
        people: persons served; None where nobody told.
        told: how many check-ins say it.
    """

    vehicle_id: str
    point_id: str
    arrived_at: datetime
    left_at: datetime
    people: int | None
    told: int

    @property
    def date(self) -> date:
        """The day at +08:00."""
        return self.arrived_at.date()


class Stays(NamedTuple):
    """All stays by arrival; `far` counts check-ins whose position lies outside the geofence of the point they name."""

    stays: tuple[Stay, ...]
    far: int


def planned_start(visit: Visit) -> datetime:
    """When a visit is to begin."""
    return datetime.combine(visit.date, visit.start, CHINA)


def _point_of(checkin: CheckIn, plan: Plan, starts: Mapping[tuple[str, date, str], list[datetime]]) -> str:
    if checkin.point_id:
        return checkin.point_id
    if checkin.lon is None or checkin.lat is None:
        return ""

    def wait(point_id: str) -> float | None:
        planned = starts.get((checkin.vehicle_id, checkin.arrived_at.date(), point_id), [])
        return min((abs((start - checkin.arrived_at).total_seconds()) for start in planned), default=None)

    return nearest_point(checkin.lon, checkin.lat, plan.points.values(), wait)


def _is_far(checkin: CheckIn, point: Point | None) -> bool:
    if point is None or checkin.lon is None or checkin.lat is None:
        return False
    metres = distance_m(checkin.lon, checkin.lat, point)
    return metres is not None and metres > GEOFENCE_M


def _joined(one: Stay, two: CheckIn) -> Stay:
    told = [people for people in (one.people, two.people) if people is not None]
    return msgspec.structs.replace(
        one, left_at=max(one.left_at, two.left_at), people=max(told, default=None), told=one.told + 1
    )


def stays(checkins: Iterable[CheckIn], visits: Iterable[Visit], plan: Plan) -> Stays:
    """Each stay once, whoever told it.

    One more check-in of the same vehicle, day and point is the same stay where it overlaps it or comes within
    `SAME_ARRIVAL`.

    Args:
        checkins: in any order.
        visits: the plan on those days, which tells two near points apart.
        plan: where the points lie.
    """
    starts: defaultdict[tuple[str, date, str], list[datetime]] = defaultdict(list)
    for visit in visits:
        starts[visit.vehicle_id, visit.date, visit.point_id].append(planned_start(visit))
    found: defaultdict[tuple[str, str, date], list[Stay]] = defaultdict(list)
    far = 0
    for checkin in sorted(checkins, key=lambda one: (one.arrived_at, one.left_at)):
        point_id = _point_of(checkin, plan, starts)
        same_day = found[checkin.vehicle_id, point_id, checkin.arrived_at.date()]
        if same_day and checkin.arrived_at <= max(same_day[-1].left_at, same_day[-1].arrived_at + SAME_ARRIVAL):
            same_day[-1] = _joined(same_day[-1], checkin)
            continue
        far += _is_far(checkin, plan.points.get(checkin.point_id))
        same_day.append(Stay(checkin.vehicle_id, point_id, checkin.arrived_at, checkin.left_at, checkin.people, told=1))
    every = [stay for day in found.values() for stay in day]
    return Stays(tuple(sorted(every, key=lambda stay: (stay.arrived_at, stay.vehicle_id, stay.point_id))), far)
