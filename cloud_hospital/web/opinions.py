"""The specialist's part of a case's page: answer, recall, take back. Always a person signed in, never a token."""

from fastapi import FastAPI, Form, Request, Response
from fastapi.responses import RedirectResponse

from clinic_records.consult import RecallLevel
from clinic_records.errors import AccessError, RefusedInput
from clinic_web.pages import lang_of
from cloud_hospital.downlinks.opinions import answer, retract
from cloud_hospital.downlinks.said import said_of
from cloud_hospital.seen import seen_of
from cloud_hospital.store.engine import reading
from cloud_hospital.web.cases import one_case
from cloud_hospital.web.site import READERS, Site


def case_page(site: Site, request: Request, encounter: str, problem: str = "", text: str = "") -> Response:
    """The case with what was said of it; `problem` is what is wrong with the form, `text` what was typed."""
    with reading(site.hospital.engine) as connection:
        found, seen, said = (
            one_case(connection, encounter),
            seen_of(connection, encounter),
            said_of(connection, encounter),
        )
    status = 422 if problem else 200
    values = {
        "case": found,
        "seen": seen,
        "said": said,
        "levels": tuple(RecallLevel),
        "problem": problem,
        "typed": text,
    }
    return site.page(request, "case.html", status, **values)


def add_opinions(app: FastAPI, site: Site) -> None:
    """Mount what a doctor or specialist does with a case."""

    @app.post("/encounters/{encounter}/answer")
    def say(request: Request, encounter: str, text: str = Form(""), recall: str = Form("none")) -> Response:
        author = site.person(request, *READERS)
        try:
            answer(site.hospital, encounter, text, author, _level(recall))
        except RefusedInput as error:
            return case_page(site, request, encounter, _said(request, error), text)
        except AccessError as error:
            return case_page(site, request, encounter, _said(request, error))
        return RedirectResponse(f"/encounters/{encounter}", 303)

    @app.post("/encounters/{encounter}/retract/{thing}")
    def take_back(request: Request, encounter: str, thing: str, reason: str = Form("")) -> Response:
        author = site.person(request, *READERS)
        try:
            retract(site.hospital, thing, reason, author)
        except (RefusedInput, AccessError) as error:
            return case_page(site, request, encounter, _said(request, error))
        return RedirectResponse(f"/encounters/{encounter}", 303)


def _said(request: Request, error: RefusedInput | AccessError) -> str:
    return error.hint.en if lang_of(request) == "en" else error.hint.zh


def _level(text: str) -> RecallLevel:
    if text not in set(RecallLevel):
        raise RefusedInput(f"recall {text[:20]!r} is none of {', '.join(RecallLevel)}")
    return RecallLevel(text)
