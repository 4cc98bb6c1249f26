"""The `clinic sync` group: where everything stands on its way to the hospital."""

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from clinic_records.errors import NotFound
from commands.sync_quarantine import app as quarantine
from commands.sync_stick import bundle, instant, unbundle
from vehicle_agent.control import ask, ask_raw
from vehicle_agent.explain import Journey, in_words
from vehicle_agent.status import AgentStatus
from vehicle_agent.store.folder import VehicleFolder
from vehicle_agent.visits.views import LaneCounts

app = typer.Typer(no_args_is_help=True)
app.command()(bundle)
app.command()(unbundle)
app.add_typer(quarantine, name="quarantine")

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
    """Counts of each lane and the age of its oldest; "received" only where the hospital signed for it."""
    found = msgspec.json.decode(ask_raw(VehicleFolder(folder).agent_socket, "status"), type=AgentStatus)
    if as_json:
        body = {
            **msgspec.to_builtins(found.sync),
            "inbox": found.inbox,
            "quarantine": found.quarantine,
            "carried": found.carried,
            "keep_days": found.keep_days,
            "cleared": msgspec.to_builtins(found.cleared),
            "disk": msgspec.to_builtins(found.disk),
            "waits": found.waits,
            "open": found.is_open,
        }
        typer.echo(msgspec.json.format(msgspec.json.encode(body), indent=2).decode())
    else:
        for name, lane in (*found.sync.lanes.items(), ("total", found.sync.total)):
            typer.echo(_line(name, lane))
        for origin, (waiting, received) in found.carried.items():
            typer.echo(f"carried for {origin}: {waiting} wait, {received} received")
        cleared, disk = found.cleared, found.disk
        typer.echo(
            f"received stays {found.keep_days} days; cleared since start: {cleared.envelopes} envelopes,"
            f" {cleared.raw.blobs} raw files of {cleared.raw.bytes / 1e6:.1f} MB; disk {disk.free / 1e9:.1f} GB free"
        )
        typer.echo(f"link {found.sync.link}  inbox {found.inbox}  {found.sync.alarm}".rstrip())
    if require_complete and (found.waits or not found.sync.is_whole):
        raise typer.Exit(INCOMPLETE)


def _line(name: str, lane: LaneCounts) -> str:
    oldest = f"  oldest {lane.oldest_s / 60:.0f} min" if lane.oldest_s else ""
    return (
        f"{name:6} queued {lane.queued}  sending {lane.sending}  received {lane.received}  seen {lane.seen}"
        f"  held {lane.held}  refused {lane.refused}{oldest}"
    )


@app.command()
def resend(
    folder: Folder,
    since: Annotated[str, typer.Option(metavar="TIME", help="Everything sealed since then: 2026-11-20T08:30.")],
) -> None:
    """Offer again what was sealed since then and is still kept; the hospital takes nothing twice."""
    args = {"since": instant(since).isoformat()}
    count = ask(VehicleFolder(folder).agent_socket, "resend", args)
    typer.echo(f"{count} envelopes are offered again")


@app.command()
def explain(
    folder: Folder,
    thing: Annotated[str, typer.Argument(metavar="ID", help="A record's id, a blob's SHA-256 or an envelope's.")],
    as_json: AsJson = False,
    lang: Annotated[str, typer.Option(help="zh or en.")] = "zh",
) -> None:
    """The whole life of one thing: made, committed, sealed, sent, answered; if held or refused, why and what to do."""
    raw = ask_raw(VehicleFolder(folder).agent_socket, "explain", {"thing": thing})
    journeys = msgspec.json.decode(raw, type=list[Journey])
    if not journeys:
        raise NotFound(f"{thing}: nothing of this id was made on this vehicle")
    typer.echo(msgspec.json.format(raw, indent=2).decode() if as_json else in_words(journeys, lang))
