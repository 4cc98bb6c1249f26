"""V02, W01, W02: time enough for the way between two points, for the day as a whole, for lunch."""

from collections.abc import Iterable, Iterator
from datetime import time
from itertools import groupby, pairwise
from math import floor
from operator import attrgetter
from typing import Final

from clinic_records.schedule import Visit
from schedules.distance import metres_between
from schedules.findings import Finding
from schedules.model import Plan
from schedules.rules.calendar import Calendar, Gathering

DAY_LIMIT_H: Final = 8
"""Longest day of a crew whose members state no `max_hours_per_day`; the county's own rule."""

FASTEST_KMH: Final = 60
"""No mountain road is straighter and faster than this; used only where the table of ways says nothing."""

LUNCH: Final = (11 * 60, 13 * 60 + 30)
LUNCH_MIN: Final = 20
"""A crew wants so many free minutes between these times of day."""


def minutes(moment: time) -> int:
    """Minutes since midnight."""
    return moment.hour * 60 + moment.minute


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def known_or_least(plan: Plan, one: str, two: str) -> tuple[int, bool]:
    """Minutes from one point to another, and whether they are known; else the least they can be."""
    if one == two:
        return 0, True
    known = plan.travel.get((one, two)) or plan.travel.get((two, one))
    if known is not None:
        return known.minutes, True
    a, b = plan.points.get(one), plan.points.get(two)
    if a is None or b is None or a.lon is None or a.lat is None or b.lon is None or b.lat is None:
        return 0, False
    return floor(metres_between(a.lon, a.lat, b.lon, b.lat) * 60 / 1000 / FASTEST_KMH), False


def longest_pause(visits: Iterable[tuple[int, int]]) -> int:
    """Minutes around noon, in `LUNCH`, without a visit; the visits by their start, each from and to a minute."""
    free, longest = LUNCH[0], 0
    for start, end in visits:
        longest, free = max(longest, min(start, LUNCH[1]) - free), max(free, end)
    return max(longest, LUNCH[1] - free)


def _days(calendar: Calendar) -> Iterator[list[Visit]]:
    for _, day in groupby(calendar.visits, key=attrgetter("date", "vehicle_id")):
        yield list(day)


def way_between(calendar: Calendar) -> Iterator[Finding]:
    """V02: a visit starts before the vehicle can be there; visits at the same time are V01's."""
    found = Gathering()
    for day in _days(calendar):
        for one, two in pairwise(day):
            needed, is_known = known_or_least(calendar.plan, one.point_id, two.point_id)
            free = minutes(two.start) - minutes(one.end)
            if not 0 <= free < needed:
                continue
            place, better = calendar.place(two).at("start"), _clock(minutes(one.end) + needed)
            when = f"{two.vehicle_id}, {two.date}"
            ends, starts = f"{one.end:%H:%M}", f"{two.start:%H:%M}"
            zh = (
                f"{one.point_id} 到 {two.point_id} {'' if is_known else '至少'}要 {needed} 分钟，"
                f"{ends} 到 {starts} 只有 {free} 分钟（{when}）；请改到 {better} 以后"
            )
            en = (
                f"{one.point_id} to {two.point_id} takes {'' if is_known else 'at least '}{needed} min, "
                f"only {free} min between {ends} and {starts} ({when}); start at {better} or later"
            )
            root = calendar.rule(two, "start")
            found.add("V02", place, two.date, zh, en, value=starts, key=one.point_id, root=root)
    yield from found.findings()


def day_length(calendar: Calendar) -> Iterator[Finding]:
    """W01: from leaving the depot until back there, longer than the shortest working day in the crew."""
    found, plan = Gathering(), calendar.plan
    for day in _days(calendar):
        first, last = day[0], max(day, key=attrgetter("end"))
        depot, name = plan.vehicles[first.vehicle_id].depot, first.vehicle_id
        ways = known_or_least(plan, depot, first.point_id)[0] + known_or_least(plan, last.point_id, depot)[0]
        out = minutes(last.end) - minutes(first.start) + ways
        limits = [plan.staff[person].max_hours_per_day for visit in day for person in visit.staff_ids]
        limit = min((hours for hours in limits if hours is not None), default=DAY_LIMIT_H)
        if out > limit * 60:
            span = divmod(out, 60)
            zh = f"{first.date}，{name} 出车 {span[0]} 小时 {span[1]} 分，最多 {limit:g} 小时"
            en = f"{name} is out {span[0]} h {span[1]} min on {first.date}; limit {limit:g} h"
            place, root = calendar.place(last).at("end"), calendar.rule(last, "end")
            found.add("W01", place, first.date, zh, en, value=f"{last.end:%H:%M}", root=root)
    yield from found.findings()


def lunch(calendar: Calendar) -> Iterator[Finding]:
    """W02: visits follow one another so closely around noon that nobody can eat."""
    found = Gathering()
    for day in _days(calendar):
        around = [visit for visit in day if minutes(visit.end) > LUNCH[0] and minutes(visit.start) < LUNCH[1]]
        if longest_pause((minutes(visit.start), minutes(visit.end)) for visit in around) < LUNCH_MIN:
            visit = around[-1]
            zh = (
                f"{visit.date}，{visit.vehicle_id} 在 {_clock(LUNCH[0])}-{_clock(LUNCH[1])} 没有 {LUNCH_MIN} 分钟吃午饭"
            )
            en = (
                f"{visit.vehicle_id} has no {LUNCH_MIN} min for lunch between {_clock(LUNCH[0])} and "
                f"{_clock(LUNCH[1])} on {visit.date}"
            )
            place, root = calendar.place(visit).at("start"), calendar.rule(visit, "start")
            found.add("W02", place, visit.date, zh, en, value=f"{visit.start:%H:%M}", root=root)
    yield from found.findings()
