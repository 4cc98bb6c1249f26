"""How the plan is kept: today as it goes, and the month, from what the vehicles' records say so far."""

from datetime import date, datetime
from typing import Final, NamedTuple

from fastapi import FastAPI, Request, Response

from clinic_records.care import Stop, StopStatus
from clinic_records.clock import CHINA
from clinic_records.errors import ClinicError, NotFound
from clinic_records.schedule import Visit
from cloud_hospital.adherence.month import month_report
from cloud_hospital.adherence.planned import planned_visits
from cloud_hospital.adherence.records import stops_between
from cloud_hospital.store.engine import reading
from cloud_hospital.web.coordinator.place import Coordination, problem_of, status_of
from schedules.adherence.match import TOLERANCE
from schedules.adherence.stays import planned_start
from schedules.draft import month_days
from schedules.vehicle_days import came_at

MISSED_SHOWN: Final = 200
"""Missed visits on one page."""


class Today(NamedTuple):
    """A visit of today, and what its vehicle said of it so far; `late_min` is minutes after its start, or before."""

    visit: Visit
    stop: Stop | None
    arrived: datetime | None
    late_min: int | None
    is_overdue: bool


def add_adherence(app: FastAPI, here: Coordination) -> None:
    """Mount the page; a browser asks for it again each minute, which is no act of its person."""
    desk = here.desk

    @app.get("/schedule/adherence")
    def look(request: Request, month: str = "") -> Response:
        here.planner(request)
        today, problem, report, status = desk.today(), None, None, 200
        months = sorted({f"{one.date:%Y-%m}" for version in desk.versions() for one in version.visits})
        try:
            first, _ = month_days(month) if month else here.month("", None)
            report = month_report(desk.hospital, f"{first:%Y-%m}")
        except NotFound as error:
            problem = problem_of(request, error) if months else None
        except ClinicError as error:
            problem, status = problem_of(request, error), status_of(error)
        return here.page(
            request,
            "adherence.html",
            desk.draft(),
            status,
            months=months,
            month=month or f"{today:%Y-%m}",
            report=report,
            missed=report.missed_visits[:MISSED_SHOWN] if report else (),
            now_there=_today(here, today),
            problem=problem,
        )


def _today(here: Coordination, today: date) -> list[Today]:
    """The visits of today by vehicle and start; a vehicle that has begun is measured by its own version."""
    hospital = here.desk.hospital
    with reading(hospital.engine) as connection:
        stops = stops_between(connection, today, today)
    stops.sort(key=lambda stop: came_at(stop) is not None)  # of two words on one visit, that of who came counts
    said = {stop.visit_id: stop for stop in stops if stop.visit_id}
    now = hospital.now()
    made = []
    visits = planned_visits(here.desk.versions(), stops, today, today)
    for visit in sorted(visits, key=lambda one: (one.vehicle_id, one.start)):
        stop = said.get(visit.visit_id)
        arrived = came_at(stop) if stop else None
        start = planned_start(visit)
        late = None if arrived is None else round((arrived - start).total_seconds() / 60)
        made.append(
            Today(
                visit,
                stop,
                arrived.astimezone(CHINA) if arrived else None,
                late,
                arrived is None and (stop is None or stop.status is StopStatus.PLANNED) and now > start + TOLERANCE,
            )
        )
    return made
