"""A day: every vehicle's route with its times, ways and crew."""

from collections import defaultdict
from datetime import date, timedelta
from typing import NamedTuple

from fastapi import FastAPI, Request, Response

from clinic_records.errors import ClinicError
from clinic_records.schedule import Visit
from cloud_hospital.web.coordinator.place import Coordination, day_of, problem_of
from schedules.exports.words import crew_names
from schedules.folder import Draft
from schedules.model import Plan, Travel
from schedules.repair.days import OWN_RISK, Days
from schedules.rules.travel import minutes


class Leg(NamedTuple):
    """The way to a stop: minutes and kilometres as the table of ways tells them, minutes free for it."""

    minutes: int | None
    km: float | None
    free: int | None

    @property
    def is_short(self) -> bool:
        """Whether there is less time than the way takes."""
        return self.free is not None and self.minutes is not None and self.free < self.minutes


class Stop(NamedTuple):
    """A stop with the way to it, and why it cannot be on this day, where it cannot."""

    visit: Visit
    leg: Leg
    wrong: str


class Route(NamedTuple):
    """A vehicle's day; `out` is minutes from leaving the depot to being back, None where a way is not known."""

    vehicle_id: str
    plate: str
    depot: str
    crew: tuple[str, ...]
    stops: tuple[Stop, ...]
    home: Leg
    minutes: int | None
    km: float | None


def add_route(app: FastAPI, here: Coordination) -> None:
    """Mount the page of a day."""

    @app.get("/schedule/day")
    def of_day(request: Request, day: str = "", vehicle: str = "") -> Response:
        here.planner(request)
        draft = here.desk.draft()
        if draft is None or not draft.plan.rules:
            return here.page(request, "nothing.html", draft)
        problem = None
        try:
            wanted = day_of(day) if day else here.desk.today()
        except ClinicError as error:
            wanted, problem = here.desk.today(), problem_of(request, error)
        found = routes(draft, wanted)
        return here.page(
            request,
            "day.html",
            draft,
            422 if problem else 200,
            wanted=wanted,
            before=wanted - timedelta(days=1),
            after=wanted + timedelta(days=1),
            routes=[one for one in found if vehicle in ("", one.vehicle_id)],
            at_home=sorted(set(draft.plan.vehicles) - {one.vehicle_id for one in found}),
            problem=problem,
        )


def routes(draft: Draft, day: date) -> list[Route]:
    """The routes of a day, by vehicle."""
    by_vehicle: defaultdict[str, list[Visit]] = defaultdict(list)
    for visit in draft.visits:
        if visit.date == day:
            by_vehicle[visit.vehicle_id].append(visit)
    days = Days(draft.plan, (one for here in by_vehicle.values() for one in here))
    return [_route(draft.plan, days, vehicle, visits) for vehicle, visits in sorted(by_vehicle.items())]


def _route(plan: Plan, days: Days, vehicle_id: str, visits: list[Visit]) -> Route:
    vehicle, at, ended = plan.vehicles[vehicle_id], plan.vehicles[vehicle_id].depot, None
    stops = []
    for visit in visits:
        closed = days.closed(visit.date)
        wrong = closed if closed and closed not in OWN_RISK else days.absence(visit)
        stops.append(Stop(visit, _leg(plan, at, visit.point_id, ended, visit), wrong))
        at, ended = visit.point_id, visit
    home = _leg(plan, at, vehicle.depot, None, None)
    legs = [*(stop.leg for stop in stops), home]
    known = [leg.minutes for leg in (legs[0], home) if leg.minutes is not None]
    spent = minutes(visits[-1].end) - minutes(visits[0].start)
    kms = [leg.km for leg in legs if leg.km is not None]
    return Route(
        vehicle_id,
        vehicle.plate,
        vehicle.depot,
        tuple(dict.fromkeys(name for visit in visits for name in crew_names(plan, visit))),
        tuple(stops),
        home,
        spent + sum(known) if len(known) == 2 else None,
        round(sum(kms), 1) if len(kms) == len(legs) else None,
    )


def _leg(plan: Plan, start: str, end: str, before: Visit | None, after: Visit | None) -> Leg:
    row: Travel | None = plan.travel.get((start, end)) or plan.travel.get((end, start))
    free = minutes(after.start) - minutes(before.end) if before and after else None
    if row is None:
        return Leg(0 if start == end else None, 0.0 if start == end else None, free)
    return Leg(row.minutes, row.km, free)
