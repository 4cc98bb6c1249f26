"""What a plan says of the days from one to another, for whoever keeps a calendar of it.

Beside the visits there are those that are gone: a calendar that once showed a visit must be told that it was
cancelled, or that another vehicle or another crew makes it now.
"""

from collections.abc import Callable
from datetime import date
from typing import NamedTuple

import msgspec

from clinic_records.schedule import Visit
from schedules.expand import changes_of, expand, visit_id
from schedules.model import DatedException, Plan


class Entry(NamedTuple):
    """A visit as planned last, or as it would have been (`is_gone`); `change` is what altered it."""

    visit: Visit
    change: DatedException | None = None
    is_gone: bool = False


class Entries(NamedTuple):
    """A plan laid out from `first` to `last`: its visits, and the altered ones as they were before."""

    plan: Plan
    first: date
    last: date
    present: tuple[Entry, ...]
    before: tuple[Entry, ...]

    def of(self, belongs: Callable[[Visit], bool]) -> tuple[Entry, ...]:
        """What one vehicle, point or person must know, by date: its visits, and those that it no longer has."""
        mine = [entry for entry in self.present if belongs(entry.visit)]
        kept = {entry.visit.visit_id for entry in mine}
        gone = [entry for entry in self.before if entry.visit.visit_id not in kept and belongs(entry.visit)]
        return tuple(sorted([*mine, *gone], key=lambda entry: (entry.visit.date, entry.visit.start)))

    def narrowed(self, belongs: Callable[[Visit], bool]) -> "Entries":
        """The same of some visits alone."""
        return self._replace(
            present=tuple(entry for entry in self.present if belongs(entry.visit)),
            before=tuple(entry for entry in self.before if belongs(entry.visit)),
        )


def entries(plan: Plan, visits: tuple[Visit, ...], first: date, last: date) -> Entries:
    """The entries of a plan.

    Args:
        plan: whose rows are all right.
        visits: what `expand` makes of it from `first` to `last`.
        first: the first day.
        last: the last day.

    Raises:
        RefusedInput: a lunar pattern leaves its table.
    """
    changes = {visit_id(rule, day): change for (rule, day), change in changes_of(plan).items()}
    present = tuple(Entry(visit, changes.get(visit.visit_id)) for visit in visits)
    touched = {change.rule_id for change in changes.values()}
    bare = msgspec.structs.replace(
        plan, exceptions={}, rules={name: rule for name, rule in plan.rules.items() if name in touched}
    )
    before = tuple(
        Entry(visit, changes[visit.visit_id], is_gone=True)
        for visit in expand(bare, first, last)
        if visit.visit_id in changes
    )
    return Entries(plan, first, last, present, before)
