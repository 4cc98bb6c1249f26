"""All dated visits as a workbook, written row by row: a prefecture's year is 33,000 rows."""

import io
from collections.abc import Callable
from typing import Any, Final

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font

from clinic_records.schedule import VisitStatus
from schedules.exports.entries import Entries, Entry
from schedules.exports.request import Files, Request
from schedules.exports.words import WEEKDAYS, crew_names, plain, services

COLUMNS: Final = (
    ("日期", 12),
    ("星期", 6),
    ("车辆", 8),
    ("车牌", 12),
    ("开始", 8),
    ("结束", 8),
    ("服务点", 10),
    ("服务点名称", 28),
    ("行政村", 14),
    ("乡镇", 12),
    ("人员", 30),
    ("服务", 30),
    ("状态", 8),
    ("原因", 16),
    ("编号", 18),
)
"""Title and width (characters) of each column."""

PROGRESS_ROWS: Final = 1000

_STATUS: Final = {VisitStatus.PLANNED: "", VisitStatus.MOVED: "改期", VisitStatus.SUBSTITUTED: "替换"}


def _row(entries: Entries, entry: Entry) -> tuple[object, ...]:
    visit, plan = entry.visit, entries.plan
    point = plan.points[visit.point_id]
    return (
        visit.date,
        WEEKDAYS[visit.date.weekday()],
        visit.vehicle_id,
        plan.vehicles[visit.vehicle_id].plate,
        visit.start,
        visit.end,
        visit.point_id,
        visit.point_name,
        visit.village,
        point.township,
        "、".join(crew_names(plan, visit)),
        services(plan, visit),
        "取消" if entry.is_gone else _STATUS[visit.status],
        entry.change.reason if entry.change else "",
        visit.visit_id,
    )


def _cell(sheet: Any, value: object) -> object:
    """Text never becomes a formula, and has no sign that a workbook may not hold."""
    if not isinstance(value, str):
        return value
    text = plain(value)
    if not text.startswith("="):
        return text or None
    cell = WriteOnlyCell(sheet, text)
    cell.data_type = "s"
    return cell


def _sheet(book: Workbook, title: str, rows: int) -> Any:
    sheet = book.create_sheet(title)
    for number, (_, width) in enumerate(COLUMNS):
        sheet.column_dimensions[chr(ord("A") + number)].width = width
    sheet.freeze_panes = "A2"
    sheet.auto_filter.ref = f"A1:{chr(ord('A') + len(COLUMNS) - 1)}{rows + 1}"
    header = [WriteOnlyCell(sheet, name) for name, _ in COLUMNS]
    for cell in header:
        cell.font = Font(bold=True)
    sheet.append(header)
    return sheet


def visits_workbook(entries: Entries, progress: Callable[[int, int], None]) -> bytes:
    """The visits by date, vehicle and start on one sheet, the cancelled ones on a second, one row each.

    Args:
        entries: the plan on its days.
        progress: told the rows written and the rows in all, every `PROGRESS_ROWS` and at the end.
    """
    listed = sorted(entries.of(lambda _: True), key=lambda entry: (entry.visit.date, entry.visit.vehicle_id))
    book = Workbook(write_only=True)
    done = 0
    for title, is_gone in (("巡诊", False), ("取消", True)):
        rows = [entry for entry in listed if entry.is_gone is is_gone]
        sheet = _sheet(book, title, len(rows))
        for entry in rows:
            sheet.append([_cell(sheet, value) for value in _row(entries, entry)])
            done += 1
            if done % PROGRESS_ROWS == 0:
                progress(done, len(listed))
    file = io.BytesIO()
    book.save(file)
    progress(len(listed), len(listed))
    return file.getvalue()


def files(request: Request) -> Files:
    """One workbook, its progress told."""
    content = visits_workbook(request.own, lambda done, whole: request.tell(f"{done} / {whole}"))
    yield f"schedule{request.whose}-{request.label}.xlsx", content
