"""The `clinic sync` group: where everything stands on its way to the hospital."""

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from clinic_records.errors import NotFound
from vehicle_agent.control import ask_raw
from vehicle_agent.explain import Journey
from vehicle_agent.status import AgentStatus
from vehicle_agent.store.folder import VehicleFolder

app = typer.Typer(no_args_is_help=True)

INCOMPLETE = 4
"""Exit code where something waits and `--require-complete` was given."""

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The vehicle's folder; its agent must run.")]
AsJson = Annotated[bool, typer.Option("--json", help="Data as JSON on stdout.")]


@app.callback()
def sync() -> None:
    """What waits, what the hospital has received, and how one thing travelled."""


@app.command()
def status(
    folder: Folder,
    as_json: AsJson = False,
    require_complete: Annotated[
        bool, typer.Option("--require-complete", help="Exit 4 if anything waits or may.")
    ] = False,
) -> None:
    """Counts of each lane; "received" only where the hospital signed for it."""
    found = msgspec.json.decode(ask_raw(VehicleFolder(folder).agent_socket, "status"), type=AgentStatus)
    if as_json:
        body = {**msgspec.to_builtins(found.sync), "inbox": found.inbox, "waits": found.waits, "open": found.is_open}
        typer.echo(msgspec.json.format(msgspec.json.encode(body), indent=2).decode())
    else:
        for name, lane in (*found.sync.lanes.items(), ("total", found.sync.total)):
            typer.echo(
                f"{name:6} queued {lane.queued}  sending {lane.sending}  received {lane.received}  held {lane.held}"
                f"  refused {lane.refused}"
            )
        typer.echo(f"link {found.sync.link}  inbox {found.inbox}  {found.sync.alarm}".rstrip())
    if require_complete and (found.waits or not found.sync.is_whole):
        raise typer.Exit(INCOMPLETE)


@app.command()
def explain(
    folder: Folder,
    thing: Annotated[str, typer.Argument(metavar="ID", help="A record's id or a blob's SHA-256.")],
    as_json: AsJson = False,
) -> None:
    """Every version of one thing: its number, lane, state, and the envelope it travels in."""
    raw = ask_raw(VehicleFolder(folder).agent_socket, "explain", {"thing": thing})
    journeys = msgspec.json.decode(raw, type=list[Journey])
    if not journeys:
        raise NotFound(f"{thing}: nothing of this id was made on this vehicle")
    if as_json:
        typer.echo(msgspec.json.format(raw, indent=2).decode())
        return
    for step in journeys:
        typer.echo(
            f"{step.kind} revision {step.revision}  seq {step.incarnation}/{step.seq}  lane {step.lane}"
            f"  {step.state}  {step.size} bytes\n  sha256 {step.sha256}"
            f"\n  wire   {step.wire_sha256 or 'not sealed yet'}"
        )
