"""Mounts the coordinator's pages beside the hospital's others."""

from fastapi import FastAPI
from starlette.staticfiles import StaticFiles

from cloud_hospital.web.coordinator.adherence import add_adherence
from cloud_hospital.web.coordinator.imports import add_imports
from cloud_hospital.web.coordinator.month import add_month
from cloud_hospital.web.coordinator.outputs import add_outputs
from cloud_hospital.web.coordinator.place import HERE, STATIC, Coordination
from cloud_hospital.web.coordinator.publishing import add_publishing
from cloud_hospital.web.coordinator.repair import add_repair
from cloud_hospital.web.coordinator.route import add_route
from cloud_hospital.web.coordinator.versions import add_versions
from cloud_hospital.web.site import Site


def add_coordinator(app: FastAPI, site: Site) -> None:
    """Mount them all, and their static files."""
    here = Coordination(site)
    app.mount(STATIC, StaticFiles(directory=HERE / "static"), name="schedule-static")
    for add in (
        add_month,
        add_route,
        add_imports,
        add_publishing,
        add_repair,
        add_versions,
        add_adherence,
        add_outputs,
    ):
        add(app, here)
