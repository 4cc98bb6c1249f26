"""Signing in and out of the hospital's pages, with staff id and password."""

from urllib.parse import quote

from fastapi import FastAPI, Form, Request, Response
from fastapi.responses import RedirectResponse

from clinic_records.errors import AccessError
from clinic_web.pages import lang_of
from cloud_hospital.users import password_mark, sign_in
from cloud_hospital.web.site import Site


def add_login(app: FastAPI, site: Site) -> None:
    """Mount the page that asks who it is."""

    @app.get("/login")
    def ask(request: Request, next: str = "/") -> Response:  # noqa: A002 - the query's name in the address
        return site.page(request, "enter.html", goal=own_path(next))

    @app.post("/login")
    def log_in(
        request: Request,
        staff: str = Form(""),
        password: str = Form(""),
        next: str = Form("/"),  # noqa: A002 - the field's name in the form
    ) -> Response:
        try:
            author = sign_in(site.hospital, staff.strip(), password)
        except AccessError as error:
            problem = error.hint.en if lang_of(request) == "en" else error.hint.zh
            return site.page(request, "enter.html", 422, goal=own_path(next), staff=staff, problem=problem)
        answer = RedirectResponse(own_path(next), 303)
        mark = password_mark(site.hospital, author.staff)
        site.sessions.start(author, answer, is_https=request.url.scheme == "https", mark=mark)
        return answer

    @app.post("/logout")
    def log_out(request: Request) -> Response:
        answer = RedirectResponse("/login", 303)
        site.sessions.end(request, answer)
        return answer


def own_path(text: str) -> str:
    """`text` when it is a path of this server, else `/`: nobody is sent elsewhere."""
    is_own = text.startswith("/") and not text.startswith(("//", "/\\")) and not any(each < " " for each in text)
    return quote(text, safe="/?=&-_.~%") if is_own else "/"
