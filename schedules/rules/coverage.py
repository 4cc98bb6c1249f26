"""C01, C02, C03, A01, A02: every point gets its visits, every village has a point, every change is announced."""

from calendar import monthrange
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import pairwise
from typing import Final

from schedules.findings import Finding, Severity, finding
from schedules.rules.calendar import Calendar, Gathering

GAP_LIMIT_DAYS: Final = 10
"""Longest wait between two visits to a point that is to have four a month; the county's own rule."""
NOTICE_DAYS: Final = 3
"""Days a village is told before a changed visit; the county's own rule."""


def _whole_months(first: date, last: date) -> list[str]:
    """The calendar months that lie wholly between two days, as `2026-11`."""
    months = []
    day = first if first.day == 1 else (first.replace(day=1) + timedelta(days=31)).replace(day=1)
    while (end := day.replace(day=monthrange(day.year, day.month)[1])) <= last:
        months.append(f"{day:%Y-%m}")
        day = end + timedelta(days=1)
    return months


def visits_a_month(calendar: Calendar) -> Iterator[Finding]:
    """C01, for whole months only: an error where a point that should be visited is not visited at all."""
    counts: defaultdict[tuple[str, str], int] = defaultdict(int)
    for visit in calendar.visits:
        counts[visit.point_id, f"{visit.date:%Y-%m}"] += 1
    months = _whole_months(calendar.first, calendar.last)
    for point in calendar.plan.points.values():
        wanted = point.visits_per_month or 0
        for month in months:
            count = counts[point.point_id, month]
            if count >= wanted:
                continue
            zh = f"{point.point_id} 在 {month} 有 {count} 次巡诊，应有 {wanted} 次"
            en = f"{point.point_id} has {count} visits in {month}, {wanted} wanted"
            severity = Severity.WARNING if count else Severity.ERROR
            yield finding("C01", point.place.at("visits_per_month"), zh, en, value=wanted, severity=severity)


def gaps(calendar: Calendar) -> Iterator[Finding]:
    """C02: too long between two visits to a point that is to have four a month."""
    days: defaultdict[str, list[date]] = defaultdict(list)
    for visit in calendar.visits:
        days[visit.point_id].append(visit.date)
    found = Gathering()
    for point_id, visited in days.items():
        point = calendar.plan.points[point_id]
        if (point.visits_per_month or 0) < 4:
            continue
        for one, two in pairwise(visited):
            wait = (two - one).days
            if wait > GAP_LIMIT_DAYS:
                zh = f"{point_id} 从 {one} 到 {two} 隔了 {wait} 天（最多 {GAP_LIMIT_DAYS} 天）"
                en = f"{point_id}: {wait} days between {one} and {two} (limit {GAP_LIMIT_DAYS})"
                found.add("C02", point.place, two, zh, en, value=wait)
    yield from found.findings()


def villages_have_points(calendar: Calendar) -> Iterator[Finding]:
    """C03."""
    served = {point.village_code for point in calendar.plan.points.values()}
    for village in calendar.plan.villages.values():
        if village.village_code not in served:
            zh = f"行政村 {village.village_code} {village.village_name} 没有服务点"
            en = f"village {village.village_code} has no clinic point"
            yield finding("C03", village.place, zh, en, value=village.village_code)


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
