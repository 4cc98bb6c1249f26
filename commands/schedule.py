"""The `clinic schedule` group: what the route coordinator does with the month's plan."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from clinic_records.clock import CHINA, SystemClock
from clinic_records.errors import NotFound, RefusedInput
from clinic_records.schedule import PublishedSchedule, Visit
from commands.schedule_adherence import adherence_command
from commands.schedule_export import export
from commands.schedule_plan import plan_command
from schedules.annotate import annotate
from schedules.diff import Kind
from schedules.draft import check_files, draft_changes, import_draft, month_days, year_days
from schedules.findings import Finding, Severity, has_errors
from schedules.folder import PlanFolder
from schedules.grouping import grouped
from schedules.publish import in_force
from schedules.template import write_template

app = typer.Typer(no_args_is_help=True)
app.command("plan")(plan_command)
app.command()(export)
app.command(name="adherence")(adherence_command)

REFUSED = 3
"""Exit code where the input has errors."""

Source = Annotated[Path, typer.Argument(metavar="PATH", help="Workbook, folder of CSV files, wall grid or dated list.")]
Hospital = Annotated[Path, typer.Option("--hospital", metavar="DIR", help="The hospital's folder.")]
Month = Annotated[str, typer.Option(metavar="YYYY-MM", help="Only this month; else all days of the rules.")]
AsJson = Annotated[bool, typer.Option("--json", help="Data as JSON on stdout.")]
Day = Annotated[str, typer.Option(metavar="YYYY-MM-DD", help="Only this day.")]


@app.callback()
def schedule() -> None:
    """Load the month's plan of visits, see its mistakes, publish it to the vehicles."""


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise RefusedInput(f'"{text}" is not a date; write it as 2026-11-23') from None


def _print_json(data: Any) -> None:
    typer.echo(msgspec.json.format(msgspec.json.encode(data), indent=1).decode())


def _print_findings(findings: Sequence[Finding]) -> None:
    for one in (each for group in grouped(findings) for each in (group.own, *group.following)):
        where = " ".join(
            word for word in (one.file, one.sheet, f"row {one.row}" if one.row else "", one.column) if word
        )
        mark = "  └ " if one.cause else ""
        typer.echo(f"{mark}{one.severity.upper():7} {one.code} {where}: {one.message_zh}\n        {one.message}")


def _summary(findings: Iterable[Finding]) -> str:
    severities = [one.severity for one in findings]
    return f"{severities.count(Severity.ERROR)} error(s), {severities.count(Severity.WARNING)} warning(s)"


def _days(month: str, year: int | None) -> tuple[date, date] | None:
    if month:
        return month_days(month)
    return year_days(year) if year else None


