"""Where one visit may go: every vehicle-day with the time it would have there, or the reason why not."""

from collections.abc import Iterator
from datetime import date, time, timedelta
from typing import Final, NamedTuple

import msgspec

from clinic_records.errors import Hint, NotFound
from clinic_records.schedule import Visit
from schedules.desk.by_hand import HandDays
from schedules.expand import expand, month_end, month_start, visit_id
from schedules.model import DatedException, Plan, StaffMember
from schedules.planning.clock import clock
from schedules.planning.crews import has_nurse
from schedules.repair.days import OWN_RISK
from schedules.repair.lost import standing
from schedules.rules.travel import minutes


class Choice(NamedTuple):
    """A vehicle-day for a visit.

    Attributes:
        code: why it cannot be there, as in findings and `schedules.repair.words`; empty where it can.
        start, end: when it would be there.
        doubt: H02 or H03 where it can, but on a day on which nobody works as a rule.
        is_guessed: a way to it or on from it is in no table; its time is the least it can be.
    """

    day: date
    vehicle_id: str
    code: str
    start: time
    end: time
    doubt: str = ""
    is_guessed: bool = False


class StandIn(NamedTuple):
    """Somebody who might go instead of a person of the crew, and the code of why not; empty where it is well."""

    person: StaffMember
    code: str


class Moving:
    """One visit taken up, to be put down elsewhere. The plan itself never changes.

    Attributes:
        own: the visit as its rule gave it.
        now: the visit as it stands; None where it is cancelled.
        change: the exception that speaks of it.
        begin: the first day it may be put on.
        laid: first and last of the days that are laid out: elsewhere nobody would see it, and no vehicle have it.
    """

    def __init__(
        self, plan: Plan, name: str, begin: date, *also: date, laid: tuple[date, date] = (date.min, date.max)
    ) -> None:
        """Take it up.

        Args:
            plan: every row of it taken.
            name: the visit's id.
            begin: the first day it may be put on: what lies before is over.
            also: days whose months are to be known.
            laid: first and last of the days that are laid out.

        Raises:
            NotFound: the rules give no such visit.
        """
        self.plan, self.begin, self.laid = plan, begin, laid
        self.own, self.change = given(plan, name), change_of(plan, name)
        moved = self.change.new_date if self.change else None
        known = [self.own.date, *also, *([moved] if moved else [])]
        kept, _ = standing(plan, min(known), max(known))
        self.days = HandDays(plan, (visit for here in kept.on.values() for visit in here))
        visits = expand(plan, month_start(min(known)), month_end(max(known)))
        self.now = next((one for one in visits if one.visit_id == name), None)
        if self.now is not None and self.now in self.days.on[self.now.date, self.now.vehicle_id]:
            self.days.take(self.now)

    def choice(self, day: date, vehicle_id: str, start: time | None = None) -> Choice:
        """What of one vehicle-day; `start` is the time a person wants, without it one that is free there."""
        made = self._there(day, vehicle_id, start)
        closed = self.days.closed(day)
        doubt = closed if closed in OWN_RISK else ""
        if day < self.begin:
            found: Visit | str = "P03"
        elif not self.laid[0] <= day <= self.laid[1]:
            found = "P04"
        elif closed and not doubt:
            found = closed
        elif start is None:
            found = self.days.timed(made)
        else:
            found = self.days.refusal(made) or made
        if isinstance(found, str):
            return Choice(day, vehicle_id, found, made.start, made.end)
        return Choice(day, vehicle_id, "", found.start, found.end, doubt, self.days.is_guessed(found))

    def choices(self, first: date, last: date) -> Iterator[Choice]:
        """Every vehicle-day from `first` to `last`; their months were said when the visit was taken up."""
        for number in range((last - first).days + 1):
            for vehicle_id in self.plan.vehicles:
                yield self.choice(first + timedelta(days=number), vehicle_id)

    def crew(self, day: date, vehicle_id: str) -> tuple[str, ...]:
        """Who goes: those who go now where the vehicle stays, else the other vehicle's own people on that day."""
        if self.now is not None and self.now.vehicle_id == vehicle_id:
            return self.now.staff_ids
        return self.days.crew(msgspec.structs.replace(self.own, date=day), vehicle_id)

    def crew_code(self, crew: tuple[str, ...]) -> str:
        """Why these people cannot make the visit where it stands, as far as it is for them; empty where they can."""
        stands = self.now or self.own
        for person in crew:
            if person not in stands.staff_ids:
                elsewhere = self.days.vehicles_of(person, stands.date) - {stands.vehicle_id}
                if code := self.days.away(person, stands.date) or ("S01" if elsewhere else ""):
                    return code
        seats = self.plan.vehicles[stands.vehicle_id].seats
        return "Q01" if not has_nurse(self.plan, crew) else "Q06" if seats is not None and len(crew) > seats else ""

    def stand_ins(self, planned: str) -> list[StandIn]:
        """Everybody of the same role outside the crew: those who can go first, this vehicle's own before others."""
        stands = self.now or self.own
        role = self.plan.staff[planned].role
        found = [
            StandIn(one, self.crew_code(tuple(one.staff_id if name == planned else name for name in stands.staff_ids)))
            for one in self.plan.staff.values()
            if one.role == role and one.staff_id not in stands.staff_ids
        ]
        return sorted(found, key=lambda one: (one.code != "", one.person.home_vehicle != stands.vehicle_id))

    def _there(self, day: date, vehicle_id: str, start: time | None) -> Visit:
        stands = self.now or self.own
        length = minutes(self.own.end) - minutes(self.own.start)
        begins = minutes(start or stands.start)
        return msgspec.structs.replace(
            stands,
            date=day,
            vehicle_id=vehicle_id,
            start=clock(begins),
            end=clock(min(begins + length, _LAST_MINUTE)),
            staff_ids=self.crew(day, vehicle_id),
        )


_LAST_MINUTE: Final = 24 * 60 - 1


def given(plan: Plan, name: str) -> Visit:
    """The visit as its rule gave it.

    Raises:
        NotFound: the rules give no such visit.
    """
    rule_id, _, digits = name.rpartition("-")
    rule = plan.rules.get(rule_id)
    try:
        day = date.fromisoformat(digits)
    except ValueError:
        rule, day = None, date.min
    if rule is not None:
        alone = msgspec.structs.replace(plan, exceptions={}, rules={rule_id: rule})
        for visit in expand(alone, day, day):
            if visit.visit_id == name:
                return visit
    raise NotFound(
        f"visit {name[:64]}: no rule gives it", hint=Hint("计划里没有这次巡诊。", "The plan has no such visit.")
    )


def change_of(plan: Plan, name: str) -> DatedException | None:
    """The exception that speaks of the visit."""
    of_it = (one for one in plan.exceptions.values() if visit_id(one.rule_id, one.original_date) == name)
    return next(of_it, None)
