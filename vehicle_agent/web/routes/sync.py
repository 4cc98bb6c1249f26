"""Where everything stands on its way to the hospital, by lane."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from vehicle_agent.web.site import site_of

router = APIRouter()


@router.get("/sync")
async def show(request: Request) -> Response:
    """The lanes, what was quarantined, and what needs a person."""
    site = site_of(request)
    site.author(request)
    return await site.page(request, "sync.html", live="sync", quarantine=await site.desk.quarantine())
