"""The page of what was set aside: the reason, the raw bytes, and a named person's decision."""

from fastapi import FastAPI, Form, Request, Response
from fastapi.responses import FileResponse, RedirectResponse

from clinic_records.errors import Conflict, RefusedInput
from clinic_records.people import Role
from clinic_web.pages import lang_of
from cloud_hospital.alarms import end_alarm, standing
from cloud_hospital.held import find_held, held_bytes, leave_aside, list_held, release
from cloud_hospital.web.site import Site

DECIDERS = (Role.OPERATOR, Role.SPECIALIST, Role.DOCTOR)
"""Roles that decide about what was set aside; the page shows no patient."""


def add_held(app: FastAPI, site: Site) -> None:
    """Mount the list and the decisions."""
    hospital = site.hospital

    @app.get("/held")
    def held(request: Request, every: bool = False) -> Response:
        site.person(request, *DECIDERS)
        found = list_held(hospital, only_open=not every)
        return site.page(request, "held.html", held=found, every=every, alarms=standing(hospital))

    @app.get("/held/{number}")
    def one(request: Request, number: int) -> Response:
        return _one(request, number, "", 200)

    @app.get("/held/{number}/raw")
    def raw(request: Request, number: int) -> Response:
        site.person(request, *DECIDERS)
        path = held_bytes(hospital, number)
        return FileResponse(path, media_type="application/octet-stream", filename=path.name)

    @app.post("/held/{number}/release")
    def take(request: Request, number: int, note: str = Form("")) -> Response:
        by = site.person(request, *DECIDERS)
        try:
            release(hospital, number, by, note)
        except (RefusedInput, Conflict) as error:
            return _one(request, number, _said(request, error), 422)
        return RedirectResponse("/held", 303)

    @app.post("/held/{number}/leave")
    def leave(request: Request, number: int, note: str = Form("")) -> Response:
        by = site.person(request, *DECIDERS)
        try:
            leave_aside(hospital, number, by, note)
        except (RefusedInput, Conflict) as error:
            return _one(request, number, _said(request, error), 422)
        return RedirectResponse("/held", 303)

    @app.post("/alarms/{number}/done")
    def done(request: Request, number: int) -> Response:
        end_alarm(hospital, number, site.person(request, *DECIDERS))
        return RedirectResponse("/held", 303)

    def _one(request: Request, number: int, error: str, status_code: int) -> Response:
        site.person(request, *DECIDERS)
        return site.page(request, "held_one.html", status_code, one=find_held(hospital, number), error=error)


def _said(request: Request, error: RefusedInput | Conflict) -> str:
    hint = error.hint.en if lang_of(request) == "en" else error.hint.zh
    return f"{hint} ({error})"
