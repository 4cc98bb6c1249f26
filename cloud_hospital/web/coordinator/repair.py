"""Make-up visits for what holidays, leave and closed roads take: accepted, edited or refused one by one."""

from collections import Counter
from datetime import date, timedelta
from typing import Final

from fastapi import FastAPI, Request, Response
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool

from clinic_records.errors import ClinicError, Conflict, Hint
from clinic_records.people import Author
from cloud_hospital.web.coordinator.place import (
    Coordination,
    Problem,
    day_of,
    problem_of,
    status_of,
    time_of,
)
from cloud_hospital.web.coordinator.typed import Typed
from schedules.draft import month_days
from schedules.expand import months
from schedules.folder import Draft
from schedules.model import Action
from schedules.repair.lost import standing
from schedules.repair.proposal import Change, Repair
from schedules.repair.propose import propose
from schedules.rules.coverage import NOTICE_DAYS

SHOWN: Final = 200
"""Proposals on one page: a county's month has 96 at most, a prefecture's goes on when these are decided."""
MOST_FIELDS: Final = 10 + 3 * SHOWN
"""Of one form: three for each proposal."""


def add_repair(app: FastAPI, here: Coordination) -> None:
    """Mount the proposals and the word on them."""

    @app.get("/schedule/repair")
    def look(request: Request, month: str = "") -> Response:
        by = here.planner(request)
        return _page(request, here, month, Typed().filled_word(here.desk.today(), by), None, 200)

    @app.post("/schedule/repair")
    async def decide(request: Request) -> Response:
        by = await run_in_threadpool(here.planner, request)
        async with request.form(max_files=0, max_fields=MOST_FIELDS) as form:
            said = {name: value.strip() for name, value in form.items() if isinstance(value, str)}
        return await run_in_threadpool(_decide, request, here, said, by)


def _decide(request: Request, here: Coordination, said: dict[str, str], by: Author) -> Response:
    month, revision = said.get("month", ""), said.get("revision", "")
    typed = Typed(
        approved_by=said.get("approved_by", ""),
        announced_on=said.get("announced_on", ""),
        revision=int(revision) if revision.isascii() and revision.isdigit() and len(revision) < 10 else -1,
    )
    try:
        draft = here.desk.editable()
        found = {one.change_id: one for one in proposed(here, draft, *here.month(month, draft)).changes}
        if "refuse" in said:
            here.desk.refuse(typed.revision, _named(found, said["refuse"]))
        elif "all" in said:
            here.desk.accept(by, typed.revision, found.values(), typed.word)
        else:
            one = _edited(here, _named(found, said.get("accept", "")), said)
            here.desk.accept(by, typed.revision, [one], typed.word)
    except ClinicError as error:
        return _page(request, here, month, typed, problem_of(request, error), status_of(error))
    back = "/schedule/import?only=error#findings" if "from_import" in said else f"/schedule/repair?month={month}"
    return RedirectResponse(back, 303)


def _named(found: dict[str, Change], name: str) -> Change:
    if name not in found:
        hint = Hint("建议已经变了，看一下现在的。", "The proposals have changed: look again.")
        raise Conflict(f"{name[:64]} is not proposed (any more)", hint=hint)
    return found[name]


def _edited(here: Coordination, change: Change, said: dict[str, str]) -> Change:
    """The change with the day, vehicle and start that stand in its fields; on another vehicle its own people go."""
    name = change.change_id
    if f"day-{name}" not in said:
        return change
    day, vehicle = day_of(said[f"day-{name}"]), said.get(f"vehicle-{name}", "")
    start = time_of(said.get(f"start-{name}", ""))
    shown = fields_of(change)
    if (day.isoformat(), vehicle, f"{start:%H:%M}" if start else "") == shown:
        return change
    is_moved = day != change.original_date
    kept = change.new_staff_ids if vehicle == shown[1] else ()
    if vehicle and vehicle != shown[1]:
        kept = here.desk.take_up(name, day).crew(day, vehicle)
    return change._replace(
        action=Action.MOVE if is_moved else Action.SUBSTITUTE,
        new_date=day if is_moved else None,
        new_vehicle_id=vehicle,
        new_start=start,
        new_staff_ids=kept,
    )


def fields_of(change: Change) -> tuple[str, str, str]:
    """Day, vehicle and start as the page's fields show them: empty is as the rule says."""
    day = change.new_date or change.original_date
    return day.isoformat(), change.new_vehicle_id, f"{change.new_start:%H:%M}" if change.new_start else ""


def proposed(here: Coordination, draft: Draft, first: date, last: date) -> Repair:
    """What is proposed for a month from today on."""
    today = here.desk.today()
    begin = today + timedelta(days=NOTICE_DAYS)
    return propose(draft.plan, first, last, begin=begin, refused=draft.refused, today=today)


def _lost(draft: Draft, today: date) -> list[tuple[str, int]]:
    """The months that are not over, and how many visits of each cannot be where they stand."""
    ahead = [one for one in months(draft.first, draft.last) if one >= f"{today:%Y-%m}"]
    if not ahead:
        return []
    _, lost = standing(draft.plan, month_days(ahead[0])[0], month_days(ahead[-1])[1])
    counts = Counter(f"{one.visit.date:%Y-%m}" for one in lost if not one.is_cancelled)
    return [(one, counts[one]) for one in ahead]


def _page(
    request: Request, here: Coordination, month: str, typed: Typed, problem: Problem | None, status: int
) -> Response:
    draft = here.desk.draft()
    if draft is None or not draft.plan.rules:
        return here.page(request, "nothing.html", draft)
    lost = _lost(draft, here.desk.today())
    month = month or next((name for name, count in lost if count), "")
    try:
        here.desk.editable()
        first, last = here.month(month, draft)
        repair = proposed(here, draft, first, last)
    except ClinicError as error:
        first, last = here.month("", draft)
        problem, status, repair = problem_of(request, error), 422, Repair((), (), 0, 0, 0)
    today = here.desk.today()
    refused = [day for _, day in draft.refused if first <= day <= last]
    return here.page(
        request,
        "repair.html",
        draft,
        status,
        first=first,
        months=lost,
        repair=repair,
        rows=[(one, draft.plan.points[one.point_id], fields_of(one)) for one in repair.changes[:SHOWN]],
        more=max(0, len(repair.changes) - SHOWN),
        refused=len(refused),
        begin=today + timedelta(days=NOTICE_DAYS),
        typed=typed,
        problem=problem,
    )
