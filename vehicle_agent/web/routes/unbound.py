"""Readings that belong to nobody yet: a person says whose they are, or that they are nobody's."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from clinic_records.care import RecordingStatus
from clinic_records.errors import RefusedInput
from clinic_records.ids import EncounterId, RecordId
from vehicle_agent.web.keys import fresh_key
from vehicle_agent.web.site import fields, go, site_of

router = APIRouter()
REASONS = ("test", "poor", "other")
"""Why a reading is nobody's: texts `unbound.reason.<name>`."""


@router.get("/unbound")
async def show(request: Request, pick: str = "") -> Response:
    """The list; one of it is opened for deciding."""
    return await _page(request, pick, {}, 200)


async def _page(request: Request, pick: str, errors: dict[str, str], status_code: int) -> Response:
    site = site_of(request)
    site.author(request)
    rows = [row for row in await site.desk.unbound() if row.recording.status is RecordingStatus.UNBOUND]
    chosen = next((row for row in rows if row.recording.id == pick), rows[0] if rows else None)
    return await site.page(
        request,
        "unbound.html",
        live="unbound",
        status_code=status_code,
        rows=rows,
        chosen=chosen,
        view=await site.desk.today(),
        reasons=REASONS,
        errors=errors,
        key=fresh_key(),
    )


@router.post("/unbound/{recording_id}/bind")
async def bind(request: Request, recording_id: str) -> Response:
    """It is this person's."""
    site, form = site_of(request), await fields(request)
    author, encounter = site.author(request), form.get("encounter", "")
    if not encounter:
        return await _page(request, recording_id, {"encounter": site.say(request, "unbound.choose")}, 422)

    async def act() -> str:
        await site.desk.bind(RecordId(recording_id), EncounterId(encounter), author)
        return "/unbound"

    return go(request, await site.once.do(form.get("key", ""), act))


@router.post("/unbound/{recording_id}/reject")
async def reject(request: Request, recording_id: str) -> Response:
    """It is nobody's, for a reason out of the list."""
    site, form = site_of(request), await fields(request)
    author, reason = site.author(request), form.get("reason", "")
    if reason not in REASONS:
        raise RefusedInput(f"reason {reason[:20]!r} is none of {REASONS}", hint=site.hint("unbound.choose_reason"))
    await site.desk.reject(RecordId(recording_id), site.pages.catalogue.say("zh", f"unbound.reason.{reason}"), author)
    return go(request, "/unbound")
