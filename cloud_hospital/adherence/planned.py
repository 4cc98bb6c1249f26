"""The visits that count as planned: of the version in force on each day, or of the one a vehicle-day kept."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta

from clinic_records.care import Stop
from clinic_records.schedule import PublishedSchedule, Visit
from schedules.publish import in_force
from schedules.vehicle_days import kept_versions

_ByDay = Mapping[tuple[str, date], Mapping[str, Visit]]


def planned_visits(
    versions: Sequence[PublishedSchedule], stops: Iterable[Stop], first: date, last: date
) -> tuple[Visit, ...]:
    """The visits from `first` to `last`, each once.

    A vehicle-day that had begun keeps the times of its own version; what a newer one took away from it does not count,
    unless the vehicle came all the same, and what it added does.
    """
    stops = tuple(stops)
    kept = _kept(stops)
    came = {(stop.vehicle, stop.day, stop.visit_id) for stop in stops if stop.visit_id}
    number = {plan.version: plan for plan in versions}
    laid: dict[int, _ByDay] = {}

    def by_day(plan: PublishedSchedule) -> _ByDay:
        if plan.version not in laid:
            laid[plan.version] = _lay(plan)
        return laid[plan.version]

    found: dict[str, Visit] = {}
    begun: dict[str, Visit] = {}
    for day in (first + timedelta(days=n) for n in range((last - first).days + 1)):
        newest = in_force(versions, day)
        theirs = {key[0]: visits for key, visits in by_day(newest).items() if key[1] == day} if newest else {}
        for vehicle in {*theirs, *(name for name, its_day in kept if its_day == day)}:
            now = theirs.get(vehicle, {})
            own = number.get(kept.get((vehicle, day), 0))
            before = by_day(own).get((vehicle, day), {}) if own else {}
            found |= {id_: before.get(id_, visit) for id_, visit in now.items()}
            begun |= {id_: visit for id_, visit in before.items() if (vehicle, day, id_) in came}
    return tuple(sorted((found | begun).values(), key=lambda v: (v.date, v.vehicle_id, v.start, v.visit_id)))


def _kept(stops: Iterable[Stop]) -> dict[tuple[str, date], int]:
    mine: defaultdict[str, list[Stop]] = defaultdict(list)
    for stop in stops:
        mine[stop.vehicle].append(stop)
    return {
        (vehicle, day): version for vehicle, theirs in mine.items() for day, version in kept_versions(theirs).items()
    }


def _lay(plan: PublishedSchedule) -> _ByDay:
    laid: defaultdict[tuple[str, date], dict[str, Visit]] = defaultdict(dict)
    for visit in plan.visits:
        laid[visit.vehicle_id, visit.date][visit.visit_id] = visit
    return laid
