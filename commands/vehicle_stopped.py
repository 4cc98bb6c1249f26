"""`clinic vehicle rotate-keys` and `rejoin`: what an operator starts with the agent stopped."""

from pathlib import Path
from typing import Annotated

import typer

from vehicle_agent import stopped

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The vehicle's folder.")]


def rotate_keys(folder: Folder) -> None:
    """Give the box new keys; the hospital follows at the next greeting. The agent must not run."""
    keys = stopped.rotate_keys(folder)
    typer.echo(f"key pair {len(keys.statements) + 1} of this box; old keys stay for what still comes sealed to them")


def rejoin(folder: Folder) -> None:
    """After the box was restored from a backup, before the agent starts: no number is used twice.

    The hospital is asked for a new incarnation at the next greeting; it raises an alarm for a person there.
    """
    state = stopped.rejoin(folder)
    typer.echo(f"this box counts in incarnation {state.incarnation} from now on; the hospital is asked to grant it")
