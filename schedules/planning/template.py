"""A template: rules with weekday, time and crew for every point that could be placed, and why for every other."""

from collections.abc import Collection, Iterator
from datetime import date, timedelta
from typing import Final, NamedTuple

import msgspec

from schedules.model import Plan, Rule
from schedules.planning.clock import clock
from schedules.planning.search import ROUNDS, search
from schedules.planning.week import Unserved, Week, make_week

_DAYS: Final = "一二三四五"

_PATTERNS: Final = {4: "每周{}", 3: "第1-3个周{}", 2: "第1、3个周{}", 1: "第1个周{}"}
"""Visits a month -> which of the weekdays."""


class Template(NamedTuple):
    """What came of planning a week.

    Attributes:
        effective_from: the first day of its rules.
        rules: by weekday, vehicle and start, with ids that the plan does not use yet.
        moved: points that had one rule before and now come on another weekday or vehicle.
        drive_minutes: of one week, depot to depot.
        vehicle_days: how many of the week's are used; `vehicle_days_of` how many there are.
    """

    effective_from: date
    rules: tuple[Rule, ...]
    unserved: tuple[Unserved, ...]
    moved: tuple[str, ...]
    drive_minutes: int
    vehicle_days: int
    vehicle_days_of: int


def plan_week(
    plan: Plan,
    effective_from: date,
    *,
    seed: int = 1,
    without: Collection[str] = (),
    is_kept: bool = False,
    rounds: int = ROUNDS,
) -> Template:
    """Build a template for all points; the same seed gives the same one.

    Args:
        plan: points, hours, vehicles, crews and ways; its rules are what `is_kept` keeps.
        effective_from: the first day of the new rules; who has a licence and an inspection then takes part.
        seed: of the search.
        without: vehicles that are gone.
        is_kept: as few points as possible on another weekday or vehicle than today, then the shortest way.
        rounds: how long to search.

    Raises:
        RefusedInput: a vehicle to leave out is unknown, there are no ways, or no vehicle can go out.
    """
    week = make_week(plan, frozenset(without), effective_from)
    found = search(week, seed, rounds=rounds, is_kept=is_kept)
    rules = tuple(_rules(plan, week, found.masks, effective_from))
    absent = [stop.point_id for number, stop in enumerate(week.stops) if found.absent >> number & 1]
    told = tuple(
        Unserved(
            name,
            "V01",
            f"{name} 单独可以去，但一周里没有车日还放得下",
            f"{name} fits alone, but no vehicle-day of the week has room left; add a vehicle or shorten visits",
        )
        for name in absent
    )
    known = {rule.point_id: (rule.vehicle_id, rule.pattern) for rule in plan.rules.values()}
    moved = [one.point_id for one in rules if known.get(one.point_id, (one.vehicle_id, one.pattern)) != _where(one)]
    drives = [week.tours[slot.group].drive(mask) or 0 for slot, mask in zip(week.slots, found.masks, strict=True)]
    used = sum(mask > 0 for mask in found.masks)
    return Template(effective_from, rules, week.unserved + told, tuple(moved), sum(drives), used, len(week.slots))


def _where(rule: Rule) -> tuple[str, str]:
    return rule.vehicle_id, rule.pattern


def _rules(plan: Plan, week: Week, masks: tuple[int, ...], effective_from: date) -> Iterator[Rule]:
    known = {rule.point_id: rule for rule in plan.rules.values()}
    number = 0
    for slot, mask in zip(week.slots, masks, strict=True):
        for stop_no, (index, start) in enumerate(week.tours[slot.group].timetable(mask), start=1):
            stop = week.stops[index]
            point, before = plan.points[stop.point_id], known.get(stop.point_id)
            number += 1
            while (rule_id := f"R{number:03}") in plan.rules:
                number += 1
            wanted = point.visits_per_month or 4
            yield Rule(
                rule_id=rule_id,
                point_id=stop.point_id,
                vehicle_id=slot.vehicle_id,
                pattern=_PATTERNS[wanted].format(_DAYS[slot.weekday]),
                start=clock(start),
                end=clock(start + stop.minutes),
                staff_ids=week.crews[slot.vehicle_id],
                effective_from=effective_from,
                place=before.place if before else point.place,
                max_per_month=wanted,
                stop_no=stop_no,
                services=before.services if before else (),
            )


def replaced(plan: Plan, template: Template) -> Plan:
    """The plan with the template in force from its first day on: rules of today end the day before.

    Changes of visits that no longer come are left out.
    """
    eve = template.effective_from - timedelta(days=1)
    ended = {
        name: rule if rule.effective_to is not None and rule.effective_to <= eve else _ended(rule, eve)
        for name, rule in plan.rules.items()
        if rule.effective_from <= eve
    }
    kept = {
        name: change
        for name, change in plan.exceptions.items()
        if change.rule_id in ended and change.original_date <= eve
    }
    return msgspec.structs.replace(plan, rules=ended | {rule.rule_id: rule for rule in template.rules}, exceptions=kept)


def _ended(rule: Rule, eve: date) -> Rule:
    return msgspec.structs.replace(rule, effective_to=eve)
