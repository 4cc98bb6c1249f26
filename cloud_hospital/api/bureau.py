"""GET /api/v1/bureau/pull: the county's table, from a cursor on."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from cloud_hospital.api.access import bearer, log_pull
from cloud_hospital.api.answers import json_answer
from cloud_hospital.feed.pull import MAX_LIMIT, pull
from cloud_hospital.hospital import Hospital


def bureau_router(hospital: Hospital) -> APIRouter:
    """The bureau's part of the interface."""
    router = APIRouter(prefix="/api/v1/bureau")

    @router.get("/pull")
    def pull_rows(
        request: Request, since: str = "", limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 1000
    ) -> Response:
        """Rows behind `since`, the next cursor, and what every vehicle still owes."""
        caller = bearer(hospital, request)
        answer = pull(hospital, since, limit, caller.purpose)
        log_pull(hospital, caller, "bureau", since, answer.next, len(answer.rows))
        return json_answer(answer)

    return router
