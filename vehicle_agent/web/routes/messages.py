"""What the hospital sent: recalls, answers, prescriptions; seen by a named person."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from clinic_records.clock import CHINA
from clinic_records.errors import NotFound
from clinic_records.ids import RecordId
from clinic_records.record import Kind
from vehicle_agent.web.site import go, site_of

router = APIRouter()


@router.get("/messages")
async def show(request: Request) -> Response:
    """All messages, what nobody here has seen first; and whose people have come ahead of the stops."""
    site = site_of(request)
    site.author(request)
    desk = site.desk.messages
    return await site.page(
        request, "messages.html", live="messages", views=await desk.all(), villages=await desk.villages(), china=CHINA
    )


@router.post("/messages/{kind}/{thing}/seen")
async def see(request: Request, kind: str, thing: str) -> Response:
    """The person logged in has seen it; the hospital is told."""
    site = site_of(request)
    author = site.author(request)
    if kind not in set(Kind):
        raise NotFound(f"no message of kind {kind[:20]!r}")
    await site.desk.messages.see(Kind(kind), RecordId(thing), author)
    return go(request, "/messages")
