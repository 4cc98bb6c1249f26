"""Control of the devices: what is due, what was done, and letting a marked reading count."""

import csv
import io

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from clinic_records.clock import CHINA
from clinic_records.errors import RefusedInput
from clinic_records.ids import DeviceId, RecordId
from clinic_records.quality import QualityKind
from clinic_records.quantity import Quantity, quantity
from clinic_web.pages import lang_of
from vehicle_agent.visits.quality import NewQuality
from vehicle_agent.visits.quality_desk import QualityView
from vehicle_agent.web.keys import fresh_key
from vehicle_agent.web.site import fields, go, site_of

router = APIRouter()
COLUMNS = (
    "device", "modality", "at", "by", "kind", "passed", "level", "measured", "low", "high", "lot", "expires",
    "open_days", "note",
)  # fmt: skip


@router.get("/quality")
async def show(request: Request) -> Response:
    """Every device that has a rule, with what stands against it now."""
    site = site_of(request)
    site.author(request)
    return await site.page(request, "quality.html", live="quality", views=await site.desk.quality.devices())


@router.get("/quality.csv")
async def export(request: Request) -> Response:
    """The log of all devices, oldest first, as a table for the inspector."""
    site = site_of(request)
    site.author(request)
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for view in await site.desk.quality.devices():
        writer.writerows(_rows(view))
    headers = {"content-disposition": 'attachment; filename="quality.csv"'}
    return Response("\ufeff" + out.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


@router.get("/quality/{device}")
async def one(request: Request, device: str) -> Response:
    """One device: what is due, the forms, the log."""
    return await _page(request, device, "", 200)


@router.post("/quality/{device}")
async def write(request: Request, device: str) -> Response:
    """One more line of the log."""
    site, typed = site_of(request), await fields(request)
    author = site.author(request)

    async def act() -> str:
        await site.desk.quality.write(DeviceId(device), _entry(typed), author)
        return f"/quality/{device}"

    try:
        return go(request, await site.once.do(typed.get("key", ""), act))
    except RefusedInput as error:
        return await _page(request, device, error.hint.en if lang_of(request) == "en" else error.hint.zh, 422)


@router.post("/rec/{recording_id}/release")
async def release(request: Request, recording_id: str) -> Response:
    """This one may count, because of what the person writes."""
    site, typed = site_of(request), await fields(request)
    await site.desk.quality.release(RecordId(recording_id), typed.get("note", ""), site.author(request))
    return go(request, f"/rec/{recording_id}")


async def _page(request: Request, device: str, error: str, status_code: int) -> Response:
    site = site_of(request)
    site.author(request)
    view = await site.desk.quality.device(DeviceId(device))
    return await site.page(
        request,
        "quality_device.html",
        live="quality",
        status_code=status_code,
        view=view,
        limits=view.rule.limits(),
        error=error,
        key=fresh_key(),
        china=CHINA,
    )


def _entry(typed: dict[str, str]) -> NewQuality:
    unit = typed.get("unit", "")
    values = [typed[name].strip() for name in sorted(typed) if name.startswith("value-") and typed[name].strip()]
    verdict = {"yes": True, "no": False}.get(typed.get("passed", ""))
    return NewQuality(
        kind=_kind(typed.get("kind", "")),
        measured=tuple(quantity(value, unit) for value in values),
        level=typed.get("level", ""),
        low=_limit(typed, "low", unit),
        high=_limit(typed, "high", unit),
        lot=typed.get("lot", ""),
        expires=typed.get("expires", ""),
        open_days=int(typed["open_days"]) if typed.get("open_days", "").isdecimal() else 0,
        passed=verdict,
        note=typed.get("note", ""),
    )


def _kind(text: str) -> QualityKind:
    try:
        return QualityKind(text)
    except ValueError:
        raise RefusedInput(f"kind {text[:20]!r} is none of {', '.join(QualityKind)}") from None


def _limit(typed: dict[str, str], name: str, unit: str) -> Quantity | None:
    text = typed.get(name, "").strip()
    return quantity(text, unit) if text else None


def _rows(view: QualityView) -> list[tuple[object, ...]]:
    return [
        (
            entry.device, entry.modality, entry.at.astimezone(CHINA).isoformat(timespec="seconds"), entry.by.name,
            entry.kind.value, int(entry.passed), entry.level, "; ".join(map(str, entry.measured)), entry.low or "",
            entry.high or "", _cell(entry.lot), entry.expires or "", entry.open_days or "", _cell(entry.note),
        )
        for entry in reversed(view.log)
    ]  # fmt: skip


def _cell(text: str) -> str:
    """A text that no spreadsheet program takes for a formula (OWASP, CSV injection)."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
