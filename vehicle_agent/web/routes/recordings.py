"""One recording: its drawing, its details, and raising it to urgent."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response, StreamingResponse

from clinic_records.errors import NotFound, RefusedInput
from clinic_records.ids import RecordId
from clinic_web.draw.picture import View
from clinic_web.pages import lang_of
from clinic_web.security import PICTURE_CSP
from vehicle_agent.web.loops import loop_of
from vehicle_agent.web.site import fields, go, is_htmx, site_of

router = APIRouter()


@router.get("/rec/{recording_id}")
async def show(request: Request, recording_id: str, frame: int | None = None, play: bool = False) -> Response:
    """The drawing as large as it is, with where it came from; of a loop one frame (from 1), or all moving."""
    site = site_of(request)
    site.author(request)
    view = await site.desk.recording(RecordId(recording_id))
    binding = view.recording.binding
    patient = await site.desk.patient(binding.patient) if binding else None
    return await site.page(
        request,
        "recording.html",
        live=f"rec:{recording_id}",
        one=view,
        patient=patient,
        cine=loop_of(view.recording.reading, frame, is_playing=play),
    )


@router.get("/rec/{recording_id}/picture")
async def picture(request: Request, recording_id: str, frame: int | None = None, clip: bool = False) -> Response:
    """The drawing itself: the usual one, frame `frame` (from 1), or the moving loop."""
    site = site_of(request)
    site.author(request)
    try:
        drawn = await site.desk.picture(
            RecordId(recording_id), lang_of(request), View(None if frame is None else frame - 1, is_clip=clip)
        )
    except (RefusedInput, NotFound) as error:
        return PlainTextResponse(str(error), 404)
    return Response(drawn.data, media_type=drawn.media_type, headers={"content-security-policy": PICTURE_CSP})


@router.get("/rec/{recording_id}/document")
async def document(request: Request, recording_id: str) -> Response:
    """The document inside the recording, as a file: what a device sent is never opened inside our page."""
    site = site_of(request)
    site.author(request)
    try:
        found = await site.desk.picture(RecordId(recording_id), lang_of(request), View(is_document=True))
    except (RefusedInput, NotFound) as error:
        return PlainTextResponse(str(error), 404)
    ending = {"application/pdf": "pdf", "text/plain": "txt"}.get(found.media_type, "bin")
    headers = {"content-disposition": f'attachment; filename="{recording_id[:36]}.{ending}"'}
    return Response(found.data, media_type="application/octet-stream", headers=headers)


@router.get("/rec/{recording_id}/raw")
async def raw(request: Request, recording_id: str) -> Response:
    """The bytes as the device gave them, as a file."""
    site = site_of(request)
    site.author(request)
    kept = (await site.desk.recording(RecordId(recording_id))).recording.reading.raw
    blob = await site.desk.raw(kept.sha256)
    return StreamingResponse(
        blob.pieces,
        media_type="application/octet-stream",
        headers={
            "content-disposition": f'attachment; filename="{kept.sha256[:16]}.bin"',
            "content-length": str(blob.size),  # a download that breaks off is seen as one
        },
    )


@router.post("/rec/{recording_id}/answer")
async def answer(request: Request, recording_id: str) -> Response:
    """Fasting or not, which arm: what the device cannot know."""
    site, typed = site_of(request), await fields(request)
    given = typed.get("answer", "").partition("=")
    recording = await site.desk.answer(RecordId(recording_id), given[0], given[2], site.author(request))
    if is_htmx(request):
        view = await site.desk.recording(recording.id)
        return HTMLResponse(site.pages.macro("leaves.html", "asked", lang_of(request), view))
    return go(request, f"/enc/{recording.binding.encounter}" if recording.binding else f"/rec/{recording_id}")


@router.post("/rec/{recording_id}/phoned")
async def phoned(request: Request, recording_id: str) -> Response:
    """Somebody at the hospital, or 120, was reached by phone about an urgent one."""
    site = site_of(request)
    await site.desk.phoned(RecordId(recording_id), "", site.author(request))
    if is_htmx(request):
        rows, phones = await site.desk.urgent(), site.settings.phones
        return HTMLResponse(site.pages.macro("leaves.html", "urgents", lang_of(request), rows, phones))
    return go(request, "/")


@router.post("/rec/{recording_id}/urgent")
async def urgent(request: Request, recording_id: str) -> Response:
    """Send this one before everything else."""
    site = site_of(request)
    recording = await site.desk.mark_urgent(RecordId(recording_id), site.author(request))
    if is_htmx(request):
        view = await site.desk.recording(recording.id)
        return HTMLResponse(site.pages.macro("leaves.html", "reading_act", lang_of(request), view, ""))
    return go(request, f"/enc/{recording.binding.encounter}" if recording.binding else f"/rec/{recording_id}")
