"""`clinic schedule adherence`: how the plan was kept, from a file of check-ins or from the hospital's records."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from clinic_records.clock import CHINA, SystemClock
from clinic_records.errors import Hint, NotFound, RefusedInput
from schedules.adherence.checkins import read_checkins
from schedules.adherence.match import MAKE_UP_WITHIN
from schedules.adherence.report import Report, Tally, adherence
from schedules.draft import check_files, month_days
from schedules.findings import Finding, Severity

REFUSED = 3
"""Exit code where rows were left out: the report does not hold all."""


def adherence_command(
    path: Annotated[
        Path | None, typer.Argument(metavar="PATH", help="Workbook (.xlsx) or folder of CSV files.")
    ] = None,
    actuals: Annotated[Path | None, typer.Option(metavar="FILE", help="CSV of check-ins.")] = None,
    hospital: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The hospital's folder: its versions, its vehicles' records.")
    ] = None,
    month: Annotated[str, typer.Option(metavar="YYYY-MM", help="The month to tell about.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Data as JSON on stdout.")] = False,
) -> None:
    """Tell how many visits of a month were on time, early, late, missed and made up, and for whom.

    Either PATH with --actuals, or --hospital: what its vehicles recorded beside what it published.
    """
    if (path is None) != (actuals is None) or (path is None) == (hospital is None) or not month:
        raise RefusedInput(
            "give PATH with --actuals, or --hospital, and --month",
            hint=Hint("写 PATH 和 --actuals，或写 --hospital；再写 --month。", "PATH with --actuals, or --hospital."),
        )
    if hospital is not None:
        _tell(_of_records(hospital, month), as_json)
        return
    first, last = month_days(month)
    now = SystemClock().now().astimezone(CHINA)
    assert path is not None  # noqa: S101  the check above says so to the type checker
    assert actuals is not None  # noqa: S101
    checked = check_files(path, (first, last + MAKE_UP_WITHIN), now.date()).checked
    checkins, found = read_checkins(actuals, checked.plan)
    _tell(adherence(checked.plan, checkins, first, last, now), as_json)
    wrong = [one for one in (*checked.findings, *found) if one.severity is Severity.ERROR]
    if wrong:
        _print_left_out(wrong)
        raise typer.Exit(REFUSED)


def _of_records(folder: Path, month: str) -> Report:
    from cloud_hospital.adherence.month import month_report  # noqa: PLC0415 - a database; the other form needs none
    from cloud_hospital.hospital import open_hospital  # noqa: PLC0415

    if not folder.is_dir():
        raise NotFound(f"{folder}: no such folder; make it with clinic hospital init")
    with open_hospital(folder, SystemClock()) as opened:
        return month_report(opened, month)


def _tell(report: Report, as_json: bool) -> None:
    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(report), indent=1).decode())
    else:
        _print(report)


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
        why = f" ({one.why})" if one.why else ""
        typer.echo(f"缺 missed {one.day} {one.vehicle_id} {one.point_id} {one.point_name} {one.visit_id}: {later}{why}")


def _line(tally: Tally) -> str:
    km = "" if tally.km is None else f", {tally.km} km"
    return (
        f"{tally.planned} planned, {tally.on_time} on time, {tally.late} late, {tally.early} early, "
        f"{tally.missed} missed ({tally.made_up} made up), {tally.people} people{km}"
    )
