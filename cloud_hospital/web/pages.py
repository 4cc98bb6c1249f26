"""The hospital's pages: what has come from the vehicles, and one encounter with its curves and pictures.

They open to people signed in with a role that reads (web/site.py), and to a statutory token in a cookie, set by
/enter?token=...
"""

from fastapi import FastAPI, Form, Request, Response
from fastapi.responses import FileResponse, RedirectResponse

from clinic_records.errors import AccessError
from clinic_records.ids import blob_hash
from clinic_web.i18n import LANGS
from clinic_web.pages import LOOKS, lang_of, mount_static
from clinic_web.security import PICTURE_CSP, Guard
from cloud_hospital.api.access import log_pull
from cloud_hospital.feed.completeness import statements
from cloud_hospital.hospital import Hospital
from cloud_hospital.intake.opening import blob_path
from cloud_hospital.store.engine import reading
from cloud_hospital.web.cases import newest_cases, one_recording, unbound_recordings
from cloud_hospital.web.coordinator.imports import UPLOAD
from cloud_hospital.web.coordinator.pages import add_coordinator
from cloud_hospital.web.held import add_held
from cloud_hospital.web.login import add_login, own_path
from cloud_hospital.web.opinions import add_opinions, case_page
from cloud_hospital.web.pictures import picture_of
from cloud_hospital.web.seen import add_seen, unseen
from cloud_hospital.web.site import COOKIE, EnterNeeded, RoleNeeded, Site


def add_pages(app: FastAPI, hospital: Hospital) -> None:
    """Mount the pages and the shared static files.

    Raises:
        ConfigError: the browser libraries were never built.
    """
    site = Site(hospital)
    add_coordinator(app, site)
    mount_static(app)
    app.add_middleware(Guard, own_limits=[UPLOAD])

    @app.exception_handler(EnterNeeded)
    async def _enter(request: Request, _error: Exception) -> Response:
        goal = own_path(request.url.path) if request.method == "GET" else "/"
        return site.page(request, "enter.html", 401, wrong=COOKIE in request.cookies, goal=goal)

    @app.exception_handler(RoleNeeded)
    async def _not_yours(request: Request, _error: Exception) -> Response:
        return site.page(request, "not_yours.html", 403)

    add_login(app, site)
    _add_entrance(app, site)
    _add_lists(app, site)
    add_opinions(app, site)
    _add_recordings(app, site)
    add_seen(app, site)
    add_held(app, site)


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
        answer = RedirectResponse(own_path(back), 303)
        for name, value, known in (("look", look, LOOKS), ("lang", lang, LANGS)):
            if value in known:
                answer.set_cookie(name, value, samesite="strict", path="/")
        return answer


def _add_lists(app: FastAPI, site: Site) -> None:
    @app.get("/")
    def received(request: Request) -> Response:
        if site.is_coordinator(request):
            return RedirectResponse("/schedule", 303)
        site.caller(request)
        with reading(site.hospital.engine) as connection:
            cases, unbound = newest_cases(connection), unbound_recordings(connection)
            said = statements(connection)
        waiting = unseen(site)
        return site.page(request, "received.html", cases=cases, unbound=unbound, statement=said, unseen=waiting)

    @app.get("/encounters/{encounter}")
    def case(request: Request, encounter: str) -> Response:
        site.caller(request)
        return case_page(site, request, encounter)


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
