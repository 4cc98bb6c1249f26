"""What can only be seen on the calendar: exceptions of visits that are none, one vehicle at two places at once."""

from collections.abc import Iterator
from datetime import date
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from clinic_records.errors import RefusedInput
from clinic_records.schedule import Visit
from schedules.expand import expand, rule_days
from schedules.findings import Finding, finding
from schedules.load.rows import RawTables
from schedules.load.typed import read_plan
from schedules.model import DatedException, Plan, Rule


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


def _two_places(plan: Plan, visits: tuple[Visit, ...]) -> Iterator[Finding]:
    """V01, once for two rules that meet, however many days they do."""
    meetings: dict[tuple[str, str], list[tuple[Visit, Visit]]] = {}
    for _, day in groupby(visits, key=attrgetter("date", "vehicle_id")):
        standing: Visit | None = None
        for visit in day:
            if standing is not None and visit.start < standing.end:
                meetings.setdefault((standing.rule_id, visit.rule_id), []).append((standing, visit))
            if standing is None or visit.end > standing.end:
                standing = visit
    for (_, later_rule), days in meetings.items():
        one, two = days[0]
        place = plan.rules[later_rule].place
        first_row = plan.rules[one.rule_id].place.row
        more = (f"，另有 {len(days) - 1} 天", f" and on {len(days) - 1} more day(s)") if len(days) > 1 else ("", "")
        zh = (
            f"{two.date}{more[0]}，{two.vehicle_id} 在 {one.point_id} 到 {one.end:%H:%M}（第 {first_row} 行），"
            f"又从 {two.start:%H:%M} 起在 {two.point_id}；请改到 {one.end:%H:%M} 以后或换车"
        )
        en = (
            f"{two.vehicle_id} is at {one.point_id} until {one.end:%H:%M} (row {first_row}) and at {two.point_id} from "
            f"{two.start:%H:%M} on {two.date}{more[1]}; start at {one.end:%H:%M} or later, or change the vehicle"
        )
        yield finding("V01", place.at("start"), zh, en, value=f"{two.start:%H:%M}")


def check(raw: RawTables, first: date, last: date) -> Checked:
    """Read the tables and lay them out on the days from `first` to `last`."""
    plan, found = read_plan(raw)
    plan, lunar = _without_lunar_gaps(plan, first, last)
    visits = expand(plan, first, last)
    found += [*lunar, *_exceptions(plan, first, last), *_two_places(plan, visits)]
    return Checked(plan, visits, tuple(found))
