"""The `clinic device` group: which devices are known, whether their drivers work, what one says on its line."""

import sys
from datetime import datetime
from threading import Event
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from clinic_records.clock import CHINA, SystemClock
from clinic_records.errors import BadFrame, DeviceUnavailable
from commands.device_decode import decode_command
from commands.device_scaffold import scaffold_command
from commands.device_simulate import app as simulate
from devices.catalog import catalog
from devices.check import check_row
from devices.framing.base import Frame
from devices.pump import pump
from devices.registry import make_driver
from devices.transports.open import open_transport
from devices.transports.serial_identity import ports_now

app = typer.Typer(no_args_is_help=True)
app.add_typer(simulate, name="simulate")
app.command("decode")(decode_command)
app.command("scaffold")(scaffold_command)

AsJson = Annotated[bool, typer.Option("--json", help="Data as JSON on stdout.")]


@app.callback()
def device() -> None:
    """The vehicle's medical devices."""


def _print_json(data: Any) -> None:
    typer.echo(msgspec.json.format(msgspec.json.encode(data), indent=1).decode())


@app.command("list")
def list_command(*, as_json: AsJson = False) -> None:
    """The catalog of device types."""
    rows = list(catalog().values())
    if as_json:
        _print_json(rows)
        return
    table = Table("type", "key", "名称", "name", "transport", "driver", "status")
    for row in rows:
        table.add_row(str(row.type), row.key, row.name_zh, row.name_en, row.transport, row.driver, row.status)
    Console(width=None if sys.stdout.isatty() else 160).print(table)


@app.command()
def check(*, as_json: AsJson = False) -> None:
    """Load the driver of every row and see that it keeps its contract; exit 1 where one does not."""
    found = {key: check_row(row) for key, row in catalog().items()}
    if as_json:
        _print_json(found)
    else:
        for key, wrong in found.items():
            typer.echo(f"{key}: {'; '.join(wrong) or 'ok'}")
    if any(found.values()):
        raise typer.Exit(1)


@app.command()
def ports(*, as_json: AsJson = False) -> None:
    """The serial ports of this computer, as `url` of a vehicle's settings names them."""
    found = ports_now()
    if as_json:
        _print_json([{"url": port.url, "path": port.path, "text": port.text} for port in found])
        return
    for port in found:
        typer.echo(f"{port.url}  {port.path}  {port.text}")
    if not found:
        typer.echo("no serial port is there: is the adapter plugged in?", err=True)


@app.command()
def listen(
    *,
    transport: Annotated[str, typer.Option(help="serial:/dev/..., tcp:host:port or replay:file.")],
    driver: Annotated[str, typer.Option(help="Driver name, as `clinic device list` shows it.")],
    count: Annotated[int, typer.Option(help="Stop after so many frames; 0 goes on.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Print what a device says on its line. Nothing is kept: the device is told yes all the same."""
    stop = Event()
    seen = 0

    def show(item: Frame | BadFrame) -> None:
        nonlocal seen
        seen += 1
        typer.echo(_line(item, SystemClock().now(), as_json=as_json))
        if count and seen >= count:
            stop.set()

    wire = open_transport(transport)
    try:
        pump(wire, make_driver(driver, SystemClock().now), show, stop)
    except DeviceUnavailable as error:
        if not transport.startswith("replay:"):
            raise
        typer.echo(str(error), err=True)
    except KeyboardInterrupt:
        typer.echo("", err=True)
    finally:
        wire.close()


def _line(item: Frame | BadFrame, at: datetime, *, as_json: bool) -> str:
    fault = str(item) if isinstance(item, BadFrame) else ""
    media_type = "" if isinstance(item, BadFrame) else item.media_type
    if as_json:
        line = {"at": at, "media_type": media_type, "size": len(item.raw), "fault": fault, "raw": item.raw}
        return msgspec.json.encode(line).decode()
    return f"{at.astimezone(CHINA):%H:%M:%S} {fault or media_type} {len(item.raw)} B {item.raw[:16].hex(' ')}"