@app.command()
def check(
    path: Source,
    year: Annotated[int | None, typer.Option(min=1990, max=2099, help="Lay the rules out on this year.")] = None,
    month: Month = "",
    annotated: Annotated[
        Path | None, typer.Option("--annotate", metavar="OUT.xlsx", help="Write the workbook with comments.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List every mistake with its row and its remedy; exit code 3 where one is an error."""
    today = SystemClock().now().astimezone(CHINA).date()
    tables, checked, first, last = check_files(path, _days(month, year), today)
    if annotated is not None:
        count = annotate(path, tables, checked.findings, annotated)
        typer.echo(f"批注 {count} 格 cells commented: {annotated}", err=True)
    if as_json:
        _print_json(checked.findings)
    else:
        _print_findings(checked.findings)
        typer.echo(f"{first} to {last}: {len(checked.visits)} visits, {_summary(checked.findings)}")
    if has_errors(checked.findings):
        raise typer.Exit(REFUSED)


@app.command(name="import")
def import_(path: Source, hospital: Hospital, month: Month = "", as_json: AsJson = False) -> None:
    """Read a plan and keep it as the hospital's draft; exit code 3 where it has errors and cannot be published."""
    draft = import_draft(path, PlanFolder(_hospital(hospital)), _days(month, None), SystemClock().now())
    if as_json:
        _print_json(
            {
                "source": draft.source,
                "first": draft.first,
                "last": draft.last,
                "visits": len(draft.visits),
                "findings": draft.findings,
            }
        )
    else:
        _print_findings(draft.findings)
        typer.echo(f"草稿 draft: {draft.first} to {draft.last}, {len(draft.visits)} visits, {_summary(draft.findings)}")
    if has_errors(draft.findings):
        typer.echo("有错误，不能发布；改好后重新导入。 Correct the errors and import again.", err=True)
        raise typer.Exit(REFUSED)


@app.command()
def template(out: Annotated[Path, typer.Argument(metavar="OUT.xlsx", help="The file to write.")]) -> None:
    """Write an empty workbook to start from: all sheets, what each column wants, choices to pick."""
    if out.exists():
        raise RefusedInput(f"{out} exists already; give another name")
    write_template(out)
    typer.echo(f"模板 template: {out}")


@app.command()
def diff(hospital: Hospital, as_json: AsJson = False) -> None:
    """Print what the draft changes of what is in force on its days: new, gone and changed visits."""
    found = draft_changes(PlanFolder(_hospital(hospital)))
    if as_json:
        _print_json(found)
        return
    for change in found:
        for mark, visit in (("-", change.before), ("+", change.after)):
            if visit is not None:
                crew = ";".join(visit.staff_ids)
                typer.echo(
                    f"{mark} {visit.date} {visit.vehicle_id} {visit.start:%H:%M}-{visit.end:%H:%M} "
                    f"{visit.point_id} {visit.point_name} {crew} {visit.visit_id}"
                )
    counts = Counter(change.kind for change in found)
    typer.echo(f"新增 {counts[Kind.NEW]} 取消 {counts[Kind.GONE]} 改动 {counts[Kind.CHANGED]} new, gone, changed")


@app.command()
def publish(
    hospital: Hospital,
    effective_from: Annotated[str, typer.Option(metavar="YYYY-MM-DD", help="First day it holds; else today.")] = "",
    approved_by: Annotated[str, typer.Option(metavar="NAME", help="Who approved it; the version says so.")] = "",
    as_json: AsJson = False,
) -> None:
    """Make the draft the next version and queue for every vehicle what it has not got of all versions not yet over."""
    from cloud_hospital.hospital import open_hospital  # noqa: PLC0415 - a database; the other commands need none
    from cloud_hospital.schedule_desk.desk import ScheduleDesk  # noqa: PLC0415
    from cloud_hospital.vehicles import active_vehicles  # noqa: PLC0415

    with open_hospital(_hospital(hospital), SystemClock()) as opened:
        desk = ScheduleDesk(opened)
        before = desk.folder.numbers()
        version = desk.publish(None, None, approved_by, _day(effective_from))
        vehicles, is_over = active_vehicles(opened), version.last < desk.today()
    queued = 0 if is_over else len(vehicles)
    if version.version in before:
        typer.echo(
            f"第{version.version}版已是这样，没有新的版本。 Version {version.version} says so already.", err=True
        )
    if is_over:
        typer.echo(
            f"计划已于 {version.last} 结束，不再下发。 The plan ended on {version.last}; nothing is sent.", err=True
        )
    elif queued == 0:
        typer.echo("还没有车辆注册，注册时自动下发。 No vehicle is enrolled yet; each gets it when it is.", err=True)
    if as_json:
        _print_json({**_head(version), "visits": len(version.visits), "queued_vehicles": queued})
    else:
        typer.echo(
            f"已发布 published: version {version.version}, from {version.effective_from}, "
            f"{len(version.visits)} visits, queued for {queued} vehicle(s)\nsha256 {version.hash}"
        )


@app.command()
def show(
    hospital: Hospital,
    vehicle: Annotated[str, typer.Option(metavar="V01", help="Only this vehicle.")] = "",
    day: Day = "",
    draft: Annotated[bool, typer.Option("--draft", help="The draft instead of what is published.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print the visits of the version in force on a day, of the newest version, or of the draft."""
    folder = PlanFolder(_hospital(hospital))
    wanted = _day(day)
    head, visits = _draft(folder) if draft else _published(folder, wanted)
    chosen = [v for v in visits if vehicle in {"", v.vehicle_id} and wanted in {None, v.date}]
    if as_json:
        _print_json({**head, "visits": chosen})
        return
    typer.echo(" ".join(f"{name} {value}" for name, value in head.items()))
    for v in chosen:
        crew = ";".join(v.staff_ids)
        typer.echo(
            f"{v.date} {v.vehicle_id} {v.start:%H:%M}-{v.end:%H:%M} {v.point_id} {v.point_name} {crew} {v.visit_id}"
        )


def _hospital(directory: Path) -> Path:
    if not directory.is_dir():
        raise NotFound(f"{directory}: no such folder; make it with clinic hospital init")
    return directory


def _head(version: PublishedSchedule) -> dict[str, Any]:
    return {
        "version": version.version,
        "hash": version.hash,
        "effective_from": version.effective_from,
        "first": version.first,
        "last": version.last,
    }


def _draft(folder: PlanFolder) -> tuple[dict[str, Any], Iterable[Visit]]:
    found = folder.draft()
    head = {"draft": found.source, "first": found.first, "last": found.last, "imported_at": found.imported_at}
    return head, found.visits


def _published(folder: PlanFolder, day: date | None) -> tuple[dict[str, Any], Iterable[Visit]]:
    versions = folder.versions()
    if not versions:
        raise NotFound("nothing is published yet; clinic schedule show --draft prints the draft")
    version = versions[-1] if day is None else in_force(versions, day)
    if version is None:
        raise NotFound(f"no published version covers {day}")
    return _head(version), version.visits
