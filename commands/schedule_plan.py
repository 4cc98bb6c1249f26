"""`clinic schedule plan`: a week's template, make-up visits for holidays, a broken vehicle's visits to others."""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from clinic_records.clock import CHINA, SystemClock
from clinic_records.errors import Hint, RefusedInput
from schedules.draft import year_days
from schedules.expand import month_end
from schedules.findings import Severity
from schedules.load.source import read_tables
from schedules.load.typed import read_plan
from schedules.model import Plan
from schedules.planning.csv_rows import as_csv
from schedules.planning.template import plan_week, replaced
from schedules.repair.breakdown import replan
from schedules.repair.decide import accept_all
from schedules.repair.proposal import Repair
from schedules.repair.propose import propose

INCOMPLETE = 1
"""Exit code where a point found no place in the week."""

_TEMPLATE = frozenset({"rules.csv", "排班规则", "exceptions.csv", "调整"})
"""What a new template replaces: mistakes in there are none of its business."""

Source = Annotated[Path, typer.Argument(metavar="PATH", help="Workbook (.xlsx) or folder of CSV files.")]


def plan_command(
    path: Source,
    effective_from: Annotated[
        str, typer.Option("--from", metavar="YYYY-MM-DD", help="First day of the template; else of next month.")
    ] = "",
    seed: Annotated[int, typer.Option(help="The same seed gives the same plan.")] = 1,
    without: Annotated[
        list[str] | None, typer.Option(metavar="V03", help="A vehicle that is gone; repeatable.")
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Move as few points as possible off today's days.")] = False,
    repair: Annotated[
        int | None, typer.Option(metavar="YEAR", min=1990, max=2099, help="Make-up visits of a year instead.")
    ] = None,
    broken: Annotated[str, typer.Option(metavar="V03", help="A vehicle that is out from --first to --last.")] = "",
    first: Annotated[str, typer.Option(metavar="YYYY-MM-DD", help="First day it is out.")] = "",
    last: Annotated[str, typer.Option(metavar="YYYY-MM-DD", help="Last day it is out; else the first.")] = "",
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Write the changed tables there as CSV.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Data as JSON on stdout.")] = False,
) -> None:
    """Plan the week anew; or propose make-up visits (--repair), or who takes a broken vehicle's (--broken)."""
    if (repair is not None) and broken:
        raise RefusedInput("--repair and --broken are two tasks; do one after the other", hint=_ONE)
    if broken:
        plan, found = replan(_plan(path), broken, _day(first, "--first"), _day(last or first, "--last"))
        _tell_repair(plan, found, out, as_json=as_json)
    elif repair is not None:
        plan = _plan(path)
        _tell_repair(plan, propose(plan, *year_days(repair)), out, as_json=as_json)
    else:
        today = SystemClock().now().astimezone(CHINA).date()
        start = _day(effective_from, "--from") if effective_from else month_end(today) + timedelta(days=1)
        _week(_plan(path, _TEMPLATE if not keep else frozenset()), start, seed, without or [], keep, out, as_json)


def _day(text: str, option: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise RefusedInput(f'{option}: "{text}" is not a date; write it as 2026-11-23', hint=_DATE) from None


def _plan(path: Path, spared: Iterable[str] = ()) -> Plan:
    read = read_plan(read_tables(path))
    errors = [
        one for one in read.findings if one.severity is Severity.ERROR and not {one.file, one.sheet} & set(spared)
    ]
    if errors:
        first = errors[0]
        raise RefusedInput(
            f"{len(errors)} error(s), first {first.code} {first.file} {first.sheet} row {first.row}: {first.message}",
            hint=Hint("先用 clinic schedule check 改好。", "Run clinic schedule check and correct them first."),
        )
    return read.plan


def _week(plan: Plan, start: date, seed: int, without: list[str], keep: bool, out: Path | None, as_json: bool) -> None:
    made = plan_week(plan, start, seed=seed, without=without, is_kept=keep)
    _write(out, {"rules": as_csv("rules", replaced(plan, made).rules.values())})
    if as_json:
        _print_json({**made._asdict(), "unserved": [one._asdict() for one in made.unserved]})
    else:
        for rule in made.rules:
            when = f"{rule.start:%H:%M}-{rule.end:%H:%M}"
            typer.echo(
                f"{rule.pattern} {rule.vehicle_id} {when} {rule.point_id} {plan.points[rule.point_id].point_name}"
            )
        typer.echo(
            f"{len(made.rules)} points, {made.vehicle_days} of {made.vehicle_days_of} vehicle-days, "
            f"{made.drive_minutes} minutes driven a week, {len(made.moved)} points moved, from {start}"
        )
    for one in made.unserved:
        typer.echo(f"{one.code} {one.zh} {one.en}", err=True)
    if made.unserved:
        raise typer.Exit(INCOMPLETE)


def _tell_repair(plan: Plan, found: Repair, out: Path | None, *, as_json: bool) -> None:
    if out is not None:
        changed = accept_all(plan, found.changes)
        _write(out, {name: as_csv(name, getattr(changed, name).values()) for name in ("exceptions", "unavailable")})
    if as_json:
        shortfalls = [{**one._asdict(), "message": one.en, "message_zh": one.zh} for one in found.shortfalls]
        for one in shortfalls:
            one["reasons"] = [why._asdict() for why in one["reasons"]]
        _print_json({**found._asdict(), "changes": [one._asdict() for one in found.changes], "shortfalls": shortfalls})
        return
    for change in found.changes:
        words = [
            change.change_id,
            change.point_id,
            change.action.value,
            *[str(one) for one in (change.new_date, change.new_start, change.new_vehicle_id) if one],
            f"({change.reason})",
        ]
        typer.echo(" ".join(words))
    for short in found.shortfalls:
        typer.echo(f"{short.zh}\n        {short.en}")
    typer.echo(
        f"{len(found.changes)} changes; {found.full_after} of {found.point_months} point-months full "
        f"({found.full_after / max(found.point_months, 1):.1%}), before {found.full_before}"
    )


def _write(out: Path | None, texts: Mapping[str, str]) -> None:
    if out is None:
        return
    out.mkdir(parents=True, exist_ok=True)
    taken = [name for name in texts if (out / f"{name}.csv").exists()]
    if taken:
        raise RefusedInput(f"{out} holds {taken[0]}.csv already; nothing was written", hint=_FOLDER)
    for name, text in texts.items():
        (out / f"{name}.csv").write_text(text, encoding="utf-8-sig")


def _print_json(data: Any) -> None:
    typer.echo(msgspec.json.format(msgspec.json.encode(data), indent=1).decode())


_ONE = Hint("一次只做一件。", "One at a time.")
_DATE = Hint("日期写成 2026-11-23。", "Write the date as 2026-11-23.")
_FOLDER = Hint("换一个空文件夹。", "Give an empty folder.")
