"""`clinic sync bundle` and `unbundle`: by USB stick, with the device key alone, beside a running agent or not."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from clinic_records.clock import CHINA, SystemClock
from clinic_records.errors import ConfigError, Offline
from sync.bundle import volumes_in
from vehicle_agent.control import ask
from vehicle_agent.store.bundle import Stick
from vehicle_agent.store.folder import VehicleFolder
from vehicle_agent.store.keys import DeviceKeys
from vehicle_agent.store.pinning import load_pinned
from vehicle_agent.store.spool import Spool

INCOMPLETE = 4
"""Exit code where the stick was full, or not everything could be read."""

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The vehicle's folder.")]
AsJson = Annotated[bool, typer.Option("--json", help="Data as JSON on stdout.")]


def instant(text: str) -> datetime:
    """`--since`: an ISO 8601 date or time; without a zone it is China's.

    Raises:
        ConfigError: it is none.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"--since {text!r}: write it as 2026-11-20 or 2026-11-20T08:30") from None
    return found if found.tzinfo else found.replace(tzinfo=CHINA)


@contextmanager
def opened(folder: Path) -> Iterator[Stick]:
    """The vehicle's way by stick.

    Raises:
        ConfigError: it is no enrolled vehicle's folder.
    """
    place = VehicleFolder(folder)
    keys, hospital = DeviceKeys.load(place.device_key), load_pinned(place.hospital)
    spool = Spool(place.spool, keys=keys, hospital=hospital)
    try:
        yield Stick(spool, keys, hospital)
    finally:
        spool.close()


def bundle(
    folder: Folder,
    out: Annotated[Path, typer.Argument(metavar="STICK", help="A folder on the stick; made if need be.")],
    since: Annotated[
        str, typer.Option(metavar="TIME", help="Also what the hospital has of what was sealed since then.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Write everything that waits onto a stick, most urgent first; exit 4 if it was too small for all."""
    with opened(folder) as stick:
        written = stick.write(
            out, now=SystemClock().now(), name=secrets.token_hex(4), since=instant(since) if since else None
        )  # fmt: skip
    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(written), indent=2).decode())
    else:
        typer.echo(f"{written.envelopes} envelopes, {written.size} bytes, in {len(written.volumes)} files:")
        typer.echo("\n".join(written.volumes))
    _say_unsealed(folder)
    if written.left:
        typer.echo(f"the stick is full: {written.left} envelopes are not on it; nothing of them is lost", err=True)
    if written.unreadable:
        typer.echo(
            f"{written.unreadable} envelopes cannot be read from this vehicle's disk; call the maintainers", err=True
        )
    if written.left or written.unreadable:
        raise typer.Exit(INCOMPLETE)


def unbundle(
    folder: Folder,
    places: Annotated[list[Path], typer.Argument(metavar="STICK...", help="Folders or *.mcb files on the stick.")],
    as_json: AsJson = False,
) -> None:
    """Take what a stick brings: receipts, what the hospital sends, and other vehicles' envelopes to carry along."""
    with opened(folder) as stick:
        brought = stick.take(volumes_in(places))
    with suppress(Offline):
        ask(VehicleFolder(folder).agent_socket, "poke")
    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(brought), indent=2).decode())
    else:
        typer.echo(
            f"receipts {brought.receipts}  from the hospital {brought.down}  carried for others {brought.carried}"
            f"  known {brought.known}  stale {brought.stale}  strange {brought.strange}"
        )
    for name in brought.foreign:
        typer.echo(f"{name}: no file of ours, left alone", err=True)
    if not brought.is_whole:
        typer.echo(
            f"torn files {brought.torn}, damaged pieces {brought.damaged}, incomplete envelopes {brought.incomplete}:"
            " what was whole is taken; write the stick again for the rest",
            err=True,
        )
        raise typer.Exit(INCOMPLETE)


def _say_unsealed(folder: Path) -> None:
    """What cannot be on the stick because the store is locked, as far as a running agent can say."""
    with suppress(Offline):
        status = ask(VehicleFolder(folder).agent_socket, "status")
        if not status["sync"]["is_whole"]:
            typer.echo(
                "not everything is sealed yet: somebody must log in on the vehicle before the rest can travel", err=True
            )
