"""The month: a grid of vehicles and days whose visits are moved by pointer, by keyboard or on a page of their own."""

from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Depends, FastAPI, Form, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse

from clinic_records.errors import ClinicError
from clinic_web.pages import lang_of
from cloud_hospital.web.coordinator.month_view import MANY_VEHICLES, month_view
from cloud_hospital.web.coordinator.place import (
    Coordination,
    Problem,
    day_of,
    problem_of,
    status_of,
    time_of,
)
from cloud_hospital.web.coordinator.typed import Typed, stead_form, typed_form
from cloud_hospital.web.coordinator.words import in_words
from schedules.desk.choices import Choice, given
from schedules.desk.decide import Wish
from schedules.draft import month_days
from schedules.expand import month_end, month_start, months


def add_month(app: FastAPI, here: Coordination) -> None:
    """Mount the month, the page of one visit, and what is done to visits."""
    _add_looking(app, here)
    _add_acting(app, here)


def _add_looking(app: FastAPI, here: Coordination) -> None:
    desk = here.desk

    @app.get("/schedule")
    def month(request: Request, month: str = "", vehicle: str = "") -> Response:
        here.planner(request)
        return _month(request, here, month, vehicle, None, 200)

    @app.get("/schedule/choices")
    def choices(request: Request, visit: str, month: str) -> Response:
        here.planner(request)
        try:
            first, last = month_days(month)
            moving = desk.take_up(visit, first, last)
        except ClinicError as error:
            return JSONResponse({"problem": problem_of(request, error).hint}, status_of(error))
        found = {f"{one.day}/{one.vehicle_id}": _told(one, lang_of(request)) for one in moving.choices(first, last)}
        return JSONResponse(found)

    @app.get("/schedule/visits/{visit}")
    def one(request: Request, visit: str, day: str = "", vehicle: str = "", start: str = "") -> Response:
        here.planner(request)
        typed = Typed(day, vehicle, start)
        return _visit(request, here, visit, typed, None, 200)


def _add_acting(app: FastAPI, here: Coordination) -> None:
    desk = here.desk

    @app.post("/schedule/visits/{visit}/move")
    def move(request: Request, visit: str, typed: Annotated[Typed, Depends(typed_form)]) -> Response:
        by = here.planner(request)
        try:
            wish = Wish(day_of(typed.day), typed.vehicle, time_of(typed.start))
            desk.move(by, typed.revision, visit, wish, typed.word)
        except ClinicError as error:
            return _visit(request, here, visit, typed, problem_of(request, error), status_of(error))
        return _back(wish.day, visit, typed.shown)

    @app.post("/schedule/visits/{visit}/cancel")
    def cancel(request: Request, visit: str, typed: Annotated[Typed, Depends(typed_form)]) -> Response:
        by = here.planner(request)
        try:
            desk.cancel(by, typed.revision, visit, typed.word)
            day = given(desk.editable().plan, visit).date
        except ClinicError as error:
            return _visit(request, here, visit, typed, problem_of(request, error), status_of(error))
        return _back(day, visit, typed.shown)

    @app.post("/schedule/visits/{visit}/swap")
    def swap(
        request: Request,
        visit: str,
        typed: Annotated[Typed, Depends(typed_form)],
        stead: Annotated[dict[str, str], Depends(stead_form)],
        whole_day: Annotated[str, Form()] = "",
    ) -> Response:
        by = here.planner(request)
        try:
            desk.swap(by, typed.revision, visit, stead, typed.word, whole_day=bool(whole_day))
        except ClinicError as error:
            return _visit(request, here, visit, typed, problem_of(request, error), status_of(error), stead)
        return RedirectResponse(f"/schedule/visits/{visit}?{urlencode({'shown': typed.shown})}#swap", 303)

    @app.post("/schedule/undo")
    def undo(request: Request, revision: int = Form(-1), month: str = Form(""), vehicle: str = Form("")) -> Response:
        here.planner(request)
        try:
            desk.undo(revision)
        except ClinicError as error:
            return _month(request, here, month, vehicle, problem_of(request, error), status_of(error))
        return RedirectResponse(f"/schedule?{urlencode({'month': month, 'vehicle': vehicle})}", 303)


def _back(day: date, visit: str, shown: str) -> Response:
    asked = {"month": f"{day:%Y-%m}", "vehicle": shown, "visit": visit}
    return RedirectResponse(f"/schedule?{urlencode(asked)}", 303)


def _told(choice: Choice, lang: str) -> dict[str, str]:
    """One vehicle-day for the page's script."""
    if choice.code:
        return {"why": in_words(choice.code, lang)}
    told = {"start": f"{choice.start:%H:%M}", "end": f"{choice.end:%H:%M}"}
    told |= {"doubt": in_words(choice.doubt, lang)} if choice.doubt else {}
    return told | ({"note": in_words("guessed", lang)} if choice.is_guessed else {})


def _month(
    request: Request, here: Coordination, month: str, vehicle: str, problem: Problem | None, status_code: int
) -> Response:
    draft = here.desk.draft()
    if draft is None or not draft.plan.rules:
        return here.page(request, "nothing.html", draft)
    try:
        first, last = here.month(month, draft)
    except ClinicError as error:
        first, last = here.month("", draft)
        problem, status_code = problem_of(request, error), 422
    every = tuple(draft.plan.vehicles)
    if vehicle not in every:
        vehicle = every[0] if len(every) > MANY_VEHICLES else ""
    view = month_view(draft, first, last, here.desk.today(), (vehicle,) if vehicle else every)
    return here.page(
        request,
        "month.html",
        draft,
        status_code,
        view=view,
        first=first,
        months=months(draft.first, draft.last),
        vehicles=every,
        vehicle=vehicle,
        problem=problem,
    )


def _visit(
    request: Request,
    here: Coordination,
    visit: str,
    typed: Typed,
    problem: Problem | None,
    status_code: int,
    stead: Mapping[str, str] = MappingProxyType({}),
) -> Response:
    try:
        draft, moving = here.desk.editable(), here.desk.take_up(visit)
    except ClinicError as error:
        return _month(request, here, "", typed.shown, problem_of(request, error), status_of(error))
    stands = moving.now or moving.own
    typed = typed.filled(stands, here.desk.today(), here.planner(request))
    choice = None
    try:
        wish = Wish(day_of(typed.day), typed.vehicle, time_of(typed.start))
        is_elsewhere = wish != (stands.date, stands.vehicle_id, stands.start)
        if wish.vehicle_id in draft.plan.vehicles and is_elsewhere:
            choice = here.desk.take_up(visit, wish.day).choice(*wish)
    except ClinicError as error:
        problem = problem or problem_of(request, error)
    start, end = month_start(stands.date), month_end(stands.date)
    month = [one for one in draft.visits if one.point_id == stands.point_id and start <= one.date <= end]
    return here.page(
        request,
        "visit.html",
        draft,
        status_code,
        visit=stands,
        own=moving.own,
        crew=[(draft.plan.staff[one], moving.stand_ins(one)) for one in stands.staff_ids],
        stead=stead,
        change=moving.change,
        is_gone=moving.now is None,
        is_over=stands.date < here.desk.today(),
        point=draft.plan.points[stands.point_id],
        of_month=month,
        typed=typed,
        choice=choice,
        problem=problem,
    )
