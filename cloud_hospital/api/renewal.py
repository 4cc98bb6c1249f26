"""POST /api/v1/renewal: a vehicle's next certificate, for whoever proves to be its enrolled box."""

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from clinic_records.clock import to_ms
from clinic_records.errors import AccessError, RefusedInput
from cloud_hospital.api.answers import json_answer
from cloud_hospital.broker.access import renew_access
from cloud_hospital.hospital import Hospital
from cloud_hospital.vehicle_keys import newest_key
from sync.renewal import MESSAGE_LIMIT, Renewed, believe, read_request, sign_renewal


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


def renewed(hospital: Hospital, body: bytes) -> Renewed:
    """The answer to a request.

    Raises:
        RefusedInput: it is none.
        PeerRefused: it is not signed by the box, or not by the certificate's key.
        AccessError: the vehicle is not enrolled, revoked, or this key has no certificate.
    """
    asked = read_request(body)
    public = newest_key(hospital.engine, asked.vehicle)
    if public is None:
        raise AccessError(f"vehicle {asked.vehicle} is not enrolled here")
    believe(asked, public)
    certificate = renew_access(hospital.premises, asked.vehicle, asked.tls_request)
    answer = Renewed(asked.vehicle, asked.nonce, certificate, to_ms(hospital.now()))
    return sign_renewal(answer, hospital.keys.sign)
