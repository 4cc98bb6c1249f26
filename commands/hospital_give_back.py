"""`clinic hospital give-back`: a person lets a restored vehicle have its own newer records again."""

import sys
from typing import Annotated

import typer

from cloud_hospital.downlinks.own_records import give_back
from cloud_hospital.hospital import open_hospital
from commands.hospital_desk import Staff, person_of
from commands.hospital_folder import Directory


def give_back_records(
    directory: Directory,
    vehicle: Annotated[str, typer.Argument(metavar="ID", help="The vehicle that was restored and asks.")],
    staff: Staff,
) -> None:
    """Let a restored vehicle have what it had sent after its backup; be sure first that the box is yours."""
    with open_hospital(directory) as opened:
        parts = give_back(opened, vehicle, person_of(opened, staff))
    print(f"{parts} parts wait for {vehicle}", file=sys.stderr)
