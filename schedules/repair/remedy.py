"""The one change that mends a finding: what a repair proposes for the only visit that a row loses."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import date
from typing import Final, NamedTuple

from clinic_records.schedule import Visit
from schedules.expand import month_end, month_start
from schedules.findings import Finding, Severity
from schedules.model import Action, Plan
from schedules.repair.lost import standing
from schedules.repair.proposal import Change, Repair

MENDED: Final = frozenset({"H01", "L01", "L02", "L03", "L04", "Q04", "Q05"})
"""Findings that say of a visit that it cannot be on its day."""
MOST_MONTHS: Final = 3
"""The next months with such findings that are looked at: a prefecture's month takes seconds, and later ones change."""


class Row(NamedTuple):
    """What a finding stands at."""

    code: str
    file: str
    sheet: str
    row: int


def row_of(found: Finding) -> Row:
    """Where a finding stands."""
    return Row(found.code, found.file, found.sheet, found.row)


def remedies(
    plan: Plan,
    findings: Iterable[Finding],
    days: tuple[date, date],
    today: date,
    proposed: Callable[[date, date], Repair],
) -> dict[Row, Change]:
    """For each error about one single visit to come the change that a repair of its month proposes for it.

    A row that loses several visits, and a visit for which there is no room, have none: a person must weigh them.

    Args:
        plan: every row of it taken.
        findings: what was found.
        days: first and last of the days that are laid out.
        today: what lies before is over.
        proposed: the repair of the month from one day to the other.

    Raises:
        RefusedInput: a lunar pattern leaves its table.
    """
    told = {row_of(one) for one in findings if one.code in MENDED and one.severity is Severity.ERROR and not one.cause}
    if not told:
        return {}
    lost: defaultdict[Row, list[Visit]] = defaultdict(list)
    for one in standing(plan, *days)[1]:
        place = one.change.place if one.change else plan.rules[one.visit.rule_id].place
        if not one.is_cancelled:
            lost[Row(one.reason, place.file, place.sheet, place.row)].append(one.visit)
    alone = {row: lost[row][0] for row in told if len(lost[row]) == 1 and lost[row][0].date >= today}
    months = sorted({month_start(visit.date) for visit in alone.values()})[:MOST_MONTHS]
    changes = {
        one.change_id: one
        for month in months
        for one in proposed(month, month_end(month)).changes
        if one.action is not Action.CANCEL
    }
    return {row: changes[visit.visit_id] for row, visit in alone.items() if visit.visit_id in changes}
