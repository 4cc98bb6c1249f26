"""The hospital's web application; its pages are added by cloud_hospital/web."""

from fastapi import FastAPI

from cloud_hospital.api.answers import install_errors
from cloud_hospital.api.bureau import bureau_router
from cloud_hospital.api.metrics import metrics_router
from cloud_hospital.api.proof import proof_router
from cloud_hospital.api.renewal import renewal_router
from cloud_hospital.hospital import Hospital


def create_app(hospital: Hospital) -> FastAPI:
    """The application of one opened hospital; its documentation pages are off, they would name what is guarded."""
    app = FastAPI(title="Cloud hospital", docs_url=None, redoc_url=None, openapi_url=None)
    install_errors(app)
    app.include_router(bureau_router(hospital))
    app.include_router(proof_router(hospital))
    app.include_router(metrics_router(hospital))
    app.include_router(renewal_router(hospital))
    return app
