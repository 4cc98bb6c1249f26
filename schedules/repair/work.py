"""One repair in the making: what is to be made up, what has its place, and what a person said no to."""

from collections.abc import Collection
from datetime import date
from typing import NamedTuple

import msgspec

from clinic_records.schedule import Visit
from schedules.model import Plan
from schedules.repair.days import Days
from schedules.repair.lost import Lost

Refused = Collection[tuple[str, date]]
"""Change ids with the new dates a person does not want."""


class Want(NamedTuple):
    """A visit to make up, and the days it may be on."""

    lost: Lost
    first: date
    last: date

    def on_its_day(self) -> "Want":
        """The same, but only on the day it was to be on."""
        return self._replace(first=self.lost.visit.date, last=self.lost.visit.date)


class Work:
    """One repair in the making."""

    def __init__(self, plan: Plan, days: Days, begin: date, refused: Refused, today: date = date.min) -> None:
        self.plan = plan
        self.days = days
        self.begin = begin
        self.today = today
        self.refused = frozenset(refused)
        self.placed: dict[str, Visit] = {}

    def may(self, visit: Visit, day: date) -> bool:
        """Whether a person has not said no to it."""
        return (visit.visit_id, day) not in self.refused

    def tried(self, visit: Visit, day: date, vehicle_id: str) -> Visit | str:
        """The visit on another vehicle-day, or the code of why not."""
        if not self.may(visit, day):
            return "P02"
        if day < self.today or (visit.date != day and day < self.begin):
            return "P03"
        moved = msgspec.structs.replace(visit, date=day, vehicle_id=vehicle_id)
        moved = msgspec.structs.replace(moved, staff_ids=self.days.crew(moved, vehicle_id))
        return self.days.timed(moved)

    def whole(self, group: list[Want], day: date, vehicle_id: str) -> list[Visit] | None:
        """A lost round on a free vehicle-day, all at their own times; None where one of them cannot be there."""
        if self.days.on.get((day, vehicle_id)):
            return None
        done: list[Visit] = []
        for want in group:
            made = self.tried(want.lost.visit, day, vehicle_id)
            if isinstance(made, str) or made.start != want.lost.visit.start:
                break
            self.days.put(made)
            done.append(made)
        for one in done:
            self.days.take(one)
        return done if len(done) == len(group) else None

    def strangeness(self, want: Want, made: Visit) -> tuple[int, int, int, int]:
        """How far a make-up is from what villagers know: too near another visit, vehicle, time, days away.

        A visit that keeps its day on another vehicle is hardly strange: those come first anyway.
        """
        own = want.lost.visit
        near = min((abs((made.date - day).days) for day in self.days.at_point[own.point_id]), default=99)
        away = abs((made.date - own.date).days)
        return int(near < 3), int(made.vehicle_id != own.vehicle_id), int(made.start != own.start), away

    def keep(self, made: Visit) -> None:
        """Put it on its new day."""
        self.days.put(made)
        self.placed[made.visit_id] = made
