"""Kilometres driven, from the stays of each day and the plan's table of ways."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date
from itertools import pairwise
from typing import NamedTuple

from schedules.adherence.stays import Stay
from schedules.model import Plan


class Driven(NamedTuple):
    """Kilometres of the legs whose distance is known, and how many legs have none."""

    km: float
    legs_unknown: int


def _leg_km(plan: Plan, start: str, end: str) -> float | None:
    """Kilometres by road; a way that is not listed is as long as its way back."""
    there, back = plan.travel.get((start, end)), plan.travel.get((end, start))
    return next((way.km for way in (there, back) if way is not None and way.km is not None), None)


def driven(stays: Iterable[Stay], plan: Plan) -> Mapping[str, Driven]:
    """By vehicle: each day from its depot over its stays in the order of arrival and back."""
    days: defaultdict[tuple[str, date], list[Stay]] = defaultdict(list)
    for stay in stays:
        days[stay.vehicle_id, stay.date].append(stay)
    legs: defaultdict[str, list[float | None]] = defaultdict(list)
    for (vehicle_id, _), day in days.items():
        depot = plan.vehicles[vehicle_id].depot
        stops = [stay.point_id for stay in sorted(day, key=lambda stay: stay.arrived_at)]
        ways = [(start, end) for start, end in pairwise([depot, *stops, depot]) if not start or start != end]
        legs[vehicle_id] += [_leg_km(plan, start, end) for start, end in ways]
    return {name: _sum(kms) for name, kms in legs.items()}


def _sum(legs: list[float | None]) -> Driven:
    known = [km for km in legs if km is not None]
    return Driven(round(sum(known), 1), len(legs) - len(known))
