"""POST /api/v1/renewal: a vehicle's next certificate, for whoever proves to be its enrolled box."""

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from clinic_records.errors import RefusedInput
from cloud_hospital.api.answers import json_answer
from cloud_hospital.hospital import Hospital
from cloud_hospital.renewal import renewed
from sync.renewal import MESSAGE_LIMIT


def renewal_router(hospital: Hospital) -> APIRouter:
    """The one route."""
    router = APIRouter()

    @router.post("/api/v1/renewal")
    async def renew(request: Request) -> Response:
        body = bytearray()
        async for part in request.stream():
            body += part
            if len(body) > MESSAGE_LIMIT:
                raise RefusedInput(f"a renewal request has at most {MESSAGE_LIMIT} bytes")
        return json_answer(await run_in_threadpool(renewed, hospital, bytes(body)))

    return router
