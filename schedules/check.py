"""The whole way from raw tables to visits and everything found about them."""

from collections.abc import Iterator
from datetime import date
from typing import NamedTuple

from clinic_records.errors import RefusedInput
from clinic_records.schedule import Visit
from schedules.expand import expand, rule_days
from schedules.findings import Finding, finding, has_errors
from schedules.load.rows import RawTables
from schedules.load.typed import read_plan
from schedules.model import DatedException, Plan, Rule
from schedules.rules.calendar import Calendar
from schedules.rules.table import ROW_RULES, WHOLE_PLAN_RULES


class Checked(NamedTuple):
    """What came of a coordinator's files between two days."""

    plan: Plan
    visits: tuple[Visit, ...]
    findings: tuple[Finding, ...]


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
    return Plan(plan.villages, plan.points, plan.vehicles, plan.staff, rules, kept, plan.holidays), found


def _exceptions(plan: Plan, first: date, last: date) -> Iterator[Finding]:
    """X01 and X02, for exceptions whose original date lies between the two days."""
    days: dict[str, frozenset[date]] = {}
    seen: dict[tuple[str, date], DatedException] = {}
    for change in plan.exceptions.values():
        if not first <= change.original_date <= last:
            continue
        rule = plan.rules[change.rule_id]
        if rule.rule_id not in days:
            days[rule.rule_id] = frozenset(rule_days(rule, first, last))
        place = change.place.at("original_date")
        if change.original_date not in days[rule.rule_id]:
            zh = f"规则 {rule.rule_id} 在 {change.original_date} 没有巡诊"
            en = f"rule {rule.rule_id} has no visit on {change.original_date}"
            yield finding("X01", place, zh, en, value=change.original_date)
        earlier = seen.setdefault((rule.rule_id, change.original_date), change)
        if earlier is not change:
            which, row = f"{rule.rule_id} {change.original_date}", earlier.place.row
            zh, en = f"{which} 在第 {row} 行已有调整，只留一条", f"{which} is already changed in row {row}; keep one"
            yield finding("X02", place, zh, en, value=change.exception_id)


def check(raw: RawTables, first: date, last: date) -> Checked:
    """Read the tables and lay them out on the days from `first` to `last`."""
    plan, found = read_plan(raw)
    plan, lunar = _without_lunar_gaps(plan, first, last)
    visits = expand(plan, first, last)
    found += [*lunar, *_exceptions(plan, first, last)]
    rules = ROW_RULES if has_errors(found) else (*ROW_RULES, *WHOLE_PLAN_RULES)
    calendar = Calendar(plan, visits, first, last)
    found += [one for rule in rules for one in rule(calendar)]
    return Checked(plan, visits, tuple(found))
