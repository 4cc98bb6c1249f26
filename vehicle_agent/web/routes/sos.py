"""Emergency: whom to call. Reachable before anybody logs in."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from vehicle_agent.web.site import site_of

router = APIRouter()


@router.get("/sos")
async def show(request: Request) -> Response:
    """Numbers to call, and what this page does not do."""
    site = site_of(request)
    return await site.page(request, "sos.html")
