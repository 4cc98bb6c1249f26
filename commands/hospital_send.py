"""What the hospital sends to its vehicles, as commands of `clinic hospital`."""

import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from clinic_records.clock import CHINA
from clinic_records.consult import RecallLevel
from clinic_records.errors import AccessError, Hint, RefusedInput
from clinic_records.people import Author, Role
from cloud_hospital.downlinks.lists import Loaded, load_formulary, load_prices
from cloud_hospital.downlinks.opinions import answer as answer_case
from cloud_hospital.downlinks.opinions import recall_person
from cloud_hospital.downlinks.opinions import retract as take_back
from cloud_hospital.downlinks.preload import preload as preload_vehicle
from cloud_hospital.downlinks.prescriptions import prescribe as make_prescription
from cloud_hospital.downlinks.prescriptions import read_lines
from cloud_hospital.downlinks.rights import RightView, move_right, redeem, right_of
from cloud_hospital.hospital import Hospital, open_hospital
from cloud_hospital.users import active_user
from commands.hospital_folder import Directory

app = typer.Typer(no_args_is_help=True)
right = typer.Typer(no_args_is_help=True, help="Who alone may dispense a prescription.")
formulary = typer.Typer(no_args_is_help=True, help="What may be prescribed on the vehicles.")
prices = typer.Typer(no_args_is_help=True, help="What it costs.")
app.add_typer(right, name="right")
app.add_typer(formulary, name="formulary")
app.add_typer(prices, name="prices")

Table = Annotated[Path, typer.Argument(metavar="FILE.csv", help="The table; row 1 names the columns.")]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]
By = Annotated[str, typer.Option("--by", metavar="STAFF", help="Who says so: a doctor's or specialist's account.")]
CaseId = Annotated[str, typer.Argument(metavar="ENCOUNTER", help="The encounter's id.")]
RxId = Annotated[str, typer.Argument(metavar="RX", help="The prescription's id.")]
Text = Annotated[str, typer.Option(help="What to say.")]
Reason = Annotated[str, typer.Option(help="Why; the nurse reads it.")]

_DOCTORS = frozenset({Role.DOCTOR, Role.SPECIALIST})


@formulary.command("load")
def formulary_load(directory: Directory, table: Table, as_json: AsJson = False) -> None:
    """Replace the formulary: code, name, strength, unit, ingredients (separated by ';')."""
    with open_hospital(directory) as opened:
        _loaded("formulary", load_formulary(opened, table), as_json=as_json)


