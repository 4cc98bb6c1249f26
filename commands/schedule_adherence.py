"""`clinic schedule adherence PATH --actuals FILE --month 2026-03`: how the plan was kept."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from clinic_records.clock import CHINA, SystemClock
from schedules.adherence.checkins import read_checkins
from schedules.adherence.match import MAKE_UP_WITHIN
from schedules.adherence.report import Report, Tally, adherence
from schedules.draft import check_files, month_days
from schedules.findings import Finding, Severity

REFUSED = 3
"""Exit code where rows were left out: the report does not hold all."""


def adherence_command(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="Workbook (.xlsx) or folder of CSV files.")],
    actuals: Annotated[Path, typer.Option(metavar="FILE", help="CSV of check-ins.")],
    month: Annotated[str, typer.Option(metavar="YYYY-MM", help="The month to tell about.")],
    as_json: Annotated[bool, typer.Option("--json", help="Data as JSON on stdout.")] = False,
) -> None:
    """Tell how many visits of a month were on time, early, late, missed and made up, and for whom."""
    first, last = month_days(month)
    now = SystemClock().now().astimezone(CHINA)
    checked = check_files(path, (first, last + MAKE_UP_WITHIN), now.date()).checked
    checkins, found = read_checkins(actuals, checked.plan)
    report = adherence(checked.plan, checkins, first, last, now)
    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(report), indent=1).decode())
    else:
        _print(report)
    wrong = [one for one in (*checked.findings, *found) if one.severity is Severity.ERROR]
    if wrong:
        _print_left_out(wrong)
        raise typer.Exit(REFUSED)


def _print_left_out(wrong: Iterable[Finding]) -> None:
    typer.echo("有错误的行没有算进去： Rows with errors are not in the report:", err=True)
    for one in wrong:
        words = (one.code, one.file, one.sheet, f"row {one.row}" if one.row else "", one.column)
        typer.echo(f"{' '.join(word for word in words if word)}: {one.message_zh}\n        {one.message}", err=True)


def _print(report: Report) -> None:
    percent = "-" if report.on_time_pct is None else f"{report.on_time_pct} %"
    typer.echo(f"{report.month} 计划 planned {report.planned}, 准时 on time {report.on_time} ({percent})")
    typer.echo(
        f"迟到 late {report.late}, 提前 early {report.early}, 缺 missed {report.missed}"
        f"（补 made up {report.made_up}）, 未到期 open {report.open}"
    )
    km = "-" if report.km is None else f"{report.km}"
    typer.echo(
        f"服务人次 people {report.people}, 服务点 points {report.points_served}, 行政村 villages "
        f"{report.villages_served}, 公里 km {km}"
    )
    typer.echo(
        f"重复签到 repeated check-ins {report.duplicate_checkins}, 计划外 unplanned {report.unplanned_stops}, "
        f"他车代 other vehicle {report.other_vehicle}, 位置不符 far from point {report.far_from_point}"
    )
    for reason, count in report.changes_by_reason.items():
        typer.echo(f"调整 change {reason}: {count}")
    for title, tallies in (("县 county", report.by_county), ("车辆 vehicle", report.by_vehicle)):
        for name, tally in tallies.items():
            typer.echo(f"{title} {name}: {_line(tally)}")
    for one in report.missed_visits:
        later = f"补 made up {one.made_up_on}" if one.made_up_on else "没有补 not made up"
        typer.echo(f"缺 missed {one.day} {one.vehicle_id} {one.point_id} {one.point_name} {one.visit_id}: {later}")


def _line(tally: Tally) -> str:
    km = "" if tally.km is None else f", {tally.km} km"
    return (
        f"{tally.planned} planned, {tally.on_time} on time, {tally.late} late, {tally.early} early, "
        f"{tally.missed} missed ({tally.made_up} made up), {tally.people} people{km}"
    )
