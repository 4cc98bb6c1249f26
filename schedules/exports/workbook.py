"""All dated visits as a workbook: a prefecture's year is 33,000 rows."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from clinic_records.schedule import VisitStatus
from schedules.exports.entries import Entries, Entry
from schedules.exports.request import Files, Request
from schedules.exports.sheet_file import Cell, Sheet, sheet_file
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


def _row(entries: Entries, entry: Entry) -> tuple[Cell, ...]:
    visit, plan = entry.visit, entries.plan
    point = plan.points[visit.point_id]
    return (
        visit.date,
        WEEKDAYS[visit.date.weekday()],
        plain(visit.vehicle_id),
        plain(plan.vehicles[visit.vehicle_id].plate),
        visit.start,
        visit.end,
        plain(visit.point_id),
        plain(visit.point_name),
        plain(visit.village),
        plain(point.township),
        "、".join(crew_names(plan, visit)),
        services(plan, visit),
        "取消" if entry.is_gone else _STATUS[visit.status],
        plain(entry.change.reason) if entry.change else "",
        plain(visit.visit_id),
    )


def visits_workbook(entries: Entries, progress: Callable[[int, int], None]) -> bytes:
    """The visits by date, vehicle and start on one sheet, the cancelled ones on a second, one row each.

    Args:
        entries: the plan on its days.
        progress: told the rows written and the rows in all, every `PROGRESS_ROWS` and at the end.
    """
    listed = sorted(entries.of(lambda _: True), key=lambda entry: (entry.visit.date, entry.visit.vehicle_id))
    present = [entry for entry in listed if not entry.is_gone]
    gone = [entry for entry in listed if entry.is_gone]

    def rows(of: Sequence[Entry], done: int) -> Iterator[tuple[Cell, ...]]:
        for number, entry in enumerate(of, start=done + 1):
            yield _row(entries, entry)
            if number % PROGRESS_ROWS == 0:
                progress(number, len(listed))

    content = sheet_file(
        [
            Sheet("巡诊", COLUMNS, len(present), rows(present, 0)),
            Sheet("取消", COLUMNS, len(gone), rows(gone, len(present))),
        ]
    )
    progress(len(listed), len(listed))
    return content


def files(request: Request) -> Files:
    """One workbook, its progress told."""
    content = visits_workbook(request.own, lambda done, whole: request.tell(f"{done} / {whole}"))
    yield f"schedule{request.whose}-{request.label}.xlsx", content
