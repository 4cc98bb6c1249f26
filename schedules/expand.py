"""From weekly rules and dated exceptions to visits on the calendar."""

from calendar import monthrange
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta
from itertools import groupby

import msgspec

from clinic_records.ids import StopId
from clinic_records.schedule import Visit, VisitStatus
from schedules.model import Action, DatedException, Plan, Rule
from schedules.patterns import counted_from, days_between, parse_pattern

NO_END = date(9999, 12, 31)


def month_start(day: date) -> date:
    """The first of the day's month."""
    return day.replace(day=1)


def month_end(day: date) -> date:
    """The last of the day's month."""
    return day.replace(day=monthrange(day.year, day.month)[1])


def months(first: date, last: date) -> list[str]:
    """The calendar months of the days from `first` to `last`, as `2026-11`."""
    found, day = [], month_start(first)
    while day <= last:
        found.append(f"{day:%Y-%m}")
        day = month_end(day) + timedelta(days=1)
    return found


def rule_days(rule: Rule, first: date, last: date) -> Iterator[date]:
    """The days a rule gives from `first` to `last`, before any exception.

    `max_per_month` counts over the whole calendar month from the day the rule came into effect, so the same day is
    chosen whatever part of the month is asked for.

    Raises:
        RefusedInput: the pattern is not understood, or a lunar one leaves its table.
    """
    begin = max(rule.effective_from, month_start(first))
    end = min(rule.effective_to or NO_END, last)
    days = days_between(counted_from(parse_pattern(rule.pattern), rule.effective_from), begin, end)
    for _, month in groupby(days, key=month_start):
        for count, day in enumerate(month, start=1):
            if rule.max_per_month is not None and count > rule.max_per_month:
                break
            if day >= first:
                yield day


def visit_id(rule_id: str, day: date) -> StopId:
    """The name a visit keeps for life: its rule and the day the rule gave."""
    return StopId(f"{rule_id}-{day:%Y%m%d}")


def _shifted_end(rule: Rule, start: time) -> time:
    """The end of a visit that keeps its length when it starts at another time (23:59 at the latest)."""
    day = date(2000, 1, 1)
    length = datetime.combine(day, rule.end) - datetime.combine(day, rule.start)
    end = datetime.combine(day, start) + length
    return end.time() if end.date() == day else time(23, 59)


def _visit(plan: Plan, rule: Rule, day: date, change: DatedException | None) -> Visit | None:
    point = plan.points[rule.point_id]
    village = plan.villages.get(point.village_code)
    plain = Visit(
        visit_id=visit_id(rule.rule_id, day),
        date=day,
        point_id=point.point_id,
        point_name=point.point_name,
        village=point.village_name or (village.village_name if village else ""),
        vehicle_id=rule.vehicle_id,
        start=rule.start,
        end=rule.end,
        staff_ids=rule.staff_ids,
        rule_id=rule.rule_id,
        ordinal=0,
    )
    if change is None:
        return plain
    if change.action is Action.CANCEL:
        return None
    moved = change.action is Action.MOVE
    return msgspec.structs.replace(
        plain,
        date=change.new_date if moved and change.new_date else day,
        start=change.new_start or rule.start,
        end=_shifted_end(rule, change.new_start) if change.new_start else rule.end,
        vehicle_id=change.new_vehicle_id or rule.vehicle_id,
        staff_ids=change.new_staff_ids or rule.staff_ids,
        status=VisitStatus.MOVED if moved else VisitStatus.SUBSTITUTED,
    )


def changes_of(plan: Plan) -> Mapping[tuple[str, date], DatedException]:
    """Exceptions by the rule and the day they change; of two for one visit the first one counts."""
    found: dict[tuple[str, date], DatedException] = {}
    for change in plan.exceptions.values():
        found.setdefault((change.rule_id, change.original_date), change)
    return found


def expand(plan: Plan, first: date, last: date) -> tuple[Visit, ...]:
    """All visits dated `first` to `last` after exceptions, by date, vehicle and start.

    A visit moved into the range from outside is in it, one moved out is not. Ordinals count the visits to a point
    within each calendar month and are therefore made over whole months.

    Raises:
        RefusedInput: a lunar pattern leaves its table.
    """
    changes = changes_of(plan)
    first_month, last_month = month_start(first), month_end(last)
    incoming = [
        change.original_date
        for change in plan.exceptions.values()
        if change.new_date and first_month <= change.new_date <= last_month
    ]
    begin, end = min([first_month, *incoming]), max([last_month, *incoming])
    made = [
        visit
        for rule in plan.rules.values()
        for day in rule_days(rule, begin, end)
        if (visit := _visit(plan, rule, day, changes.get((rule.rule_id, day)))) is not None
    ]
    made.sort(key=lambda visit: (visit.date, visit.vehicle_id, visit.start, visit.visit_id))
    return tuple(visit for visit in _numbered(made) if first <= visit.date <= last)


def _numbered(visits: list[Visit]) -> Iterator[Visit]:
    seen: Counter[tuple[str, date]] = Counter()
    for visit in visits:
        key = visit.point_id, month_start(visit.date)
        seen[key] += 1
        yield msgspec.structs.replace(visit, ordinal=seen[key])
