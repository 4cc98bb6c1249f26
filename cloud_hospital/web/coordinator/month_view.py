"""A month of the draft as a page shows it: weeks, in them vehicles, in them days with their stops."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Final, NamedTuple

from clinic_records.schedule import Visit
from schedules.desk.choices import given
from schedules.expand import changes_of, expand, visit_id
from schedules.folder import Draft
from schedules.model import Action, DatedException, Plan
from schedules.repair.lost import standing
from schedules.tables import HOLIDAY

WEEK: Final = 7
MANY_VEHICLES: Final = 12
"""More of them than this are shown one at a time."""


class Shown(NamedTuple):
    """A visit in its cell.

    Attributes:
        change: the exception that altered it.
        is_gone: it is cancelled; the cell is where it was to be.
        wrong: code of why it cannot be on its day (`schedules.repair.words`).
    """

    visit: Visit
    change: DatedException | None
    is_gone: bool
    wrong: str


class Day(NamedTuple):
    """A column of a week; `mark` is `holiday`, `workday` (a weekend day worked), `weekend` or empty."""

    day: date
    is_inside: bool
    is_today: bool
    mark: str
    name: str


class Row(NamedTuple):
    """A vehicle's week: for each day its visits by start."""

    vehicle_id: str
    cells: tuple[tuple[Shown, ...], ...]


class Week(NamedTuple):
    """Seven days from Monday, and the vehicles in them; one without a workday and a visit is left out."""

    days: tuple[Day, ...]
    rows: tuple[Row, ...]


class Month(NamedTuple):
    """What the page shows; `full` of `wanted` points have all their visits."""

    weeks: tuple[Week, ...]
    vehicles: tuple[str, ...]
    visits: int
    changed: int
    cancelled: int
    full: int
    wanted: int

    @property
    def is_weekend_free(self) -> bool:
        """Whether nothing is planned on any weekend day of it."""
        rows = (row for week in self.weeks for row in week.rows)
        return not any(cell for row in rows for cell in row.cells[5:])


def month_view(draft: Draft, first: date, last: date, today: date, vehicles: tuple[str, ...]) -> Month:
    """The month from `first` to `last`.

    Args:
        draft: whose.
        first: its first day, `last` its last.
        last: see `first`.
        today: the date at +08:00.
        vehicles: which ones to show.
    """
    plan = draft.plan
    by_visit: dict[str, DatedException] = {
        visit_id(rule, day): change for (rule, day), change in changes_of(plan).items()
    }
    _, lost = standing(plan, first, last)
    wrong = {one.visit.visit_id: one.reason for one in lost if not one.is_cancelled}
    cells: defaultdict[tuple[date, str], list[Shown]] = defaultdict(list)
    visits = [one for one in expand(plan, first, last) if draft.first <= one.date <= draft.last]
    for visit in visits:
        name = visit.visit_id
        cells[visit.date, visit.vehicle_id].append(Shown(visit, by_visit.get(name), False, wrong.get(name, "")))
    gone = _gone(plan, by_visit, first, last)
    for one in gone:
        cells[one.visit.date, one.visit.vehicle_id].append(one)
    for here in cells.values():
        here.sort(key=lambda one: (one.visit.start, one.visit.visit_id))
    counted = Counter(one.point_id for one in visits if one.visit_id not in wrong)
    wanted = [point for point in plan.points.values() if point.visits_per_month]
    return Month(
        tuple(_weeks(plan, cells, first, last, today, vehicles)),
        vehicles,
        len(visits),
        sum(one.visit_id in by_visit for one in visits),
        len(gone),
        sum(counted[point.point_id] >= (point.visits_per_month or 0) for point in wanted),
        len(wanted),
    )


def _gone(plan: Plan, changes: Mapping[str, DatedException], first: date, last: date) -> list[Shown]:
    found = []
    for name, change in changes.items():
        if change.action is Action.CANCEL and first <= change.original_date <= last and change.rule_id in plan.rules:
            found.append(Shown(given(plan, name), change, True, ""))
    return found


def _weeks(
    plan: Plan,
    cells: Mapping[tuple[date, str], list[Shown]],
    first: date,
    last: date,
    today: date,
    vehicles: tuple[str, ...],
) -> list[Week]:
    weeks, monday = [], first - timedelta(days=first.weekday())
    while monday <= last:
        days = tuple(_day(plan, monday + timedelta(days=n), first, last, today) for n in range(WEEK))
        rows = tuple(
            Row(vehicle, tuple(tuple(cells.get((one.day, vehicle), ())) if one.is_inside else () for one in days))
            for vehicle in vehicles
        )
        is_wanted = any(one.is_inside and one.mark in ("", "workday") for one in days)
        if is_wanted or any(cell for row in rows for cell in row.cells):
            weeks.append(Week(days, rows))
        monday += timedelta(days=WEEK)
    return weeks


def _day(plan: Plan, day: date, first: date, last: date, today: date) -> Day:
    row = plan.holidays.get(day)
    if row is not None:
        mark = "holiday" if row.kind == HOLIDAY else "workday"
    else:
        mark = "weekend" if day.weekday() >= 5 else ""
    return Day(day, first <= day <= last, day == today, mark, row.name if row else "")
