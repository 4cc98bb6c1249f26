"""The vehicle's days: the month, one visit with its check-in, crew, reasons and due list, and stops nobody planned."""

from collections.abc import Sequence
from datetime import date, datetime, time
from typing import Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from clinic_records.care import StopStatus
from clinic_records.clock import CHINA
from clinic_records.errors import NotFound, RefusedInput
from clinic_records.ids import EncounterId
from schedules.adherence.geofence import GEOFENCE_M
from vehicle_agent.visits.crew import NewSubstitution
from vehicle_agent.visits.days import Line
from vehicle_agent.visits.stops import DONE, NewStop
from vehicle_agent.web.site import Site, fields, go, site_of

router = APIRouter()

MISSED: Final = ("road", "weather", "vehicle", "crew", "notice", "other")
SUBSTITUTED: Final = ("leave", "ill", "training", "moved", "other")
EXTRA: Final = ("make_up", "asked", "event", "other")
"""Reasons: texts `stops.missed.<name>`, `stops.substituted.<name>`, `stops.extra.<name>`."""
CLOCK_OFF_S: Final = 60
"""A difference between vehicle and satellites that is told. Our choice: a minute is what the pages show."""
NEARBY: Final = 6
"""Points shown as buttons for a stop nobody planned; a thumb finds no more. All others are in the list below them."""


@router.get("/month")
async def month(request: Request, of: str = "") -> Response:
    """The month, one column a weekday."""
    site = site_of(request)
    site.author(request)
    first = _month(of) if of else site.today.replace(day=1)
    view = await site.desk.stops.month(first)
    blank = [None] * first.weekday()
    cells = [*blank, *view.days, *[None] * (-(len(blank) + len(view.days)) % 7)]
    return await site.page(
        request,
        "month.html",
        live="month",
        view=view,
        weeks=[cells[at : at + 7] for at in range(0, len(cells), 7)],
        before=_months_on(first, -1),
        after=_months_on(first, 1),
    )


@router.get("/visits/{day}/{visit_id}")
async def visit(request: Request, day: str, visit_id: str) -> Response:
    """One visit."""
    return await _visit(request, day, visit_id, {}, {}, 200)


async def _visit(
    request: Request, day: str, visit_id: str, typed: dict[str, str], errors: dict[str, str], status_code: int
) -> Response:
    site = site_of(request)
    author = site.author(request)
    on = _day(day)
    due = await site.desk.stops.due(on, visit_id)
    line, names = due.line, await site.desk.stops.names()
    here = {one.staff: one.name for one in await site.desk.people()}
    today = await site.desk.today()
    is_one_open = today.stop is not None and today.stop.status is StopStatus.OPEN
    is_waiting = line.stop.status in {StopStatus.PLANNED, StopStatus.MISSED}
    return await site.page(
        request,
        "visit.html",
        live="visit",
        status_code=status_code,
        line=line,
        due=due.people,
        on=on,
        can_open=on == site.today and is_waiting and not is_one_open,
        can_miss=on <= site.today and is_waiting,
        can_substitute=bool(line.crew)
        and line.stop.status not in DONE
        and (on == site.today or line.stop.status is StopStatus.OPEN),
        own={staff: name for staff, name in here.items() if staff not in line.stop.crew},
        others={staff: name for staff, name in sorted(names.items()) if staff not in {*line.stop.crew, *here}},
        is_expected=not line.crew or author.staff in _present(line),
        missed=_rows(site, request, "missed", MISSED),
        substituted=_rows(site, request, "substituted", SUBSTITUTED),
        geofence_m=GEOFENCE_M,
        clock_off_s=CLOCK_OFF_S,
        typed=typed,
        errors=errors,
    )


@router.post("/visits/{day}/{visit_id}/open")
async def open_visit(request: Request, day: str, visit_id: str) -> Response:
    """Open it; the time of arrival may be written, and is now where it is not."""
    site, typed = site_of(request), await fields(request)
    author, on = site.author(request), _day(day)
    if on != site.today:
        raise NotFound(f"a visit of {on} is not opened on {site.today}")
    try:
        await site.desk.stops.open(visit_id, _arrival(typed.get("arrived", ""), on), author)
    except RefusedInput:
        return await _visit(request, day, visit_id, typed, {"arrived": site.say(request, "stops.error.arrived")}, 422)
    return go(request, "/")


@router.post("/visits/{day}/{visit_id}/missed")
async def missed(request: Request, day: str, visit_id: str) -> Response:
    """Say why nobody came, or will come."""
    site, typed = site_of(request), await fields(request)
    author = site.author(request)
    reason = _reason(site, "missed", MISSED, typed, "reason")
    if not reason:
        return await _visit(request, day, visit_id, typed, {"reason": site.say(request, "stops.error.reason")}, 422)
    await site.desk.stops.say_missed(_day(day), visit_id, reason, author)
    return go(request, f"/visits/{day}/{visit_id}")


