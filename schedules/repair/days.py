"""Vehicle-days with the visits on them, and whether one more fits: the reasons are the codes of the findings."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from itertools import pairwise
from operator import attrgetter
from typing import Final

import msgspec

from clinic_records.schedule import Visit
from schedules.model import Plan, Point, Unavailable, Vehicle
from schedules.planning.clock import clock
from schedules.planning.crews import has_nurse, home_crew
from schedules.planning.tours import STEP
from schedules.planning.ways import way_minutes
from schedules.planning.week import EARLIEST_DEPARTURE, obstacle
from schedules.rules.travel import DAY_LIMIT_H, minutes
from schedules.tables import HOLIDAY

OWN_RISK: Final = frozenset({"H02", "H03"})
"""A weekend day, or a year without known holidays: a person may want a visit there all the same."""


class Days:
    """All vehicle-days of a plan between two days. Visits are put on and taken off; the plan itself never changes."""

    def __init__(self, plan: Plan, visits: Iterable[Visit]) -> None:
        self.plan = plan
        self.on: defaultdict[tuple[date, str], list[Visit]] = defaultdict(list)
        self.at_point: defaultdict[str, list[date]] = defaultdict(list)
        self._people: defaultdict[tuple[date, str], list[str]] = defaultdict(list)
        self._away: defaultdict[tuple[str, str], list[Unavailable]] = defaultdict(list)
        self._years = {day.year for day in plan.holidays}
        for row in plan.unavailable.values():
            named = [("L01", row.staff_id), ("L02", row.vehicle_id), ("L03", row.point_id)]
            for key in [(code, name) for code, name in named if name] or [("L04", "")]:
                self._away[key].append(row)
        self._driven: dict[tuple[str, str], int] = {}
        for visit in visits:
            self.put(visit)
        for day in self.on.values():
            for one, two in pairwise(day):
                free, key = minutes(two.start) - minutes(one.end), (one.point_id, two.point_id)
                self._driven[key] = min(free, self._driven.get(key, free))

    def way(self, start: str, end: str) -> int | None:
        """Minutes from point to point; where the table is silent, what the plan itself allows between the two."""
        known = way_minutes(self.plan, start, end)
        return self._driven.get((start, end)) if known is None else known

    def put(self, visit: Visit) -> None:
        """One visit more."""
        day = self.on[visit.date, visit.vehicle_id]
        day.append(visit)
        day.sort(key=attrgetter("start", "visit_id"))
        self.at_point[visit.point_id].append(visit.date)
        for person in visit.staff_ids:
            self._people[visit.date, person].append(visit.vehicle_id)

    def take(self, visit: Visit) -> None:
        """One visit less."""
        self.on[visit.date, visit.vehicle_id].remove(visit)
        self.at_point[visit.point_id].remove(visit.date)
        for person in visit.staff_ids:
            self._people[visit.date, person].remove(visit.vehicle_id)

    def closed(self, day: date) -> str:
        """Why nobody works on a day; empty where people do."""
        holiday = self.plan.holidays.get(day)
        if day.year not in self._years:
            return "H03"
        if holiday is not None and holiday.kind == HOLIDAY:
            return "H01"
        if day.weekday() >= 5 and holiday is None:
            return "H02"
        return "L04" if self._is_away("L04", "", day) else ""

    def _is_away(self, code: str, name: str, day: date) -> bool:
        return any(row.first_day <= day <= row.last_day for row in self._away.get((code, name), ()))

    def crew(self, visit: Visit, vehicle_id: str) -> tuple[str, ...]:
        """Who goes: the visit's own people where the vehicle stays, else those at home on the other one."""
        own = self.plan.rules[visit.rule_id]
        return own.staff_ids if vehicle_id == own.vehicle_id else home_crew(self.plan, vehicle_id, visit.date)

    def absence(self, visit: Visit) -> str:
        """What takes a visit away from its day: road, vehicle or people that are not there; empty where all are."""
        vehicle, day = self.plan.vehicles[visit.vehicle_id], visit.date
        away = {self.away(name, day) for name in visit.staff_ids}
        due, since = vehicle.inspection_due, vehicle.in_service_from
        missing = (
            ("L03", self._is_away("L03", visit.point_id, day)),
            ("L02", self._is_away("L02", visit.vehicle_id, day)),
            ("Q05", (due is not None and day > due) or (since is not None and day < since)),
            ("L01", "L01" in away),
            ("Q04", "Q04" in away),
        )
        return next((code for code, holds in missing if holds), "")

    def away(self, person: str, day: date) -> str:
        """L01 where a person is on leave, Q04 where the licence has ended; empty where the person can work."""
        ends = self.plan.staff[person].licence_valid_to
        return "L01" if self._is_away("L01", person, day) else "Q04" if ends is not None and day > ends else ""

    def vehicles_of(self, person: str, day: date) -> set[str]:
        """The vehicles a person is on that day."""
        return set(self._people[day, person])

    def unfit(self, vehicle: Vehicle, point: Point, own: Vehicle) -> str:
        """Why a vehicle cannot serve a point whose rule names its `own`; empty where it can."""
        found = obstacle(self.plan, vehicle, point)
        return "" if found is None or (found[0] == "V02" and vehicle.depot == own.depot) else found[0]

    def hindrance(self, visit: Visit) -> str:
        """Why a visit cannot be on its day at all, at whatever time; empty where it can."""
        point, vehicle, day = self.plan.points[visit.point_id], self.plan.vehicles[visit.vehicle_id], visit.date
        own = self.plan.vehicles[self.plan.rules[visit.rule_id].vehicle_id]
        elsewhere = {one for name in visit.staff_ids for one in self.vehicles_of(name, day)} - {visit.vehicle_id}
        hindered = (
            ("P01", day in self.at_point[visit.point_id]),
            ("T04", day.weekday() in point.closed_weekdays),
            (unfit := self.unfit(vehicle, point, own), bool(unfit)),
            ("Q01", not has_nurse(self.plan, visit.staff_ids)),
            ("Q06", vehicle.seats is not None and len(visit.staff_ids) > vehicle.seats),
            ("S01", bool(elsewhere)),
        )
        return self.absence(visit) or next((code for code, holds in hindered if holds), "")

    def timed(self, visit: Visit) -> Visit | str:
        """The visit at a time of its day that it can have, its own where that is free; else the code of why not."""
        refusal = self.refusal(visit)
        if not refusal or self.hindrance(visit):
            return refusal or visit
        length = minutes(visit.end) - minutes(visit.start)
        for start in self._starts(visit):
            if start + length >= 24 * 60:
                continue
            moved = msgspec.structs.replace(visit, start=clock(start), end=clock(start + length))
            if not self._clash(moved):
                return moved
        return refusal

    def refusal(self, visit: Visit) -> str:
        """Why a visit cannot be on its day at its time; empty where it can."""
        return self.hindrance(visit) or self._clash(visit)

    def _starts(self, visit: Visit) -> Iterator[int]:
        """Times to try: right after and right before each visit of that day."""
        length = minutes(visit.end) - minutes(visit.start)
        day = self.on.get((visit.date, visit.vehicle_id), [])
        for other in day:
            way = self.way(other.point_id, visit.point_id)
            if way is not None:
                yield -(-(minutes(other.end) + way) // STEP) * STEP
        for other in day:
            way = self.way(visit.point_id, other.point_id)
            if way is not None:
                yield max(0, (minutes(other.start) - way - length) // STEP * STEP)

    def _clash(self, visit: Visit) -> str:
        """T03, V01, V02 or W01 at the visit's time; empty where nothing is in its way."""
        point = self.plan.points[visit.point_id]
        late = point.open_to is not None and visit.end > point.open_to
        if late or (point.open_from is not None and visit.start < point.open_from):
            return "T03"
        standing = self.on.get((visit.date, visit.vehicle_id), [])
        day = sorted([*standing, visit], key=attrgetter("start", "visit_id"))
        for one, two in pairwise(day):
            way, free = self.way(one.point_id, two.point_id), minutes(two.start) - minutes(one.end)
            if free < 0:
                return "V01"
            if way is None or free < way:
                return "V02"
        return self._too_long(day, visit)

    def _too_long(self, day: list[Visit], visit: Visit) -> str:
        depot = self.plan.vehicles[visit.vehicle_id].depot
        out, back = way_minutes(self.plan, depot, day[0].point_id), way_minutes(self.plan, day[-1].point_id, depot)
        leaves = minutes(day[0].start) - (out or 0)
        hours = [self.plan.staff[name].max_hours_per_day for one in day for name in one.staff_ids]
        limit = 60 * min((one for one in hours if one is not None), default=DAY_LIMIT_H)
        if minutes(day[-1].end) + (back or 0) - leaves > limit:
            return "W01"
        return "W01" if day[0] is visit and len(day) > 1 and leaves < EARLIEST_DEPARTURE else ""

    def working_days(self, first: date, last: date) -> Iterator[date]:
        """The days on which people work."""
        for number in range((last - first).days + 1):
            day = first + timedelta(days=number)
            if not self.closed(day):
                yield day
