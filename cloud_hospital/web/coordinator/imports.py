"""Import: files in, every mistake with its cell and its remedy out; nothing that cannot be read is kept."""

import tempfile
from collections.abc import Iterator
from datetime import date
from functools import partial
from pathlib import Path
from typing import Final

from fastapi import FastAPI, Request, Response
from fastapi.responses import FileResponse
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.responses import RedirectResponse

from clinic_records.errors import ClinicError, Hint, NotFound, RefusedInput
from cloud_hospital.schedule_desk.uploads import MOST_FILES, Given, annotated, take
from cloud_hospital.web.coordinator.place import Coordination, Problem, problem_of, status_of
from cloud_hospital.web.coordinator.repair import fields_of, proposed
from cloud_hospital.web.coordinator.typed import Typed
from schedules.draft import YEARS, month_days, year_days
from schedules.exports.plan_workbook import plan_workbook
from schedules.findings import Finding, Severity, has_errors
from schedules.folder import Draft
from schedules.grouping import grouped, worst_first
from schedules.load.zip_limits import FILE_LIMIT
from schedules.repair.proposal import Change
from schedules.repair.remedy import Row, remedies, row_of
from schedules.template import write_template

UPLOAD: Final = "/schedule/upload"
MOST_BYTES: Final = FILE_LIMIT + (1 << 20)
"""Of a whole upload: its files, and what a form writes around them."""
DRAINED: Final = 256 << 20
"""Bytes of an upload that is too large which are read and dropped, so that the browser hears the refusal."""
SHOWN: Final = 200
"""Findings on one page; the annotated workbook has them all."""
WORKBOOK: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

_TOO_LARGE: Final = Hint(
    f"文件超过 {FILE_LIMIT >> 20} MB，没有收，也没有留下。只留要用的工作表再试。",
    f"Larger than {FILE_LIMIT >> 20} MB: not taken, nothing is kept. Keep only the sheets needed and try again.",
)


def add_imports(app: FastAPI, here: Coordination) -> None:
    """Mount the page, the upload and the workbooks that go back."""
    desk = here.desk

    @app.get("/schedule/import")
    def ask(request: Request, only: str = "") -> Response:
        here.planner(request)
        return _page(request, here, only, None, 200)

    @app.post(UPLOAD)
    async def upload(request: Request) -> Response:
        by = await run_in_threadpool(here.planner, request)
        try:
            if int(request.headers["content-length"]) > MOST_BYTES:
                await _drain(request)
                raise RefusedInput("the upload is too large", hint=_TOO_LARGE)
            async with request.form(max_files=MOST_FILES + 1, max_fields=8) as form:
                files = [given for one in form.getlist("files") for given in _given(one)]
                await run_in_threadpool(take, desk, files, _days(form), by)
        except ClinicError as error:
            problem = problem_of(request, error)
            return await run_in_threadpool(_page, request, here, "", problem, status_of(error))
        return RedirectResponse("/schedule/import", 303)

    @app.get("/schedule/annotated.xlsx")
    def commented(request: Request) -> Response:
        here.planner(request)
        draft = desk.draft()
        path = annotated(desk, draft) if draft else None
        if draft is None or path is None:
            raise NotFound("no workbook was imported over these pages")
        return FileResponse(path, media_type=WORKBOOK, filename=f"{Path(draft.source).stem}-检查.xlsx")

    @app.get("/schedule/plan.xlsx")
    def workbook(request: Request) -> Response:
        here.planner(request)
        draft = desk.editable()
        name = f"attachment; filename=plan-{desk.today():%Y%m%d}.xlsx"
        return Response(plan_workbook(draft.plan), media_type=WORKBOOK, headers={"content-disposition": name})

    @app.get("/schedule/template.xlsx")
    def template(request: Request) -> Response:
        here.planner(request)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "template.xlsx"
            write_template(path)
            name = "attachment; filename=schedule-template.xlsx"
            return Response(path.read_bytes(), media_type=WORKBOOK, headers={"content-disposition": name})


def _given(one: UploadFile | str) -> Iterator[Given]:
    """The file of a field; none where nothing was chosen."""
    if isinstance(one, UploadFile) and one.filename:
        yield Given(one.filename, one.file)


async def _drain(request: Request) -> None:
    """Read and drop: a browser that is still sending would see a broken connection instead of the page."""
    seen = 0
    async for piece in request.stream():
        seen += len(piece)
        if seen > DRAINED:
            return


def _days(form: FormData) -> tuple[date, date] | None:
    """The days asked for: a month, a year, or those that the rules speak of."""
    asked = str(form.get("days", "")).strip()
    if not asked:
        return None
    if len(asked) == 4 and asked.isascii() and asked.isdigit() and int(asked) in YEARS:
        return year_days(int(asked))
    return month_days(asked)


def _remedies(here: Coordination, draft: Draft, findings: list[Finding]) -> dict[Row, Change]:
    """None while rows of the files could not be read: then visits are not changed here."""
    if has_errors(draft.of_reading):
        return {}
    days, today = (draft.first, draft.last), here.desk.today()
    try:
        return remedies(draft.plan, findings, days, today, partial(proposed, here, draft))
    except RefusedInput:  # a lunar pattern leaves its table: said among the findings
        return {}


def _page(request: Request, here: Coordination, only: str, problem: Problem | None, status_code: int) -> Response:
    draft = here.desk.draft()
    groups = worst_first(grouped(draft.findings)) if draft else []
    counts = {kind.value: sum(one.own.severity is kind for one in groups) for kind in Severity}
    shown = [one for one in groups if only in ("", one.own.severity.value)]
    found = _remedies(here, draft, [one.own for one in shown[:SHOWN]]) if draft else {}
    return here.page(
        request,
        "import.html",
        draft,
        status_code,
        counts=counts,
        groups=shown[:SHOWN],
        more=max(0, len(shown) - SHOWN),
        only=only,
        remedies={row: (change, fields_of(change)) for row, change in found.items()},
        row_of=row_of,
        typed=Typed().filled_word(here.desk.today(), here.planner(request)),
        has_book=draft is not None and annotated(here.desk, draft) is not None,
        problem=problem,
    )
