"""The `clinic vehicle` group: enrol, run, unlock and look at one vehicle."""

import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from clinic_records.errors import ConfigError
from clinic_records.people import Author, Role
from commands.vehicle_stopped import rejoin, rotate_keys
from vehicle_agent.control import ask, ask_raw
from vehicle_agent.setup import add_person, complete, request_enrolment
from vehicle_agent.status import AgentStatus
from vehicle_agent.store.folder import VehicleFolder

app = typer.Typer(no_args_is_help=True)
app.command("rotate-keys")(rotate_keys)
app.command("rejoin")(rejoin)

INCOMPLETE = 4
"""Exit code where something waits, or may for all that is known, and `--require-complete` was given."""

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The vehicle's folder.")]
Staff = Annotated[str, typer.Option(metavar="ID", help="Staff id, for example n001.")]
PinStdin = Annotated[bool, typer.Option("--pin-stdin", help="Read the PIN as one line from stdin.")]
AsJson = Annotated[bool, typer.Option("--json", help="Data as JSON on stdout.")]


@app.callback()
def vehicle() -> None:
    """One vehicle: its enrolment, its agent, its state."""


@app.command()
def init(
    folder: Folder,
    vehicle_id: Annotated[str, typer.Option("--vehicle", metavar="ID", help="First step: this vehicle's id.")] = "",
    enrolment: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Second step: the hospital's answer to the request.")
    ] = None,
    staff: Staff = "",
    name: Annotated[str, typer.Option(help="Name of that person.")] = "",
    role: Annotated[Role, typer.Option(help="What that person does.")] = Role.NURSE,
    pin_stdin: PinStdin = False,
) -> None:
    """Make a vehicle: first `--vehicle V01` writes the request, then `--enrolment FILE` with a first person ends it."""
    if bool(vehicle_id) == (enrolment is not None):
        raise ConfigError("give --vehicle ID for the first step, or --enrolment FILE for the second")
    if enrolment is None:
        path = request_enrolment(folder, vehicle_id)
        typer.echo(
            f"{path}\ncarry it to the hospital: clinic hospital enrol-vehicle HOSPITAL_DIR {path} --out ENROLMENT.json"
        )
        return
    if not (staff and name):
        raise ConfigError("the second step needs the first person: --staff ID --name NAME --role nurse --pin-stdin")
    pinned = complete(folder, enrolment, staff=staff, name=name, role=role, pin=_pin(pin_stdin=pin_stdin))
    typer.echo(f"vehicle {pinned.vehicle} belongs to hospital {pinned.hospital_name or pinned.hospital_id}")


@app.command()
def person(
    folder: Folder,
    staff: Staff,
    name: Annotated[str, typer.Option(help="Name of that person.")],
    by: Annotated[str, typer.Option(metavar="ID", help="Somebody who can log in here; gives the first PIN asked for.")],
    role: Annotated[Role, typer.Option(help="What that person does.")] = Role.NURSE,
    pin_stdin: Annotated[bool, typer.Option("--pin-stdin", help="Read both PINs from stdin, a line each.")] = False,
) -> None:
    """Give one more person a PIN, or somebody a new one; the agent must not run."""
    by_pin = _pin(pin_stdin=pin_stdin, whose=by)
    pin = _pin(pin_stdin=pin_stdin, whose=staff)
    added = add_person(folder, by=by, by_pin=by_pin, person=Author(staff, name, role), pin=pin)
    typer.echo(f"{added.staff} {added.name} ({added.role}) can log in on this vehicle")


@app.command()
def run(
    folder: Folder, unlock_staff: Annotated[str, typer.Option(metavar="ID")] = "", pin_stdin: PinStdin = False
) -> None:
    """Run the agent until it is told to stop; `--unlock-staff` logs one person in at once, for demonstrations."""
    from vehicle_agent.main import run_agent  # noqa: PLC0415  only this command needs the whole agent

    run_agent(folder, unlock_staff, _pin(pin_stdin=pin_stdin) if unlock_staff else "")


@app.command()
def unlock(folder: Folder, staff: Staff, pin_stdin: PinStdin = False) -> None:
    """Log a person in on the running agent."""
    args = {"staff": staff, "pin": _pin(pin_stdin=pin_stdin)}
    author = ask(VehicleFolder(folder).agent_socket, "login", args, timeout_s=120.0)
    typer.echo(f"open for {author['staff']}")


@app.command()
def status(
    folder: Folder,
    as_json: AsJson = False,
    require_complete: Annotated[
        bool, typer.Option("--require-complete", help="Exit 4 if anything waits or may.")
    ] = False,
) -> None:
    """What runs and what waits, of the running agent."""
    raw = ask_raw(VehicleFolder(folder).agent_socket, "status")
    found = msgspec.json.decode(raw, type=AgentStatus)
    typer.echo(msgspec.json.format(raw, indent=2).decode() if as_json else _in_words(found))
    if require_complete and (found.waits or not found.sync.is_whole):
        raise typer.Exit(INCOMPLETE)


@app.command()
def doctor(folder: Folder, as_json: AsJson = False) -> None:
    """Check the folder, its keys, its databases and what the agent needs; exit 1 if anything is wrong."""
    from vehicle_agent.doctor import examine  # noqa: PLC0415  it opens what the other commands do not need

    findings = examine(folder)
    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(findings), indent=2).decode())
    else:
        for finding in findings:
            typer.echo(f"{'ok  ' if finding.is_well else 'BAD '} {finding.what}: {finding.detail}")
            for hint in filter(None, (finding.zh, finding.en)):
                typer.echo(f"     {hint}")
    if not all(finding.is_well for finding in findings):
        raise typer.Exit(1)


def _pin(*, pin_stdin: bool, whose: str = "") -> str:
    if pin_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    return str(typer.prompt(f"PIN {whose}".rstrip(), hide_input=True))


def _in_words(found: AgentStatus) -> str:
    sync = found.sync
    lines = [
        f"{found.vehicle} -> {found.hospital}: {'open' if found.is_open else 'locked'}, link {sync.link}",
        f"pages {found.web_url}  DICOM port {found.dicom_port}  memory {found.resident_bytes / 2**20:.0f} MiB",
        f"inbox {found.inbox}  unbound {_known(found.unbound)}  quarantine {_known(found.quarantine)}",
        "lane    queued sending received held refused",
    ]
    lines += [
        f"{name:6} {lane.queued:7} {lane.sending:7} {lane.received:8} {lane.held:4} {lane.refused:7}"
        for name, lane in (*sync.lanes.items(), ("total", sync.total))
    ]
    lines += [f"device {view.device} {view.key}: {view.status} {view.detail_en}".rstrip() for view in found.devices]
    if not sync.is_whole:
        lines.append("counts are not whole: the store is locked or the inbox is not empty, more may wait")
    return "\n".join([*lines, *([sync.alarm] if sync.alarm else [])])


def _known(count: int | None) -> str:
    return "?" if count is None else str(count)
