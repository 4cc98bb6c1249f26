"""Vehicle-days as a person who knows the roads sees them: a way that nobody wrote down may be driven all the same."""

from itertools import pairwise
from operator import attrgetter

from clinic_records.schedule import Visit
from schedules.model import Point, Vehicle
from schedules.repair.days import Days
from schedules.rules.travel import known_or_least


class HandDays(Days):
    """Where the table of ways is silent, the least a way can take counts, as in the rules."""

    def way(self, start: str, end: str) -> int | None:
        """Minutes from point to point."""
        known = super().way(start, end)
        return known_or_least(self.plan, start, end)[0] if known is None else known

    def unfit(self, vehicle: Vehicle, point: Point, own: Vehicle) -> str:
        """Why a vehicle cannot serve a point; empty where it can, also by a way that is in no table."""
        code = super().unfit(vehicle, point, own)
        return "" if code == "V02" else code

    def is_guessed(self, visit: Visit) -> bool:
        """Whether the time of a way to it, or on from it, is in no table; never where there is no table at all."""
        if not self.plan.travel:
            return False
        day = sorted([*self.on.get((visit.date, visit.vehicle_id), ()), visit], key=attrgetter("start", "visit_id"))
        legs = ((one.point_id, two.point_id) for one, two in pairwise(day) if visit in (one, two))
        return any(super(HandDays, self).way(*leg) is None for leg in legs)
