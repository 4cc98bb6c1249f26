"""Make-up visits: whole days first, so that a crew's round stays one; then single visits where a day has room.

A lost visit costs one change, wherever it goes; visits that can stay are never touched. So the fewest changes are
as many as there are visits to make up, and what is chosen is how many of them, and how near to what villagers know.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from datetime import date, time

from clinic_records.schedule import Visit
from schedules.expand import month_end, month_start, months
from schedules.model import Action, Plan
from schedules.repair.days import Days
from schedules.repair.lost import Lost, original_day, standing
from schedules.repair.proposal import Change, Repair, Shortfall, Why
from schedules.repair.rounds import whole_days
from schedules.repair.words import WORDS
from schedules.repair.work import Refused, Want, Work


def _singles(work: Work, wants: list[Want], vehicles: Collection[str]) -> None:
    """Every visit left, those with the fewest places first, wherever a vehicle-day has room."""
    left = [want for want in wants if want.lost.visit.visit_id not in work.placed]
    counted = sorted(left, key=lambda want: len(_places(work, want, vehicles)))
    for want in counted:
        places = _places(work, want, vehicles)
        if places:
            work.keep(min(places, key=lambda made: (work.strangeness(want, made), made.date, made.vehicle_id)))


def _places(work: Work, want: Want, vehicles: Collection[str]) -> list[Visit]:
    tried = (
        work.tried(want.lost.visit, day, vehicle)
        for day in work.days.working_days(want.first, want.last)
        for vehicle in vehicles
    )
    return [made for made in tried if not isinstance(made, str)]


def _reasons(work: Work, want: Want, vehicles: Collection[str]) -> tuple[Why, ...]:
    counts = Counter(
        made
        for day in work.days.working_days(want.first, want.last)
        for vehicle in vehicles
        if isinstance(made := work.tried(want.lost.visit, day, vehicle), str)
    )
    return tuple(Why(code, count, *WORDS[code]) for code, count in sorted(counts.items(), key=lambda one: -one[1]))


def _changes(work: Work, lost: list[Lost]) -> Iterator[Change]:
    for one in lost:
        own = one.visit
        made = work.placed.get(own.visit_id)
        replaces = one.change.exception_id if one.change else ""
        reason = one.reason if one.is_cancelled or one.reason not in WORDS else WORDS[one.reason][0]
        if made is None:
            if not one.is_cancelled:
                yield Change(
                    own.visit_id,
                    own.rule_id,
                    own.point_id,
                    original_day(own),
                    Action.CANCEL,
                    replaces=replaces,
                    reason=reason,
                )
            continue
        is_other = made.vehicle_id != own.vehicle_id
        yield Change(
            own.visit_id,
            own.rule_id,
            own.point_id,
            original_day(own),
            Action.SUBSTITUTE if made.date == own.date else Action.MOVE,
            new_date=None if made.date == own.date else made.date,
            new_start=_start(made, own),
            new_vehicle_id=made.vehicle_id if is_other else "",
            new_staff_ids=made.staff_ids if made.staff_ids != own.staff_ids else (),
            replaces=replaces,
            reason=reason,
        )


def _start(made: Visit, own: Visit) -> time | None:
    return None if made.start == own.start else made.start


def _counts(days: Days) -> Counter[tuple[str, str]]:
    return Counter((point, f"{day:%Y-%m}") for point, dates in days.at_point.items() for day in dates)


def _full(plan: Plan, counts: Mapping[tuple[str, str], int], whole: list[str]) -> tuple[int, int]:
    """Point-months, and those of them with all their visits."""
    wanted = [(point, month) for point in plan.points.values() if point.visits_per_month for month in whole]
    return len(wanted), sum(counts[one.point_id, month] >= (one.visits_per_month or 0) for one, month in wanted)


def propose(
    plan: Plan,
    first: date,
    last: date,
    *,
    begin: date | None = None,
    refused: Refused = (),
    only: Collection[str] = (),
    today: date | None = None,
) -> Repair:
    """Changes that give as many point-months of whole months their visits as there is room for.

    Args:
        plan: as it stands, with exceptions that are in force.
        first: a day of the first month, `last` a day of the last one.
        last: see `first`.
        begin: the first day that a make-up may be on: what lies before is over, or cannot be announced any more. A
            visit that keeps its day on another vehicle needs no notice.
        refused: change ids with the dates a person did not want for them.
        only: repair what is lost for these reasons (codes of findings); empty is all.
        today: what lies before is over, also for a visit that would keep its day.

    Raises:
        RefusedInput: a lunar pattern leaves its table.
    """
    days, lost = standing(plan, first, last)
    lost = [one for one in lost if not only or one.reason in only]
    whole = months(first, last)
    before = _counts(days)
    work = Work(plan, days, begin or date.min, refused, today or date.min)
    lacking = Counter(
        {
            (one.point_id, month): (one.visits_per_month or 0) - before[one.point_id, month]
            for one in plan.points.values()
            for month in whole
        }
    )
    wants: list[Want] = []
    for one in sorted(lost, key=lambda one: (one.is_cancelled, one.visit.date, one.visit.visit_id)):
        key = one.visit.point_id, f"{original_day(one.visit):%Y-%m}"
        if lacking[key] > 0:
            lacking[key] -= 1
            wants.append(Want(one, month_start(one.visit.date), month_end(one.visit.date)))
    for month in whole:
        of_month = [want for want in wants if f"{want.first:%Y-%m}" == month]
        for tried in ([want.on_its_day() for want in of_month], of_month):
            whole_days(work, tried, plan.vehicles)
            _singles(work, tried, plan.vehicles)
    after = _counts(days)
    reasons = {
        (want.lost.visit.point_id, f"{want.first:%Y-%m}"): _reasons(work, want, plan.vehicles)
        for want in wants
        if want.lost.visit.visit_id not in work.placed
    }
    shortfalls = tuple(
        Shortfall(one.point_id, month, after[one.point_id, month], one.visits_per_month or 0, why)
        for month in whole
        for one in plan.points.values()
        if after[one.point_id, month] < (one.visits_per_month or 0)
        for why in [reasons.get((one.point_id, month), (Why("C01", 0, *WORDS["C01"]),))]
    )
    changes = sorted(_changes(work, lost), key=lambda one: (one.original_date, one.change_id))
    total, full_before = _full(plan, before, whole)
    return Repair(tuple(changes), shortfalls, total, full_before, _full(plan, after, whole)[1])
