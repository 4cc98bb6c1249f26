"""`clinic schedule export PATH`: the plan for calendars, spreadsheets, route planners, telephones and the wall."""

import re
from datetime import date
from pathlib import Path
from typing import Annotated, Final

import typer

from clinic_records.clock import CHINA, SystemClock
from clinic_records.errors import RefusedInput
from schedules.draft import check_files, month_days, year_days
from schedules.exports.entries import entries
from schedules.exports.request import FORMATS, Request, files
from schedules.exports.site import DOMAIN
from schedules.exports.subjects import Kind, Subject, chosen
from schedules.exports.words import file_names
from schedules.findings import has_errors
from schedules.model import Plan

_NAME: Final = "流动医院"
_SITE: Final = "clinic.example"


def export(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="Workbook (.xlsx) or folder of CSV files.")],
    format_: Annotated[str, typer.Option("--format", metavar="FORMAT", help=f"One of {', '.join(FORMATS)}.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the files; made if need be.")] = Path(),
    month: Annotated[str, typer.Option(metavar="YYYY-MM", help="Only this month; else all days of the rules.")] = "",
    year: Annotated[int | None, typer.Option(min=1990, max=2099, help="Only this year.")] = None,
    vehicle: Annotated[str, typer.Option(metavar="V01", help="Only this vehicle.")] = "",
    point: Annotated[str, typer.Option(metavar="P001", help="Only this clinic point.")] = "",
    person: Annotated[str, typer.Option(metavar="S001", help="Only this person.")] = "",
    hospital: Annotated[
        Path | None, typer.Option("--hospital", metavar="DIR", help="Take name and domain of this hospital.")
    ] = None,
    name: Annotated[str, typer.Option("--name", help="The hospital's name on notices and feeds.")] = "",
    site: Annotated[str, typer.Option(help="The hospital's domain; keep it the same.")] = "",
) -> None:
    """Write the plan as ics, xlsx, gtfs, sms or poster files; a plan with errors is refused (exit code 3)."""
    own_name, own_site = _own(hospital) if hospital else (_NAME, _SITE)
    name, site = name or own_name, site or own_site
    if not re.fullmatch(DOMAIN, site):
        raise RefusedInput(f'"{site}" is not a domain; write it as clinic.example.cn')
    now = SystemClock().now().astimezone(CHINA)
    days = month_days(month) if month else year_days(year) if year else None
    _, checked, first, last = check_files(path, days, now.date())
    if has_errors(checked.findings):
        raise RefusedInput(
            f"{path} has errors from {first} to {last}; see them with clinic schedule check, correct them"
        )
    request = Request(
        entries(checked.plan, checked.visits, first, last),
        _subject(checked.plan, {Kind.VEHICLE: vehicle, Kind.POINT: point, Kind.PERSON: person}),
        site,
        name,
        now,
        lambda line: typer.echo(line, err=True),
    )
    _write(format_, request, out, first, last)


def _own(directory: Path) -> tuple[str, str]:
    """Name and domain of a hospital, as its pages use them."""
    from cloud_hospital.settings import HospitalSettings, folder_of  # noqa: PLC0415 - export itself needs no hospital

    settings = HospitalSettings.load(folder_of(directory))
    return settings.name, settings.calendar_site


def _subject(plan: Plan, wanted: dict[Kind, str]) -> Subject | None:
    asked = [(kind, id_) for kind, id_ in wanted.items() if id_]
    if len(asked) > 1:
        raise RefusedInput("say one of --vehicle, --point and --person")
    return chosen(plan, *asked[0]) if asked else None


def _write(format_: str, request: Request, out: Path, first: date, last: date) -> None:
    made = dict(files(format_, request))
    names = file_names(made)
    if out.exists() and not out.is_dir():
        raise RefusedInput(f"{out} is a file; give a folder")
    out.mkdir(parents=True, exist_ok=True)
    for name, content in made.items():
        path = out / names[name]
        path.write_bytes(content)
        typer.echo(f"{path}")
    typer.echo(f"{first} to {last}: {len(request.own.present)} visits, {len(made)} file(s)", err=True)
