"""Counts for Prometheus: no session, because they name nobody."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from clinic_web.gauges import CONTENT_TYPE

router = APIRouter()


@router.get("/metrics")
async def metrics(request: Request) -> Response:
    """The agent's gauges; 404 where these pages run without an agent."""
    account = request.app.state.metrics
    if account is None:
        return Response(status_code=404)
    return Response(await account(), media_type=CONTENT_TYPE)
