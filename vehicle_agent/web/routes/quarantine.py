"""One task of the quarantine: its reason, its raw bytes, reading it again, and a person's word that it is done."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from clinic_records.clock import CHINA
from clinic_records.errors import RefusedInput
from clinic_web.pages import lang_of
from vehicle_agent.visits.quarantine_desk import task_number
from vehicle_agent.web.site import fields, go, site_of

router = APIRouter()


@router.get("/quarantine/{task}")
async def show(request: Request, task: str) -> Response:
    """What is known of it."""
    return await _page(request, task, "", 200)


@router.get("/quarantine/{task}/raw")
async def raw(request: Request, task: str) -> Response:
    """The bytes as they came, as a file."""
    site = site_of(request)
    site.author(request)
    found = await site.desk.aside.find(task_number(task))
    blob = await site.desk.raw(found.blob)
    headers = {"content-disposition": f'attachment; filename="{found.blob[:16]}.bin"', "content-length": str(blob.size)}
    return StreamingResponse(blob.pieces, media_type="application/octet-stream", headers=headers)


@router.post("/quarantine/{task}/retry")
async def retry(request: Request, task: str) -> Response:
    """Read it again."""
    site = site_of(request)
    await site.desk.aside.retry(task_number(task), site.author(request))
    return go(request, "/sync")


@router.post("/quarantine/{task}/close")
async def close(request: Request, task: str) -> Response:
    """A person has looked and says what was done."""
    site, typed = site_of(request), await fields(request)
    author = site.author(request)
    try:
        await site.desk.aside.close(task_number(task), typed.get("note", ""), author)
    except RefusedInput as error:
        return await _page(request, task, error.hint.en if lang_of(request) == "en" else error.hint.zh, 422)
    return go(request, "/sync")


async def _page(request: Request, task: str, error: str, status_code: int) -> Response:
    site = site_of(request)
    site.author(request)
    one = await site.desk.aside.find(task_number(task))
    return await site.page(
        request,
        "quarantine.html",
        live="quarantine",
        status_code=status_code,
        one=one,
        can_retry=bool(one.meta),
        error=error,
        china=CHINA,
    )
