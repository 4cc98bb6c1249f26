"""The whole way from raw tables to visits and everything found about them."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from typing import Final, NamedTuple

import msgspec

from clinic_records.errors import RefusedInput
from clinic_records.schedule import Visit
from schedules.expand import expand, rule_days
from schedules.findings import Finding, finding
from schedules.load.missing import Missing
from schedules.load.rows import RawTables
from schedules.load.typed import ReadPlan, read_plan
from schedules.model import DatedException, Plan, Rule
from schedules.places import Place
from schedules.rules.calendar import Calendar
from schedules.rules.table import ROW_RULES, WHOLE_PLAN_RULES
from schedules.tables import TABLES


class Checked(NamedTuple):
    """What came of a coordinator's files between two days; the findings of reading them stand among all."""

    plan: Plan
    visits: tuple[Visit, ...]
    findings: tuple[Finding, ...]
    of_reading: tuple[Finding, ...] = ()


def _without_lunar_gaps(plan: Plan, first: date, last: date) -> tuple[Plan, list[Finding]]:
    """The plan without rules whose lunar pattern cannot be told for these days."""
    found: list[Finding] = []
    rules: dict[str, Rule] = {}
    for rule in plan.rules.values():
        try:
            for _ in rule_days(rule, first, last):
                pass
        except RefusedInput as error:
            found.append(finding("D11", rule.place.at("pattern"), error.hint.zh, str(error), value=rule.pattern))
        else:
            rules[rule.rule_id] = rule
    kept = {key: change for key, change in plan.exceptions.items() if change.rule_id in rules}
    return msgspec.structs.replace(plan, rules=rules, exceptions=kept), found


MANY: Final = 3
"""More exceptions than these off their rule's days are one mistake: of the rule."""


def _off_their_days(plan: Plan, changes: list[DatedException], days: frozenset[date]) -> Iterator[Finding]:
    """X01 of one rule; where most of its exceptions miss, the first stands for them all."""
    missing = [change for change in changes if change.original_date not in days]
    are_many = len(missing) > MANY and 2 * len(missing) > len(changes)
    for change in missing:
        rule, first = plan.rules[change.rule_id], missing[0]
        cause = first.place if are_many and change is not first else None
        zh = f"规则 {rule.rule_id} 在 {change.original_date} 没有巡诊"
        en = f"rule {rule.rule_id} has no visit on {change.original_date}"
        if are_many and change is first:
            zh += f"，还有 {len(missing) - 1} 条调整也是；请看规则第 {rule.place.row} 行的 pattern"
            en += (
                f", nor on the days of {len(missing) - 1} more exceptions; look at its pattern in row {rule.place.row}"
            )
        place = change.place.at("original_date")
        yield finding("X01", place, zh, en, value=change.original_date, cause=cause)


def _exceptions(plan: Plan, first: date, last: date) -> Iterator[Finding]:
    """X01 and X02, for exceptions whose original date lies between the two days."""
    by_rule: defaultdict[str, list[DatedException]] = defaultdict(list)
    for change in plan.exceptions.values():
        if first <= change.original_date <= last:
            by_rule[change.rule_id].append(change)
    for rule_id, changes in by_rule.items():
        yield from _off_their_days(plan, changes, frozenset(rule_days(plan.rules[rule_id], first, last)))
        seen: dict[date, DatedException] = {}
        for change in changes:
            earlier = seen.setdefault(change.original_date, change)
            if earlier is not change:
                which, row = f"{rule_id} {change.original_date}", earlier.place.row
                zh, en = (
                    f"{which} 在第 {row} 行已有调整，只留一条",
                    f"{which} is already changed in row {row}; keep one",
                )
                yield finding("X02", change.place.at("original_date"), zh, en, value=change.exception_id)


def _without_visit(plan: Plan, astray: list[Finding]) -> dict[tuple[str, date | None], Place]:
    """Exceptions off their rule's days, by the rule: what a rule's other visits do wrong they were perhaps to mend."""
    rows = {one.row for one in astray if one.code == "X01"}
    changes = (change for change in plan.exceptions.values() if change.place.row in rows)
    return {(change.rule_id, None): change.place for change in changes}


def check(raw: RawTables, first: date, last: date) -> Checked:
    """Read the tables and lay them out on the days from `first` to `last`."""
    is_whole = all(raw[table.name].rows is not None for table in TABLES.values())
    return _laid_out(read_plan(raw), first, last, is_whole=is_whole)


def check_plan(plan: Plan, first: date, last: date) -> Checked:
    """The same of a plan whose every row was taken, after changes made by hand."""
    return _laid_out(ReadPlan(plan, [], Missing()), first, last, is_whole=True)


def _laid_out(read: ReadPlan, first: date, last: date, *, is_whole: bool) -> Checked:
    plan, lunar = _without_lunar_gaps(read.plan, first, last)
    visits = expand(plan, first, last)
    astray = list(_exceptions(plan, first, last))
    found = [*read.findings, *lunar, *astray]
    unlaid = {rule.point_id for rule_id, rule in read.plan.rules.items() if rule_id not in plan.rules}
    missing = read.missing._replace(
        points=read.missing.points | unlaid, changes={**_without_visit(plan, astray), **read.missing.changes}
    )
    rules = (*ROW_RULES, *WHOLE_PLAN_RULES) if is_whole else ROW_RULES
    calendar = Calendar(plan, visits, first, last, missing)
    found += [one for rule in rules for one in rule(calendar)]
    return Checked(plan, visits, tuple(found), tuple(read.findings))
