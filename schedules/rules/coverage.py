"""C01, C02, C03, D12, A01, A02: every point gets its visits, every village has a point, every change is announced."""

from calendar import monthrange
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import pairwise
from typing import Final

from schedules.distance import metres_between
from schedules.expand import rule_days
from schedules.findings import Finding, Severity, finding
from schedules.model import Point
from schedules.places import Place
from schedules.rules.calendar import Calendar, Gathering

GAP_LIMIT_DAYS: Final = 10
"""Longest wait between two visits to a point that is to have four a month; the county's own rule."""
NOTICE_DAYS: Final = 3
"""Days a village is told before a changed visit; the county's own rule."""
DUPLICATE_M: Final = 100
"""Two points of one village nearer than this are asked about."""


def _whole_months(first: date, last: date) -> list[str]:
    """The calendar months that lie wholly between two days, as `2026-11`."""
    months = []
    day = first if first.day == 1 else (first.replace(day=1) + timedelta(days=31)).replace(day=1)
    while (end := day.replace(day=monthrange(day.year, day.month)[1])) <= last:
        months.append(f"{day:%Y-%m}")
        day = end + timedelta(days=1)
    return months


def _months(calendar: Calendar) -> list[str]:
    """The whole months asked for in which the plan is in force at all."""
    rules = calendar.plan.rules.values()
    begin = min((rule.effective_from for rule in rules), default=calendar.first)
    end = max((rule.effective_to or calendar.last for rule in rules), default=calendar.last)
    return _whole_months(max(begin, calendar.first), min(end, calendar.last))


def _lack_of_rules(calendar: Calendar) -> dict[str, Place]:
    """Points whose own rules cannot reach their number in some month, while a refused rule names no known point.

    Perhaps that rule was theirs: what is said of them stands under it.
    """
    if calendar.missing.rule is None:
        return {}
    months = _months(calendar)
    days: defaultdict[tuple[str, str], int] = defaultdict(int)
    for rule in calendar.plan.rules.values():
        for day in rule_days(rule, calendar.first, calendar.last):
            days[rule.point_id, f"{day:%Y-%m}"] += 1
    lacking = {
        name: max(((point.visits_per_month or 0) - days[name, month] for month in months), default=0)
        for name, point in calendar.plan.points.items()
    }
    return {name: calendar.missing.rule for name, most in lacking.items() if 0 < most <= calendar.missing.rule_visits}


def visits_a_month(calendar: Calendar) -> Iterator[Finding]:
    """C01, for whole months only: an error where a point that should be visited is not visited at all."""
    counts = Counter((visit.point_id, f"{visit.date:%Y-%m}") for visit in calendar.visits)
    months, causes = _months(calendar), _lack_of_rules(calendar)
    for point in calendar.plan.points.values():
        wanted, name = point.visits_per_month or 0, point.point_id
        if name in calendar.missing.points:
            continue
        for month in months:
            count = counts[name, month]
            if count >= wanted:
                continue
            zh = f"{name} 在 {month} 有 {count} 次巡诊，应有 {wanted} 次"
            en = f"{name} has {count} visits in {month}, {wanted} wanted"
            severity, place = Severity.WARNING if count else Severity.ERROR, point.place.at("visits_per_month")
            yield finding("C01", place, zh, en, value=wanted, severity=severity, cause=causes.get(name))


def gaps(calendar: Calendar) -> Iterator[Finding]:
    """C02: too long between two visits to a point that is to have four a month."""
    days: defaultdict[str, list[date]] = defaultdict(list)
    for visit in calendar.visits:
        days[visit.point_id].append(visit.date)
    found, causes = Gathering(), _lack_of_rules(calendar)
    for point_id, visited in days.items():
        point = calendar.plan.points[point_id]
        if (point.visits_per_month or 0) < 4 or point_id in calendar.missing.points:
            continue
        for one, two in pairwise(visited):
            wait = (two - one).days
            if wait > GAP_LIMIT_DAYS:
                zh = f"{point_id} 从 {one} 到 {two} 隔了 {wait} 天（最多 {GAP_LIMIT_DAYS} 天）"
                en = f"{point_id}: {wait} days between {one} and {two} (limit {GAP_LIMIT_DAYS})"
                found.add("C02", point.place, two, zh, en, value=wait, cause=causes.get(point_id))
    yield from found.findings()


def villages_have_points(calendar: Calendar) -> Iterator[Finding]:
    """C03."""
    served = {point.village_code for point in calendar.plan.points.values()} | calendar.missing.villages
    for village in calendar.plan.villages.values():
        if village.village_code not in served:
            zh = f"行政村 {village.village_code} {village.village_name} 没有服务点"
            en = f"village {village.village_code} has no clinic point"
            cause = calendar.missing.unplaced.get(village.village_name) or calendar.missing.unplaced.get("")
            yield finding("C03", village.place.at("village_code"), zh, en, value=village.village_code, cause=cause)


def near_duplicates(calendar: Calendar) -> Iterator[Finding]:
    """D12: two points of one village so near that they are perhaps one."""
    by_village: defaultdict[str, list[Point]] = defaultdict(list)
    for point in calendar.plan.points.values():
        for other in by_village[point.village_code]:
            if point.lon is None or point.lat is None or other.lon is None or other.lat is None:
                continue
            metres = metres_between(point.lon, point.lat, other.lon, other.lat)
            if metres < DUPLICATE_M:
                row = other.place.row
                zh = f"{point.point_id} 离同村的 {other.point_id}（第 {row} 行）{metres:.0f} 米，是同一处吗？"
                en = (
                    f"{point.point_id} is {metres:.0f} m from {other.point_id} (row {row}) "
                    "of the same village; are they one?"
                )
                yield finding("D12", point.place.at("lon"), zh, en, value=point.lon)
        by_village[point.village_code].append(point)


def changes_are_announced(calendar: Calendar) -> Iterator[Finding]:
    """A01 no approver, A02 told too late, for exceptions of visits between the two days."""
    for change in calendar.plan.exceptions.values():
        if not calendar.first <= change.original_date <= calendar.last:
            continue
        if not change.approved_by:
            yield finding("A01", change.place.at("approved_by"), "没有写批准人", "the change has no approver")
        if change.announced_on is not None:
            notice = (min(change.original_date, change.new_date or change.original_date) - change.announced_on).days
            if notice < NOTICE_DAYS:
                zh = f"提前 {max(notice, 0)} 天通知村民，至少要 {NOTICE_DAYS} 天"
                en = f"villagers get {max(notice, 0)} days of notice ({NOTICE_DAYS} wanted)"
                yield finding("A02", change.place.at("announced_on"), zh, en, value=change.announced_on)
