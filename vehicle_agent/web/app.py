"""The nurse's pages as one FastAPI application."""

from collections.abc import Awaitable, Callable

from fastapi import FastAPI

from clinic_records.clock import Clock, SystemClock
from clinic_web.pages import mount_static
from clinic_web.security import Guard
from vehicle_agent.visits.port import DeskPort
from vehicle_agent.web import problems
from vehicle_agent.web.routes import (
    encounters,
    live,
    login,
    messages,
    people,
    presented,
    quality,
    quarantine,
    recordings,
    sos,
    stops,
    sync,
    today,
    unbound,
)
from vehicle_agent.web.routes import (
    metrics as metrics_route,
)
from vehicle_agent.web.settings import SiteSettings
from vehicle_agent.web.site import Site

PLACES = (
    login,
    today,
    stops,
    people,
    presented,
    encounters,
    quality,
    quarantine,
    recordings,
    unbound,
    messages,
    sync,
    sos,
    live,
    metrics_route,
)


def create_app(
    desk: DeskPort,
    settings: SiteSettings,
    clock: Clock | None = None,
    *,
    metrics: Callable[[], Awaitable[bytes]] | None = None,
) -> FastAPI:
    """The application; serve it with one worker, since sessions live in its memory.

    Raises:
        ConfigError: the browser libraries are not built, or a text lacks a language.
    """
    app = FastAPI(title="mobile clinic", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.metrics = metrics
    app.state.site = Site(desk, settings, clock or SystemClock())
    mount_static(app)
    for place in PLACES:
        app.include_router(place.router)
    problems.install(app)
    app.add_middleware(Guard)
    return app
