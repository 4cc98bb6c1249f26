"""Counts for Prometheus; any valid token, because they say which vehicle is where it cannot be heard."""

from fastapi import APIRouter, Request, Response

from clinic_web.gauges import CONTENT_TYPE
from cloud_hospital.api.access import bearer
from cloud_hospital.hospital import Hospital
from cloud_hospital.metrics import exposition


def metrics_router(hospital: Hospital) -> APIRouter:
    """`GET /metrics`."""
    router = APIRouter()

    @router.get("/metrics")
    def metrics(request: Request) -> Response:
        bearer(hospital, request)
        return Response(exposition(hospital), media_type=CONTENT_TYPE)

    return router
