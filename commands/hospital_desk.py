"""`clinic hospital explain` and `clinic hospital held`: one thing's life, and decisions about what was set aside."""

import shutil
import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from clinic_records.errors import AccessError
from clinic_records.people import Author
from cloud_hospital.explain import explain, in_words
from cloud_hospital.held import held_bytes, leave_aside, list_held, release
from cloud_hospital.hospital import Hospital, open_hospital
from cloud_hospital.users import active_user
from commands.hospital_folder import Directory

held = typer.Typer(no_args_is_help=True)

Number = Annotated[int, typer.Argument(metavar="N", help="Its number, as `list` says.")]
Staff = Annotated[str, typer.Option(metavar="ID", help="Who decides: a person of this hospital.")]
Note = Annotated[str, typer.Option(help="What was found, and why.")]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]


def explain_thing(
    directory: Directory,
    thing: Annotated[str, typer.Argument(metavar="ID", help="A record's id, a blob's SHA-256 or an envelope's.")],
    as_json: AsJson = False,
    lang: Annotated[str, typer.Option(help="zh or en.")] = "zh",
) -> None:
    """The whole life of one thing as this hospital knows it."""
    with open_hospital(directory) as opened:
        steps = explain(opened, thing)
    print(msgspec.json.encode(steps).decode() if as_json else in_words(steps, lang))


@held.callback()
def held_group() -> None:
    """What was set aside and waits for a named person."""


@held.command("list")
def list_(
    directory: Directory,
    as_json: AsJson = False,
    every: Annotated[bool, typer.Option("--all", help="Those that were decided, too.")] = False,
) -> None:
    """What was set aside, newest first."""
    with open_hospital(directory) as opened:
        found = list_held(opened, only_open=not every)
    if as_json:
        print(msgspec.json.encode(found).decode())
        return
    for one in found:
        state = one.decision or ("can be released" if one.can_release else "to look at")
        print(f"{one.n}  {one.received_at}  {one.vehicle}  {one.reason}  {state}  {one.detail}")


@held.command()
def raw(directory: Directory, number: Number, out: Annotated[Path, typer.Option(help="Where they go.")]) -> None:
    """Copy the raw bytes to a file."""
    with open_hospital(directory) as opened:
        source = held_bytes(opened, number)
        out.touch(mode=0o600)
        shutil.copyfile(source, out)
    print(out)


@held.command("release")
def release_one(directory: Directory, number: Number, staff: Staff, note: Note) -> None:
    """Take it all the same; its vehicle gets the new receipt."""
    with open_hospital(directory) as opened:
        receipt = release(opened, number, person_of(opened, staff), note)
    print(f"{number}: {receipt.verdict}", file=sys.stderr)


@held.command("leave")
def leave_one(directory: Directory, number: Number, staff: Staff, note: Note) -> None:
    """Leave it aside for good; the raw bytes stay."""
    with open_hospital(directory) as opened:
        leave_aside(opened, number, person_of(opened, staff), note)
    print(f"{number}: left aside", file=sys.stderr)


def person_of(hospital: Hospital, staff: str) -> Author:
    """Who decides.

    Raises:
        AccessError: nobody active has this id.
    """
    user = active_user(hospital, staff)
    if user is None:
        raise AccessError(f"{staff} is no active person of this hospital; see `clinic hospital user list`")
    return user.author
