"""What became of each planned visit."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

import msgspec

from clinic_records.schedule import Visit
from schedules.adherence.stays import Stay, planned_start


class Outcome(StrEnum):
    """How a visit was kept. `missed` stays missed when it is made up on another day; that is told beside it."""

    ON_TIME = "on_time"
    EARLY = "early"
    LATE = "late"
    MISSED = "missed"
    OPEN = "open"
    """Not yet due."""


class Kept(msgspec.Struct, frozen=True):
    """A planned visit and the stay that kept it, or the later one that made up for it."""

    visit: Visit
    outcome: Outcome
    stay: Stay | None = None
    made_up_by: Stay | None = None


TOLERANCE: Final = timedelta(minutes=15)
"""Either way, both ends included; the county's own rule."""
MAKE_UP_WITHIN: Final = timedelta(days=7)
"""An unplanned stay at the point that long after a missed visit makes up for it: by then the next one is due."""


def _outcome(visit: Visit, stay: Stay, tolerance: timedelta) -> Outcome:
    delay = stay.arrived_at - planned_start(visit)
    if abs(delay) <= tolerance:
        return Outcome.ON_TIME
    return Outcome.EARLY if delay < timedelta() else Outcome.LATE


def _pair(visits: Sequence[Visit], stays: Sequence[Stay]) -> dict[Visit, Stay]:
    """Visits and stays of one point and day: the planned vehicle before another one, then the nearest arrival."""
    offers = sorted(
        (
            (visit.vehicle_id != stay.vehicle_id, abs(stay.arrived_at - planned_start(visit)), v, s)
            for v, visit in enumerate(visits)
            for s, stay in enumerate(stays)
        ),
    )
    taken_visits: set[int] = set()
    taken_stays: set[int] = set()
    pairs: dict[Visit, Stay] = {}
    for _, _, v, s in offers:
        if v not in taken_visits and s not in taken_stays:
            taken_visits.add(v)
            taken_stays.add(s)
            pairs[visits[v]] = stays[s]
    return pairs


def match(
    visits: Iterable[Visit], stays: Iterable[Stay], as_of: datetime, tolerance: timedelta = TOLERANCE
) -> tuple[tuple[Kept, ...], tuple[Stay, ...]]:
    """Each visit with what became of it, in the order given, and the stays that no visit claims.

    Args:
        visits: the plan; on the days after a month too, so that what belongs to them makes up for nothing.
        stays: at clinic points or elsewhere.
        as_of: a visit due later than this that nobody kept is open, not missed.
        tolerance: how far from the start an arrival is still on time.
    """
    visits = tuple(visits)
    planned: defaultdict[tuple[date, str], list[Visit]] = defaultdict(list)
    came: defaultdict[tuple[date, str], list[Stay]] = defaultdict(list)
    for visit in visits:
        planned[visit.date, visit.point_id].append(visit)
    for stay in stays:
        came[stay.date, stay.point_id].append(stay)
    pairs: dict[Visit, Stay] = {}
    spare: list[Stay] = []
    for key, here in came.items():
        paired = _pair(planned.get(key, ()), here)
        pairs |= paired
        kept = list(paired.values())
        spare += [stay for stay in here if not any(stay is one for one in kept)]
    spare.sort(key=lambda stay: stay.arrived_at)
    made: list[Kept] = []
    for visit in visits:
        kept_by = pairs.get(visit)
        if kept_by is not None:
            made.append(Kept(visit, _outcome(visit, kept_by, tolerance), kept_by))
        elif planned_start(visit) + tolerance > as_of:
            made.append(Kept(visit, Outcome.OPEN))
        else:
            later = next((stay for stay in spare if _makes_up(visit, stay)), None)
            if later is not None:
                spare = [stay for stay in spare if stay is not later]
            made.append(Kept(visit, Outcome.MISSED, made_up_by=later))
    return tuple(made), tuple(spare)


def _makes_up(visit: Visit, stay: Stay) -> bool:
    return stay.point_id == visit.point_id and timedelta() < stay.date - visit.date <= MAKE_UP_WITHIN
