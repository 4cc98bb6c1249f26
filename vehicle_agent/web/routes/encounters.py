"""One person's encounter: devices armed for them, readings as they arrive, finish."""

from datetime import timedelta

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from clinic_records.ids import DeviceId, EncounterId, PatientId
from clinic_web.pages import lang_of
from vehicle_agent.web.keys import fresh_key
from vehicle_agent.web.site import fields, go, is_htmx, site_of

router = APIRouter()
AGAIN_WEEKS = (2, 4)
"""Follow-ups offered beside the next visits: two weeks after a change of treatment, four where all is well (the
national public-health service standard, third edition, hypertension and diabetes)."""


@router.post("/people/{patient_id}/encounters")
async def start(request: Request, patient_id: str) -> Response:
    """Start care for a person we know."""
    site, form = site_of(request), await fields(request)
    author = site.author(request)

    async def act() -> str:
        opened = await site.desk.open_encounter(PatientId(patient_id), form.get("reason", "").strip(), author)
        await site.desk.identity.use_card(form.get("card", ""), opened.patient, author)
        return f"/enc/{opened.id}"

    return go(request, await site.once.do(form.get("key", ""), act))


@router.get("/enc/{encounter_id}")
async def show(request: Request, encounter_id: str) -> Response:
    """The encounter's page."""
    site = site_of(request)
    site.author(request)
    view = await site.desk.encounter(EncounterId(encounter_id))
    later = [site.today + timedelta(weeks=weeks) for weeks in AGAIN_WEEKS]
    visits = await site.desk.stops.next_days(view.encounter.stop)
    return await site.page(
        request,
        "encounter.html",
        live=f"enc:{encounter_id}",
        view=view,
        key=fresh_key(),
        visits=visits,
        later=[day for day in later if day not in visits],
    )


@router.post("/enc/{encounter_id}/arm")
async def arm(request: Request, encounter_id: str) -> Response:
    """Let a device wait for this person."""
    site, form = site_of(request), await fields(request)
    await site.desk.arm(DeviceId(form.get("device", "")), EncounterId(encounter_id), site.author(request))
    return await _device(request, encounter_id, form.get("device", ""))


@router.post("/enc/{encounter_id}/disarm")
async def disarm(request: Request, encounter_id: str) -> Response:
    """Stop waiting; what arrives later waits for a person."""
    site, form = site_of(request), await fields(request)
    await site.desk.disarm(DeviceId(form.get("device", "")), site.author(request))
    return await _device(request, encounter_id, form.get("device", ""))


async def _device(request: Request, encounter_id: str, device: str) -> Response:
    """The device's box as it is now, or the whole page where no script asked."""
    if not is_htmx(request):
        return go(request, f"/enc/{encounter_id}")
    site = site_of(request)
    view = await site.desk.encounter(EncounterId(encounter_id))
    shown = next((one for one in view.devices if one.device == device), None)
    if shown is None:
        return go(request, f"/enc/{encounter_id}")
    box = site.pages.macro("leaves.html", "device_box", lang_of(request), shown, view.encounter)
    return HTMLResponse(box)


@router.post("/enc/{encounter_id}/finish")
async def finish(request: Request, encounter_id: str) -> Response:
    """Finish; devices stop waiting for this person."""
    site, form = site_of(request), await fields(request)
    author = site.author(request)

    async def act() -> str:
        await site.desk.finish(EncounterId(encounter_id), author)
        return "/"

    return go(request, await site.once.do(form.get("key", ""), act))