@prices.command("load")
def prices_load(
    directory: Directory,
    table: Table,
    effective_from: Annotated[
        datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="The first day; today where not given.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Replace the prices: code, price_yuan."""
    with open_hospital(directory) as opened:
        first = (effective_from or opened.now().astimezone(CHINA)).date()
        _loaded("prices", load_prices(opened, table, first), as_json=as_json)


@app.command()
def answer(
    directory: Directory,
    case: CaseId,
    text: Text,
    by: By,
    recall: Annotated[RecallLevel, typer.Option(help="Whether the person must come back, and how soon.")] = (
        RecallLevel.NONE
    ),
    as_json: AsJson = False,
) -> None:
    """Answer a case; the vehicle shows it until somebody there has seen it."""
    with open_hospital(directory) as opened:
        _told(answer_case(opened, case, text, _doctor(opened, by), recall), as_json=as_json)


@app.command()
def recall(
    directory: Directory,
    case: CaseId,
    level: Annotated[RecallLevel, typer.Option(help="How soon.")],
    reason: Reason,
    by: By,
    as_json: AsJson = False,
) -> None:
    """Have the person of an encounter found; nothing overtakes it on the way."""
    with open_hospital(directory) as opened:
        _told(recall_person(opened, case, level, reason, _doctor(opened, by)), as_json=as_json)


@app.command()
def retract(
    directory: Directory,
    thing: Annotated[str, typer.Argument(metavar="ID", help="Of an answer, a recall or a prescription.")],
    reason: Reason,
    by: By,
    as_json: AsJson = False,
) -> None:
    """Take it back on every vehicle it was sent to, whether it has come there or not."""
    with open_hospital(directory) as opened:
        _told(take_back(opened, thing, reason, _doctor(opened, by)), as_json=as_json)


@app.command()
def prescribe(
    directory: Directory,
    case: CaseId,
    table: Table,
    by: By,
    days: Annotated[int, typer.Option(help="Days it is valid, today being the first; at most 3.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Make a prescription of a table code, units, usage; the encounter's vehicle may dispense it."""
    with open_hospital(directory) as opened:
        made = make_prescription(opened, case, read_lines(opened, table), _doctor(opened, by), days)
        _told(made, as_json=as_json)


@right.command("show")
def right_show(directory: Directory, rx: RxId, as_json: AsJson = False) -> None:
    """Who holds the right now."""
    with open_hospital(directory) as opened:
        _right(right_of(opened, rx), as_json=as_json)


@right.command("move")
def right_move(
    directory: Directory,
    rx: RxId,
    to: Annotated[str, typer.Option(help="A vehicle's id, or `pharmacy` for a code any pharmacy can redeem.")],
    as_json: AsJson = False,
) -> None:
    """Let another have it; a vehicle that holds it is asked to give it back first."""
    with open_hospital(directory) as opened:
        _right(move_right(opened, rx, to), as_json=as_json)


@right.command("redeem")
def right_redeem(
    directory: Directory,
    rx: RxId,
    code: Annotated[str, typer.Option(help="The code the pharmacy was shown.")],
    as_json: AsJson = False,
) -> None:
    """A pharmacy dispenses: the code counts once."""
    with open_hospital(directory) as opened:
        _right(redeem(opened, rx, code), as_json=as_json)


@app.command()
def preload(
    directory: Directory,
    vehicle: Annotated[str, typer.Argument(metavar="VEHICLE", help="For example V01.")],
    month: Annotated[str, typer.Option(help="Like 2026-12.")],
    as_json: AsJson = False,
) -> None:
    """Queue the people of the month's villages for a vehicle at the depot, first stop first; may be run again."""
    with open_hospital(directory) as opened:
        done = preload_vehicle(opened, vehicle, month)
    if as_json:
        print(msgspec.json.encode(done).decode())
        return
    for each in done.villages:
        print(f"{each.first_stop}  {each.village}  {each.people} people  {each.queued} of {each.parts} parts queued")
    print(f"{done.dropped} stale parts taken out of the queue", file=sys.stderr)


def _doctor(hospital: Hospital, staff: str) -> Author:
    user = active_user(hospital, staff)
    if user is None:
        raise RefusedInput(
            f"{staff}: no such account, or it is disabled",
            hint=Hint("先用 clinic hospital user add 建账号。", "Open an account first: clinic hospital user add."),
        )
    if user.role not in _DOCTORS:
        raise AccessError(f"{staff} is a {user.role}; a doctor or a specialist must say so")
    return user.author


def _loaded(what: str, done: Loaded, *, as_json: bool) -> None:
    if as_json:
        print(msgspec.json.encode(done).decode())
    else:
        print(f"{what}: {done.rows} rows, revision {done.revision}, queued for {done.vehicles} vehicles")


def _told(thing: msgspec.Struct, *, as_json: bool) -> None:
    """The whole message as JSON, else its id: what `retract` and `right` ask for."""
    data = msgspec.json.encode(thing)
    print(data.decode() if as_json else msgspec.json.decode(data)["id"])


def _right(view: RightView, *, as_json: bool) -> None:
    if as_json:
        print(msgspec.json.encode(view).decode())
        return
    wanted = f", wanted by {view.wanted}" if view.wanted else ""
    code = f", code {view.code}" if view.code else ""
    until = view.until.astimezone(CHINA).strftime("%Y-%m-%d %H:%M")
    print(f"token {view.token} {view.state} by {view.holder} until {until}{wanted}{code}")
