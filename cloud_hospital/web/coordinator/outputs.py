"""What is given out of what is published: calendars, workbook, texts, notices, a feed for route planners."""

import io
import threading
import zipfile
from collections.abc import Sequence
from datetime import date
from typing import Final, NamedTuple
from urllib.parse import quote

from fastapi import FastAPI, Request, Response

from clinic_records.clock import CHINA
from clinic_records.errors import ClinicError, Hint, NotFound, RefusedInput
from clinic_records.schedule import PublishedSchedule
from cloud_hospital.web.coordinator.place import Coordination, Problem, problem_of, status_of
from schedules.draft import month_days
from schedules.exports.entries import entries
from schedules.exports.request import FORMATS, files
from schedules.exports.request import Request as Export
from schedules.exports.subjects import Kind, Subject, chosen
from schedules.exports.words import file_names
from schedules.model import Plan
from schedules.publish import in_force

AT_ONCE: Final = 2
"""Exports made at the same time; a county's posters take seconds."""

_places = threading.BoundedSemaphore(AT_ONCE)


class Source(NamedTuple):
    """The published version to give out, and the plan it was made of."""

    version: PublishedSchedule
    plan: Plan


def add_outputs(app: FastAPI, here: Coordination) -> None:
    """Mount the page and the files."""

    @app.get("/schedule/outputs")
    def ask(request: Request) -> Response:
        here.planner(request)
        return _page(request, here, None, 200)

    @app.get("/schedule/export")
    def give(request: Request, format: str = "", month: str = "", of: str = "") -> Response:  # noqa: A002 - as in the address
        here.planner(request)
        try:
            with _places:
                made = _made(here, format, month, of)
        except ClinicError as error:
            return _page(request, here, problem_of(request, error), status_of(error))
        name, data = made
        header = f"attachment; filename*=UTF-8''{quote(name)}"
        return Response(data, media_type="application/octet-stream", headers={"content-disposition": header})


def version_of(versions: Sequence[PublishedSchedule], month: str, today: date) -> PublishedSchedule | None:
    """The version that vehicles go by in a month: now, or when it begins; of a month gone by, when it ended.

    Raises:
        RefusedInput: it is not a month.
    """
    first, last = month_days(month)
    return in_force(versions, min(max(today, first), last)) or in_force(versions, last)


def source_of(here: Coordination, month: str) -> Source:
    """The version of a month, also of one to come: notices go out before it begins.

    Raises:
        NotFound: nothing is published, or an older program published it without its plan.
        RefusedInput: it is not a month, or no version speaks of it.
    """
    versions = here.desk.versions()
    if not versions:
        hint = Hint("还没有发布过班表。先导入、发布。", "Nothing is published yet: import a plan and publish it.")
        raise NotFound("nothing is published yet", hint=hint)
    version = version_of(versions, month, here.desk.today())
    if version is None:
        hint = Hint("已发布的班表里没有这个月。", "No published version speaks of that month.")
        raise RefusedInput(f"no published version speaks of {month}", hint=hint)
    publication = here.desk.folder.publication(version.version)
    if publication is None:
        hint = Hint(
            "这一版是用命令发布的，没有带计划。用 clinic schedule export 输出，或在这里再发布一次。",
            "That version was published by command without its plan: use clinic schedule export, or publish it here.",
        )
        raise NotFound(f"version {version.version} has no plan beside it", hint=hint)
    return Source(version, publication.draft.plan)


def _made(here: Coordination, format_: str, month: str, of: str) -> tuple[str, bytes]:
    source = source_of(here, month)
    first, last = month_days(month)
    first, last = max(first, source.version.first), min(last, source.version.last)
    visits = tuple(one for one in source.version.visits if first <= one.date <= last)
    hospital = here.desk.hospital
    request = Export(
        entries(source.plan, visits, first, last),
        _subject(source.plan, of),
        hospital.settings.calendar_site,
        hospital.settings.name,
        hospital.now().astimezone(CHINA),
        lambda _line: None,
    )
    made = dict(files(format_, request))
    names = file_names(made)
    if len(made) == 1:
        ((name, data),) = made.items()
        return names[name], data
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in made.items():
            archive.writestr(names[name], data)
    return f"{format_}-{month}.zip", out.getvalue()


def _subject(plan: Plan, of: str) -> Subject | None:
    """`vehicle/V01`; empty is the whole county.

    Raises:
        NotFound: the plan has none such.
    """
    if not of:
        return None
    kind, _, name = of.partition("/")
    try:
        return chosen(plan, Kind(kind), name)
    except ValueError:
        raise NotFound(f"{of[:64]}: say vehicle, point or person") from None


def _page(request: Request, here: Coordination, problem: Problem | None, status: int) -> Response:
    draft, versions, today = here.desk.draft(), here.desk.versions(), here.desk.today()
    days = {visit.date.replace(day=1) for version in versions for visit in version.visits}
    found = ((f"{day:%Y-%m}", version_of(versions, f"{day:%Y-%m}", today)) for day in sorted(days))
    months = {month: version.version for month, version in found if version}
    now = f"{today:%Y-%m}"
    shown = now if now in months else next((one for one in months if one > now), max(months, default=""))
    source = None
    if shown:
        try:
            source = source_of(here, shown)
        except ClinicError as error:
            problem = problem or problem_of(request, error)
    return here.page(
        request,
        "outputs.html",
        draft,
        status,
        source=source,
        formats=list(FORMATS),
        months=months,
        shown=shown,
        problem=problem,
    )
