"""Which visits a plan has lost, or cannot keep where they stand."""

from collections.abc import Iterator
from datetime import date
from typing import NamedTuple

import msgspec

from clinic_records.schedule import Visit
from schedules.expand import changes_of, expand, month_end, month_start, rule_days, visit_id
from schedules.model import Action, DatedException, Plan
from schedules.repair.days import OWN_RISK, Days


class Lost(NamedTuple):
    """A visit as its rule gave it, why it cannot be, and the exception that speaks of it today."""

    visit: Visit
    reason: str
    change: DatedException | None

    @property
    def is_cancelled(self) -> bool:
        """Whether an exception has given it up already."""
        return self.change is not None and self.change.action is Action.CANCEL


def _plain(plan: Plan, first: date, last: date) -> dict[str, Visit]:
    """Every visit as its rule gave it."""
    bare = msgspec.structs.replace(plan, exceptions={})
    return {visit.visit_id: visit for visit in expand(bare, first, last)}


def standing(plan: Plan, first: date, last: date) -> tuple[Days, list[Lost]]:
    """The days with the visits that can be, and those that cannot: cancelled ones, and those on impossible days.

    A visit that a person has moved or substituted by hand is lost too where its new day is impossible.
    """
    first, last = month_start(first), month_end(last)
    changes = changes_of(plan)
    given = _plain(plan, first, last)
    visits = {visit.visit_id: visit for visit in expand(plan, first, last)}
    days, kept = Days(plan, ()), list[Visit]()
    lost: list[Lost] = []
    for visit in sorted(visits.values(), key=lambda one: (one.date, one.vehicle_id, one.start, one.visit_id)):
        reason = days.closed(visit.date)
        reason = "" if reason in OWN_RISK else reason or days.absence(visit)
        if reason and visit.visit_id in given:
            own = given[visit.visit_id]
            lost.append(Lost(own, reason, changes.get((own.rule_id, original_day(own)))))
        else:
            kept.append(visit)
    for change in _cancelled(plan, first, last):
        own = given[visit_id(change.rule_id, change.original_date)]
        lost.append(Lost(own, change.reason or "cancel", change))
    return Days(plan, kept), lost


def original_day(visit: Visit) -> date:
    """The day the rule gave."""
    return date.fromisoformat(visit.visit_id[-8:])


def _cancelled(plan: Plan, first: date, last: date) -> Iterator[DatedException]:
    counted: dict[str, frozenset[date]] = {}
    for change in changes_of(plan).values():
        if change.action is not Action.CANCEL or not first <= change.original_date <= last:
            continue
        rule = plan.rules[change.rule_id]
        if rule.rule_id not in counted:
            counted[rule.rule_id] = frozenset(rule_days(rule, first, last))
        if change.original_date in counted[rule.rule_id]:
            yield change
