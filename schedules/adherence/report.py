"""The month's report: how many visits were kept, and for whom."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal

import msgspec

from clinic_records.schedule import Visit
from schedules.adherence.checkins import CheckIn
from schedules.adherence.match import MAKE_UP_WITHIN, TOLERANCE, Kept, Outcome, match
from schedules.adherence.stays import Stay, stays
from schedules.adherence.travel import Driven, driven
from schedules.expand import expand
from schedules.model import Plan

RULE = f"arrival within {TOLERANCE.seconds // 60} min of start (inclusive), on the planned date"
COUNTY_DIGITS = 6
"""The first six digits of an administrative code name the county (GB/T 2260)."""


class Tally(msgspec.Struct, frozen=True):
    """Counts of one vehicle, point or county.

    Attributes:
        missed: not kept on the day, also where it was made up later (`made_up` of them).
        open: not due yet.
        people: persons served at planned and unplanned stays alike.
        km: by road; None where no distances are known at all.
        legs_unknown: legs without a known distance, not in `km`.
    """

    planned: int
    on_time: int
    late: int
    early: int
    missed: int
    made_up: int
    open: int
    people: int
    km: float | None = None
    legs_unknown: int = 0


class MissedVisit(msgspec.Struct, frozen=True):
    """A visit nobody kept on its `day`; `made_up_on` where somebody came later, `why` where its crew said so."""

    visit_id: str
    day: date
    point_id: str
    point_name: str
    vehicle_id: str
    made_up_on: date | None
    why: str = ""


class Report(msgspec.Struct, frozen=True):
    """One month of one plan; a prefecture's plan holds several counties.

    Attributes:
        on_time_pct: of the visits due, one decimal; None where none was due.
        duplicate_checkins: check-ins that repeat a stay already told; counted once.
        unplanned_stops: stays that no visit claims.
        other_vehicle: visits kept by another vehicle than the planned one.
        far_from_point: check-ins whose position lies outside the geofence of the point they name; flagged, not changed.
        people_not_told: stays without a number of persons.
        changes_by_reason: dated exceptions of the month, by action and reason.
    """

    month: str
    planned: int
    on_time: int
    late: int
    early: int
    missed: int
    made_up: int
    people: int
    duplicate_checkins: int
    on_time_rule: str
    on_time_pct: float | None
    points_served: int
    villages_served: int
    open: int
    unplanned_stops: int
    other_vehicle: int
    far_from_point: int
    people_not_told: int
    km: float | None
    legs_unknown: int
    by_vehicle: dict[str, Tally]
    by_county: dict[str, Tally]
    by_point: dict[str, Tally]
    changes_by_reason: dict[str, int]
    missed_visits: tuple[MissedVisit, ...]


def _percent(part: int, whole: int) -> float | None:
    if not whole:
        return None
    return float((Decimal(100 * part) / whole).quantize(Decimal("0.1"), ROUND_HALF_UP))


def _tally(kept: Iterable[Kept], here: Iterable[Stay], road: Driven | None = None) -> Tally:
    kept = tuple(kept)
    counts = Counter(one.outcome for one in kept)
    return Tally(
        planned=len(kept),
        on_time=counts[Outcome.ON_TIME],
        late=counts[Outcome.LATE],
        early=counts[Outcome.EARLY],
        missed=counts[Outcome.MISSED],
        made_up=sum(one.made_up_by is not None for one in kept),
        open=counts[Outcome.OPEN],
        people=sum(stay.people or 0 for stay in here),
        km=None if road is None else road.km,
        legs_unknown=0 if road is None else road.legs_unknown,
    )


def _by(
    kept: Iterable[Kept],
    here: Iterable[Stay],
    of_visit: Callable[[Visit], str],
    of_stay: Callable[[Stay], str],
    roads: Mapping[str, Driven],
) -> dict[str, Tally]:
    visits: defaultdict[str, list[Kept]] = defaultdict(list)
    came: defaultdict[str, list[Stay]] = defaultdict(list)
    for one in kept:
        visits[of_visit(one.visit)].append(one)
    for stay in here:
        came[of_stay(stay)].append(stay)
    names = sorted({*visits, *came} - {""})
    return {name: _tally(visits[name], came[name], roads.get(name)) for name in names}


def _reasons(plan: Plan, first: date, last: date) -> dict[str, int]:
    counts = Counter(
        f"{change.action} {change.reason or '没有写原因 no reason'}"
        for change in plan.exceptions.values()
        if first <= change.original_date <= last
    )
    return dict(sorted(counts.items()))


def adherence(plan: Plan, checkins: Iterable[CheckIn], first: date, last: date, as_of: datetime) -> Report:
    """What became of the visits that the plan's rules give from `first` to `last`.

    Raises:
        RefusedInput: a lunar pattern leaves its table.
    """
    return adherence_of(expand(plan, first, last + MAKE_UP_WITHIN), plan, checkins, first, last, as_of)


def adherence_of(
    visits: Sequence[Visit],
    plan: Plan,
    checkins: Iterable[CheckIn],
    first: date,
    last: date,
    as_of: datetime,
    *,
    why: Mapping[str, str] | None = None,
) -> Report:
    """What became of `visits` from `first` to `last`.

    Visits and check-ins of the week after are looked at for make-ups only.

    Args:
        visits: to the end of that week.
        plan: its points, vehicles, ways and dated exceptions.
        checkins: in any order.
        first: the first day.
        last: the last day.
        as_of: a visit due later that nobody kept is open, not missed.
        why: what crews said of visits they missed, by visit id.
    """
    checkins = [one for one in checkins if first <= one.arrived_at.date() <= last + MAKE_UP_WITHIN]
    all_kept, spare = match(visits, stays(checkins, visits, plan).stays, as_of)
    kept = [one for one in all_kept if one.visit.date <= last]
    found = stays((one for one in checkins if one.arrived_at.date() <= last), visits, plan)
    here = found.stays
    roads = driven(here, plan) if plan.travel else {}
    km = round(sum(one.km for one in roads.values()), 1)
    all_roads = Driven(km, sum(one.legs_unknown for one in roads.values())) if plan.travel else None
    whole = _tally(kept, here, all_roads)
    served = {stay.point_id for stay in here} - {""}

    def county(point_id: str) -> str:
        return plan.points[point_id].village_code[:COUNTY_DIGITS] if point_id else ""

    return Report(
        month=f"{first:%Y-%m}",
        planned=whole.planned,
        on_time=whole.on_time,
        late=whole.late,
        early=whole.early,
        missed=whole.missed,
        made_up=whole.made_up,
        people=whole.people,
        duplicate_checkins=sum(stay.told - 1 for stay in here),
        on_time_rule=RULE,
        on_time_pct=_percent(whole.on_time, whole.planned - whole.open),
        points_served=len(served),
        villages_served=len({plan.points[point].village_code for point in served}),
        open=whole.open,
        unplanned_stops=sum(stay.date <= last for stay in spare),
        other_vehicle=sum(one.stay is not None and one.stay.vehicle_id != one.visit.vehicle_id for one in kept),
        far_from_point=found.far,
        people_not_told=sum(stay.people is None for stay in here),
        km=whole.km,
        legs_unknown=whole.legs_unknown,
        by_vehicle=_by(kept, here, lambda v: v.vehicle_id, lambda s: s.vehicle_id, roads),
        by_county=_by(kept, here, lambda v: county(v.point_id), lambda s: county(s.point_id), {}),
        by_point=_by(kept, here, lambda v: v.point_id, lambda s: s.point_id, {}),
        changes_by_reason=_reasons(plan, first, last),
        missed_visits=tuple(_missed(one, why or {}) for one in kept if one.outcome is Outcome.MISSED),
    )


def _missed(kept: Kept, why: Mapping[str, str]) -> MissedVisit:
    visit, later = kept.visit, kept.made_up_by
    return MissedVisit(
        visit.visit_id,
        visit.date,
        visit.point_id,
        visit.point_name,
        visit.vehicle_id,
        later.date if later else None,
        why.get(visit.visit_id, ""),
    )
