"""What happens with a card on the reader or a scanned code."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from clinic_records.ids import PatientId
from clinic_web.pages import lang_of
from vehicle_agent.web.presented import draw
from vehicle_agent.web.site import fields, go, is_htmx, site_of

router = APIRouter()


@router.post("/scan")
async def scan(request: Request) -> Response:
    """A code that a scanner typed into the page; posted, so that no number stands in an address."""
    site, form = site_of(request), await fields(request)
    site.author(request)
    view = await site.desk.identity.read_code(form.get("code", ""))
    return HTMLResponse(await draw(site, [view], form.get("place", ""), lang_of(request)))


@router.post("/presented/dismiss")
async def dismiss(request: Request) -> Response:
    """Nobody wants it."""
    site, form = site_of(request), await fields(request)
    site.author(request)
    site.desk.identity.dismiss(form.get("token", ""))
    return Response(status_code=204) if is_htmx(request) else go(request, "/")


@router.post("/people/{patient_id}/shown")
async def shown(request: Request, patient_id: str) -> Response:
    """Somebody whose encounter goes on showed their card: go there."""
    site, form = site_of(request), await fields(request)
    author = site.author(request)
    await site.desk.identity.use_card(form.get("card", ""), PatientId(patient_id), author)
    going_on = [
        row.encounter
        for row in (await site.desk.today()).queue
        if row.patient.id == patient_id and not row.encounter.finished_at
    ]
    return go(request, f"/enc/{going_on[0].id}" if going_on else "/")
