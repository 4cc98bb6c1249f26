"""The hospital's pages: what has come from the vehicles, and one encounter with its curves and pictures.

Access is by a statutory token in a cookie, set by /enter?token=...; logins of the staff come with the specialists'
worklist.
"""

from datetime import datetime
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI, Form, Request, Response
from fastapi.responses import FileResponse, RedirectResponse
from jinja2 import pass_context
from jinja2.runtime import Context

from clinic_records.clock import CHINA
from clinic_records.errors import AccessError
from clinic_records.ids import blob_hash
from clinic_web.i18n import LANGS
from clinic_web.pages import LOOKS, create_templates, lang_of, mount_static
from clinic_web.security import PICTURE_CSP, Guard
from cloud_hospital.api.access import log_pull, need_statutory
from cloud_hospital.feed.completeness import statements
from cloud_hospital.hospital import Hospital
from cloud_hospital.intake.opening import blob_path
from cloud_hospital.store.engine import reading
from cloud_hospital.tokens import Bearer, check_token
from cloud_hospital.web.cases import newest_cases, one_case, one_recording, unbound_recordings
from cloud_hospital.web.pictures import picture_of

HERE: Final = Path(__file__).parent
COOKIE: Final = "hospital"


class EnterNeeded(Exception):
    """No valid token in the cookie; answered with the page that says how to enter."""


class Site:
    """The pages of one hospital."""

    def __init__(self, hospital: Hospital) -> None:
        self.hospital = hospital
        self.pages = create_templates([HERE / "templates"], [HERE / "texts.toml"])

        @pass_context
        def modality(context: Context, name: str) -> str:
            text = self.pages.catalogue.texts.get(f"modality.{name}")
            return text.in_lang(context["lang"]) if text else name

        self.pages.environment.globals |= {"modality": modality, "china": CHINA, "instant": datetime.fromisoformat}

    def caller(self, request: Request) -> Bearer:
        """Who looks.

        Raises:
            EnterNeeded: no token, or one that does not open the pages.
        """
        try:
            return self.check(request.cookies.get(COOKIE, ""))
        except AccessError:
            raise EnterNeeded from None

    def check(self, token: str) -> Bearer:
        """Whose token it is; only statutory ones open pages that show names.

        Raises:
            AccessError: it opens nothing.
        """
        return need_statutory(check_token(self.hospital.engine, token, self.hospital.now()))

    def page(self, request: Request, name: str, status_code: int = 200, **values: Any) -> Response:
        """One page with what all of them show."""
        now: datetime = self.hospital.now()
        shared = {"hospital": self.hospital.settings.name, "now": now, "day": now.astimezone(CHINA).date()}
        return self.pages.page(request, name, {**shared, **values}, status_code=status_code)


def add_pages(app: FastAPI, hospital: Hospital) -> None:
    """Mount the pages and the shared static files.

    Raises:
        ConfigError: the browser libraries were never built.
    """
    site = Site(hospital)
    mount_static(app)
    app.add_middleware(Guard)

    @app.exception_handler(EnterNeeded)
    async def _enter(request: Request, _error: Exception) -> Response:
        return site.page(request, "enter.html", 401, wrong=COOKIE in request.cookies)

    _add_entrance(app, site)
    _add_lists(app, site)
    _add_recordings(app, site)


def _add_entrance(app: FastAPI, site: Site) -> None:
    @app.get("/enter")
    def enter(request: Request, token: str = "") -> Response:
        try:
            site.check(token)
        except AccessError:
            return site.page(request, "enter.html", 401, wrong=bool(token))
        answer = RedirectResponse("/", 303)
        is_https = request.url.scheme == "https"
        answer.set_cookie(COOKIE, token, httponly=True, samesite="strict", secure=is_https, path="/")
        return answer

    @app.post("/look")
    def look(look: str = Form(""), lang: str = Form(""), back: str = Form("/")) -> Response:
        is_own = back.startswith("/") and not back.startswith("//") and "\\" not in back
        answer = RedirectResponse(back if is_own else "/", 303)
        for name, value, known in (("look", look, LOOKS), ("lang", lang, LANGS)):
            if value in known:
                answer.set_cookie(name, value, samesite="strict", path="/")
        return answer


def _add_lists(app: FastAPI, site: Site) -> None:
    @app.get("/")
    def received(request: Request) -> Response:
        site.caller(request)
        with reading(site.hospital.engine) as connection:
            cases, unbound = newest_cases(connection), unbound_recordings(connection)
            said = statements(connection)
        return site.page(request, "received.html", cases=cases, unbound=unbound, statement=said)

    @app.get("/encounters/{encounter}")
    def case(request: Request, encounter: str) -> Response:
        site.caller(request)
        with reading(site.hospital.engine) as connection:
            found = one_case(connection, encounter)
        return site.page(request, "case.html", case=found)


def _add_recordings(app: FastAPI, site: Site) -> None:
    hospital = site.hospital

    @app.get("/recordings/{recording}/picture")
    def picture(request: Request, recording: str) -> Response:
        site.caller(request)
        with reading(hospital.engine) as connection:
            found = one_recording(connection, recording).recording.reading
        path = blob_path(hospital.folder.blobs, blob_hash(found.raw.sha256))
        drawn = picture_of(path, found.modality, lang_of(request), found.part)
        return Response(drawn.data, 200, {"Content-Security-Policy": PICTURE_CSP}, drawn.media_type)

    @app.get("/recordings/{recording}/raw")
    def raw(request: Request, recording: str) -> Response:
        caller = site.caller(request)
        with reading(hospital.engine) as connection:
            found = one_recording(connection, recording).recording.reading.raw
        log_pull(hospital, caller, "raw", recording, found.sha256, 1)
        path = blob_path(hospital.folder.blobs, blob_hash(found.sha256))
        return FileResponse(path, media_type="application/octet-stream", filename=f"{found.sha256}.bin")
