"""Login with a PIN, lock, language and look."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from clinic_records.errors import AccessError
from clinic_web.i18n import LANGS
from clinic_web.pages import LOOKS, lang_of
from vehicle_agent.web.site import fields, is_htmx, local_path, site_of

router = APIRouter()
YEAR_S = 365 * 24 * 3600


@router.get("/login")
async def ask(request: Request, next: str = "/") -> Response:  # noqa: A002 - the query's name in the address
    """The PIN pad."""
    return await _page(request, local_path(next), "", "", 200)


async def _page(request: Request, goal: str, staff: str, error: str, status_code: int) -> Response:
    site = site_of(request)
    errors = {"pin" if staff else "staff": error} if error else {}
    return await site.page(
        request,
        "login.html",
        status_code=status_code,
        people=await site.desk.people(),
        staff=staff,
        goal=goal,
        errors=errors,
    )


@router.post("/login")
async def log_in(request: Request) -> Response:
    """Open a session; from the overlay above a page, only for the person who was there."""
    site, form = site_of(request), await fields(request)
    goal, staff = local_path(form.get("next", "/")), form.get("staff", "")
    lang = lang_of(request)
    if not staff:
        return await _wrong(request, goal, staff, site.say(request, "login.choose"))
    try:
        author = await site.desk.login(staff, form.get("pin", ""))
    except AccessError as error:
        return await _wrong(request, goal, staff, error.hint.en if lang == "en" else error.hint.zh)
    if is_htmx(request):
        is_same = form.get("was") == author.staff
        response = Response(status_code=204, headers={"hx-trigger": "unlocked"} if is_same else {"hx-redirect": "/"})
    else:
        response = RedirectResponse(goal, 303)
    site.sessions.start(author, response)
    return response


async def _wrong(request: Request, goal: str, staff: str, words: str) -> Response:
    """The PIN pad again with what to do; one line of it to the overlay."""
    if is_htmx(request):
        return Response(words, 422, media_type="text/plain; charset=utf-8")
    return await _page(request, goal, staff, words, 422)


@router.post("/lock")
async def lock(request: Request) -> Response:
    """End the session on this tablet."""
    response = RedirectResponse("/login", 303)
    site_of(request).sessions.end(request, response)
    return response


@router.post("/look")
async def look(request: Request) -> Response:
    """Remember language and look in this browser."""
    form = await fields(request)
    response = RedirectResponse(local_path(form.get("back", "/")), 303)
    for name, allowed in (("lang", LANGS), ("look", LOOKS)):
        if form.get(name) in allowed:
            response.set_cookie(name, form[name], max_age=YEAR_S, httponly=True, samesite="strict", path="/")
    return response
