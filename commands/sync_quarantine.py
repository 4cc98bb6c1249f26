"""`clinic sync quarantine`: what the vehicle could not understand: list, raw bytes, look done, read again."""

import base64
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from vehicle_agent.control import ask, ask_raw
from vehicle_agent.store.folder import VehicleFolder
from vehicle_agent.visits.views import Quarantined

app = typer.Typer(no_args_is_help=True)

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The vehicle's folder; its agent must run, unlocked.")]
Task = Annotated[str, typer.Argument(metavar="TASK", help="Its number, as `list` says.")]
Staff = Annotated[str, typer.Option(metavar="ID", help="Who decides; logged in on this vehicle.")]


@app.callback()
def quarantine() -> None:
    """What could not be understood: kept raw with a reason, until a named person has looked."""


@app.command("list")
def list_(folder: Folder, as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False) -> None:
    """Open tasks, newest first."""
    raw = ask_raw(VehicleFolder(folder).agent_socket, "quarantine")
    if as_json:
        typer.echo(msgspec.json.format(raw, indent=2).decode())
        return
    for one in msgspec.json.decode(raw, type=list[Quarantined]):
        typer.echo(f"{one.id}  {one.at.isoformat()}  {one.device}  {one.reason}  {one.raw_sha256}")


@app.command()
def raw(
    folder: Folder,
    task: Task,
    out: Annotated[Path, typer.Option(help="Where the raw bytes go.")],
) -> None:
    """Write the raw bytes of a task to a file; larger ones are downloaded from the vehicle's page."""
    found = ask(VehicleFolder(folder).agent_socket, "quarantine_raw", {"task": task})
    out.touch(mode=0o600)
    out.write_bytes(base64.b64decode(found))
    typer.echo(f"{out}: {out.stat().st_size} bytes")


@app.command()
def close(
    folder: Folder,
    task: Task,
    staff: Staff,
    note: Annotated[str, typer.Option(help="What was found and done.")],
) -> None:
    """A person has looked; the raw bytes stay."""
    ask(VehicleFolder(folder).agent_socket, "quarantine_close", {"task": task, "note": note, "staff": staff})
    typer.echo(f"task {task} is done")


@app.command()
def retry(folder: Folder, task: Task, staff: Staff) -> None:
    """Read the raw bytes again, after the device's settings or the program were put right."""
    ask(VehicleFolder(folder).agent_socket, "quarantine_retry", {"task": task, "staff": staff})
    typer.echo(f"task {task} is read again; if it still cannot be understood it comes back as a new task")
