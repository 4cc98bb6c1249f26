"""What every rule looks at, and how it says the same thing of many days once."""

from collections.abc import Callable, Iterator
from datetime import date
from typing import NamedTuple

from clinic_records.schedule import Visit, VisitStatus
from schedules.expand import changes_of, visit_id
from schedules.findings import Finding, finding
from schedules.load.missing import Missing
from schedules.model import Plan
from schedules.places import Place

_NOTHING = Missing()


class Calendar:
    """A plan, its visits between two days, and which row each visit owes its day, crew and vehicle to."""

    def __init__(
        self, plan: Plan, visits: tuple[Visit, ...], first: date, last: date, missing: Missing = _NOTHING
    ) -> None:
        self.plan = plan
        self.missing = missing
        self.visits = visits
        self.first = first
        self.last = last
        self._changes = {visit_id(rule, day): change.place for (rule, day), change in changes_of(plan).items()}

    def place(self, visit: Visit) -> Place:
        """The exception's row where there is one, else the rule's."""
        if visit.status is VisitStatus.PLANNED:
            return self.plan.rules[visit.rule_id].place
        return self._changes[visit.visit_id]

    def origin(self, visit: Visit, field: str) -> Place:
        """Of one field of a visit: the exception's row where that changes it, else the rule's."""
        rule = self.plan.rules[visit.rule_id]
        if visit.status is VisitStatus.PLANNED or getattr(visit, field) == getattr(rule, field):
            return rule.place
        return self._changes[visit.visit_id]

    def rule(self, visit: Visit, field: str) -> Place:
        """A field of the visit's rule."""
        return self.plan.rules[visit.rule_id].place.at(field)

    def row(self, visit: Visit, beside: Place) -> tuple[str, str]:
        """Where a visit's row is, for the message of a finding at `beside`, in Chinese and English."""
        place = self.place(visit)
        if (place.file, place.sheet) == (beside.file, beside.sheet):
            return f"第 {place.row} 行", f"row {place.row}"
        return f"{place.sheet or place.file} 第 {place.row} 行", str(place)


Check = Callable[[Calendar], Iterator[Finding]]


class _Seen(NamedTuple):
    zh: str
    en: str
    value: object
    cause: Place | None
    root: Place | None
    days: list[date]


class Gathering:
    """Gathers what is found day by day into one finding for each row, column and code, with the other days counted."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, Place, str], _Seen] = {}

    def add(
        self,
        code: str,
        place: Place,
        day: date,
        zh: str,
        en: str,
        *,
        value: object = "",
        key: str = "",
        cause: Place | None = None,
        root: Place | None = None,
    ) -> None:
        """Note it; `key` keeps apart what stands in one row but is not the same thing.

        `root` is where the same thing would stand by the rule; where it does, this only follows from it.
        """
        seen = self._seen.setdefault((code, place, key), _Seen(zh, en, value, cause, root, []))
        if day not in seen.days[-1:]:
            seen.days.append(day)

    def findings(self) -> Iterator[Finding]:
        """One for each row, column, code and key, in the order they were met."""
        for (code, place, key), seen in self._seen.items():
            is_of_rule = seen.root is not None and seen.root != place and (code, seen.root, key) in self._seen
            cause = seen.root if is_of_rule else seen.cause
            more = len(seen.days) - 1
            zh, en = (f"，另有 {more} 天", f", and on {more} more day(s)") if more else ("", "")
            yield finding(code, place, seen.zh + zh, seen.en + en, value=seen.value, cause=cause)
