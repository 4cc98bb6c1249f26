"""`clinic hospital import`: what vehicles sent on USB sticks, and the answers that go back on them."""

import secrets
import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from cloud_hospital.bundle import import_volumes, write_answer
from cloud_hospital.hospital import open_hospital
from sync.bundle import volumes_in

INCOMPLETE = 4
"""Exit code where not everything on the stick could be taken, or not every answer found room there."""


def import_stick(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="The hospital's folder.")],
    places: Annotated[list[Path], typer.Argument(metavar="STICK...", help="Folders or *.mcb files on the stick.")],
    answer: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write receipts and what waits for the vehicles here.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Take the bundles on a stick; the same one again changes nothing. Exit 4 if not all of it could be taken."""
    with open_hospital(directory) as opened:
        found = import_volumes(opened, volumes_in(places))
        answers = [
            write_answer(opened, vehicle, wires, answer, secrets.token_hex(4))
            for vehicle, wires in found.answers.items()
            if answer is not None
        ]
    if as_json:
        print(msgspec.json.encode({"found": found, "answers": answers}).decode())
    else:
        verdicts = "  ".join(f"{verdict} {count}" for verdict, count in found.verdicts.items())
        print(f"{verdicts or 'nothing new'}  known {found.known}  settled {found.settled}  strange {found.strange}")
        for each in answers:
            print(f"{each.vehicle}: {each.receipts} receipts, {each.envelopes} envelopes: {', '.join(each.volumes)}")
    left = sum(each.left for each in answers)
    if left:
        print(f"{left} envelopes for vehicles are not on the stick: no room there, or damaged here", file=sys.stderr)
    for name in found.foreign:
        print(f"{name}: no bundle, left alone", file=sys.stderr)
    if not found.is_whole:
        print(
            f"torn files {found.torn}, damaged pieces {found.damaged}, incomplete envelopes {found.incomplete}:"
            " what was whole is taken, the rest is still on the vehicle",
            file=sys.stderr,
        )
    if left or not found.is_whole:
        raise typer.Exit(INCOMPLETE)
