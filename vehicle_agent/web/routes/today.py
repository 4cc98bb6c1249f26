"""Today's stop: open it, see the queue, find a person, close it."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from clinic_records.errors import Conflict, Hint
from clinic_web.pages import lang_of
from vehicle_agent.visits.stops import Seen
from vehicle_agent.web.keys import fresh_key
from vehicle_agent.web.site import fields, go, is_htmx, site_of

router = APIRouter()


@router.get("/")
async def today(request: Request) -> Response:
    """The landing page."""
    return await _page(request, None, "")


async def _page(request: Request, found: object, text: str, refused: Hint | None = None) -> Response:
    site = site_of(request)
    site.author(request)
    view, last = await site.desk.today(), await site.desk.instruments()
    return await site.page(
        request,
        "today.html",
        live="today",
        status_code=409 if refused else 200,
        refused=refused,
        view=view,
        plan=await site.desk.stops.day(),
        instruments=last,
        found=found,
        text=text,
        key=fresh_key(),
    )


@router.post("/search")
async def search(request: Request) -> Response:
    """People by what was typed or scanned; posted, so that no name stands in an address."""
    site, form = site_of(request), await fields(request)
    site.author(request)
    text = form.get("text", "").strip()
    found = await site.desk.search(text) if text else []
    if not is_htmx(request):
        return await _page(request, found, text)
    values = {"found": found, "text": text, "day": site.today, "key": fresh_key(), "view": await site.desk.today()}
    return HTMLResponse(site.pages.fragment("found.html", lang_of(request), **values))


@router.post("/stop/open")
async def open_stop(request: Request) -> Response:
    """Open the stop that the page showed; where it is another one by now, the page anew says so."""
    site, form = site_of(request), await fields(request)
    author, version = site.author(request), form.get("version", "")
    seen = Seen(form.get("visit", ""), int(version)) if version.isdecimal() and len(version) < 10 else None
    try:
        await site.desk.open_stop(author, seen)
    except Conflict as error:
        return await _page(request, None, "", error.hint)
    return go(request, "/")


@router.post("/stop/close")
async def close_stop(request: Request) -> Response:
    """Close it and say how the day ended."""
    site = site_of(request)
    await site.desk.close_stop(site.author(request))
    return go(request, "/")