@router.post("/visits/{day}/{visit_id}/substitute")
async def substitute(request: Request, day: str, visit_id: str) -> Response:
    """Somebody comes instead of a planned person."""
    site, typed = site_of(request), await fields(request)
    author = site.author(request)
    planned, instead = typed.get("planned", ""), typed.get("instead", "")
    reason = "" if instead == planned else _reason(site, "substituted", SUBSTITUTED, typed, "why")
    if not reason and instead != planned:
        return await _visit(request, day, visit_id, typed, {"why": site.say(request, "stops.error.reason")}, 422)
    known = await site.desk.stops.names() | {one.staff: one.name for one in await site.desk.people()}
    if instead and instead not in known:
        raise NotFound(f"nobody with id {instead[:64]} is known here")
    form = NewSubstitution(planned, instead, reason)
    await site.desk.stops.substitute(visit_id, form, known.get(instead, ""), author)
    return go(request, f"/visits/{day}/{visit_id}")


@router.get("/stops/extra")
async def extra(request: Request) -> Response:
    """A stop nobody planned: where, and why."""
    return await _extra(request, {}, {}, 200)


async def _extra(request: Request, typed: dict[str, str], errors: dict[str, str], status_code: int) -> Response:
    site = site_of(request)
    site.author(request)
    choice = await site.desk.stops.extra()
    return await site.page(
        request,
        "extra.html",
        live="extra",
        status_code=status_code,
        missed=choice.missed,
        near=choice.places[:NEARBY],
        far=choice.places[NEARBY:],
        reasons=_rows(site, request, "extra", EXTRA),
        typed=typed,
        errors=errors,
    )


@router.post("/stops/extra")
async def open_extra(request: Request) -> Response:
    """Open it."""
    site, typed = site_of(request), await fields(request)
    author = site.author(request)
    reason = _reason(site, "extra", EXTRA, typed, "reason")
    visit_id = typed.get("missed", "")
    missed_one = next((one for one in (await site.desk.stops.extra()).missed if one.visit_id == visit_id), None)
    point = missed_one.point_id if missed_one else typed.get("point", "") or typed.get("far", "")
    if not point and not typed.get("place", "").strip():
        return await _extra(request, typed, {"point": site.say(request, "stops.error.place")}, 422)
    if not reason and missed_one is None:
        return await _extra(request, typed, {"reason": site.say(request, "stops.error.reason")}, 422)
    if missed_one is not None:
        reason = reason or site.pages.catalogue.say("zh", "stops.extra.make_up")
    form = NewStop(point, typed.get("place", ""), reason, visit_id if missed_one else "")
    await site.desk.stops.open_extra(form, author)
    return go(request, "/")


@router.post("/enc/{encounter_id}/follow-up")
async def follow_up(request: Request, encounter_id: str) -> Response:
    """When the person is due again; without a day it is taken back."""
    site, typed = site_of(request), await fields(request)
    author, text = site.author(request), typed.get("day", "")
    await site.desk.stops.follow_up(EncounterId(encounter_id), _day(text) if text else None, author)
    return go(request, f"/enc/{encounter_id}")


def _present(line: Line) -> set[str]:
    return {member.change.instead if member.change else member.staff for member in line.crew}


def _rows(site: Site, request: Request, group: str, names: Sequence[str]) -> list[tuple[str, str]]:
    return [(name, site.say(request, f"stops.{group}.{name}")) for name in names]


def _reason(site: Site, group: str, names: Sequence[str], typed: dict[str, str], field: str) -> str:
    """The chosen reason in Chinese, with what was written beside it; "" where none was chosen, or only 'other'."""
    chosen, note = typed.get(field, ""), typed.get("note", "").strip()[:200]
    if chosen not in names or (chosen == "other" and not note):
        return ""
    word = site.pages.catalogue.say("zh", f"stops.{group}.{chosen}")
    return f"{word}：{note}" if note else word


def _arrival(text: str, day: date) -> datetime | None:
    """`08:20`, `8：20` or `0820` on that day; None where nothing is written. Raises RefusedInput: it is no time."""
    digits = text.strip().replace("：", ":")
    if not digits:
        return None
    hour, colon, minute = digits.partition(":")
    if not colon:
        hour, minute = digits[:-2], digits[-2:]
    if not (hour.isdecimal() and minute.isdecimal() and int(hour) < 24 and len(minute) == 2 and int(minute) < 60):
        raise RefusedInput(f"{text[:20]!r} is not a time; write it as 08:20")
    return datetime.combine(day, time(int(hour), int(minute)), CHINA)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise NotFound(f"{text[:20]!r} is not a day") from None


def _month(text: str) -> date:
    return _day(f"{text}-01")


def _months_on(first: date, by: int) -> str:
    month = first.year * 12 + first.month - 1 + by
    return f"{month // 12:04}-{month % 12 + 1:02}"
