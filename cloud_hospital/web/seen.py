"""Urgent ones on the pages: who has seen them, and saying so by name."""

from fastapi import FastAPI, Request, Response
from fastapi.responses import RedirectResponse

from cloud_hospital.seen import UrgentCase, mark_seen, urgent_cases
from cloud_hospital.store.engine import reading
from cloud_hospital.web.cases import one_recording
from cloud_hospital.web.site import READERS, Site


def add_seen(app: FastAPI, site: Site) -> None:
    """Mount the one act: a signed-in person has seen it."""

    @app.post("/recordings/{recording}/seen")
    def seen(request: Request, recording: str) -> Response:
        by = site.person(request, *READERS)
        mark_seen(site.hospital, recording, by)
        with reading(site.hospital.engine) as connection:
            binding = one_recording(connection, recording).recording.binding
        return RedirectResponse(f"/encounters/{binding.encounter}" if binding else "/", 303)


def unseen(site: Site) -> list[UrgentCase]:
    """Urgent ones of the last day that nobody has seen, oldest first."""
    with reading(site.hospital.engine) as connection:
        return [case for case in urgent_cases(connection, site.hospital.now()) if not case.seen]
