"""The `clinic hospital` group: one cloud hospital in one folder."""

import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from clinic_records.errors import ConfigError, Hint, RefusedInput
from cloud_hospital.downlink import queue_schedules
from cloud_hospital.feed.completeness import VehicleStatement
from cloud_hospital.hospital import init_hospital, open_hospital
from cloud_hospital.settings import BrokerKind, HospitalSettings, folder_of
from cloud_hospital.status import hospital_status
from cloud_hospital.vehicles import enrol, revoke
from commands.hospital_certificates import broker_files, certificates
from commands.hospital_desk import explain_thing, held
from commands.hospital_folder import Directory
from commands.hospital_give_back import give_back_records
from commands.hospital_keys import app as keys_app
from commands.hospital_send import app as send_app
from commands.hospital_stick import import_stick
from commands.hospital_tokens import app as tokens_app
from commands.hospital_users import app as users_app
from sync.enrolment import EnrolmentRequest, decode_request, encode

app = typer.Typer(no_args_is_help=True)
app.add_typer(users_app, name="user")
app.add_typer(tokens_app, name="token")
app.command()(certificates)
app.command("broker-files")(broker_files)
app.command("import")(import_stick)
app.command("explain")(explain_thing)
app.command("give-back")(give_back_records)
app.add_typer(held, name="held")
app.add_typer(keys_app, name="keys")
app.add_typer(send_app)


@app.callback()
def hospital() -> None:
    """The cloud hospital: broker, intake, pages and the bureau's interface."""


@app.command()
def init(
    directory: Directory,
    hospital_id: Annotated[str, typer.Option("--id", help="Its id: A-Z, 0-9, '-', '_'.")] = "H01",
    name: Annotated[str, typer.Option(help="Its name, as vehicles show it.")] = "云医院",
    web_port: Annotated[int, typer.Option(help="Port of pages and interface; 0 picks a free one.")] = 8090,
    broker_port: Annotated[int, typer.Option(help="Port of the broker; 0 picks a free one.")] = 1883,
    broker: Annotated[BrokerKind, typer.Option(help="Which broker `run` starts.")] = BrokerKind.EMBEDDED,
    advertise: Annotated[str, typer.Option(metavar="HOST", help="Where vehicles reach the broker.")] = "127.0.0.1",
    advertise_port: Annotated[int, typer.Option(help="The port there; 0: the broker's own.")] = 0,
    tls: Annotated[
        bool, typer.Option(help="Certificates for the broker and its clients; passwords without, in a private network.")
    ] = True,
    database_url: Annotated[str, typer.Option(help="postgresql+psycopg://...; empty: SQLite in DIR.")] = "",
) -> None:
    """Make a new hospital: settings, keys, epoch, database."""
    init_hospital(
        directory,
        HospitalSettings(
            id=hospital_id,
            name=name,
            web_port=web_port,
            broker_port=broker_port,
            broker=broker,
            broker_tls=tls,
            broker_advertised=advertise,
            broker_advertised_port=advertise_port,
            database_url=database_url,
        ),
    )
    print(f"hospital {hospital_id} made in {directory}", file=sys.stderr)


@app.command()
def run(directory: Directory) -> None:
    """Run broker, intake worker and web until stopped; what dies is started again."""
    from cloud_hospital.processes.run import run_hospital  # noqa: PLC0415  # only this command supervises

    run_hospital(directory)


@app.command()
def worker(
    directory: Directory,
    urgent: Annotated[bool, typer.Option("--urgent", help="For urgent lanes and greetings instead of bulk.")] = False,
    name: Annotated[str, typer.Option(help="a-z, 0-9; by default the machine's name.")] = "",
) -> None:
    """Run one more intake worker, here or on another machine; it shares with those `run` starts (workers >= 2)."""
    from cloud_hospital.intake.posts import extra_post  # noqa: PLC0415  # only this command needs the broker's client
    from cloud_hospital.intake.worker import run_worker  # noqa: PLC0415

    run_worker(directory, extra_post(HospitalSettings.load(folder_of(directory)), is_urgent=urgent, name=name).name)


@app.command()
def status(directory: Directory, as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False) -> None:
    """Processes, ports, counts and what every vehicle still owes."""
    with open_hospital(directory) as opened:
        found = hospital_status(opened)
    if as_json:
        print(msgspec.json.encode(found).decode())
        return
    print(f"{found.hospital} {found.name}  epoch {found.epoch}  running: {', '.join(found.pids) or 'nothing'}")
    print(f"entries {found.entries}  blobs {found.blobs}  quarantined {found.quarantined}  alarms {found.alarms}")
    for alarm in found.standing:
        print(f"ALARM {alarm.code}  {alarm.zh} · {alarm.en}")
    for each in found.vehicles:
        print(f"{each.vehicle}  last contact {each.last_contact or 'never'}  {_in_words(each)}")


def _in_words(said: VehicleStatement) -> str:
    """What of a vehicle is here and what is not; "complete" only where that is proved."""
    if said.is_complete:
        return "complete"
    counts = (
        (said.missing_seqs, "numbers missing"),
        (said.blobs_missing, "blobs missing"),
        (said.patients_missing, "patients missing"),
        (said.held, "held"),
    )
    told = [f"{count} {what}" for count, what in counts if count]
    if not said.is_day_closed:
        told.append("day not closed, so more may be out there")
    elif not told:
        told.append("the day's own figures do not agree with what came")
    return ", ".join(told)


@app.command("enrol-vehicle")
def enrol_vehicle(
    directory: Directory,
    request: Annotated[Path, typer.Argument(metavar="REQUEST", help="The vehicle's enrolment-request.json.")],
    out: Annotated[Path, typer.Option(help="Where the enrolment for the vehicle goes.")],
    replace: Annotated[bool, typer.Option("--replace", help="The vehicle has got another box.")] = False,
) -> None:
    """Enrol a vehicle's box, or grant it its next incarnation; the published schedules wait for it."""
    try:
        data = request.read_bytes()
    except OSError as error:
        raise ConfigError(f"{request}: {error.strerror}") from None
    with open_hospital(directory) as opened:
        enrolment = enrol(opened, _request(request, data), replace=replace)
        schedules = queue_schedules(opened, [enrolment.vehicle])
    out.touch(mode=0o600)
    out.chmod(0o600)  # it may have been there before, and it holds the broker's password
    out.write_bytes(encode(enrolment))
    print(
        f"vehicle {enrolment.vehicle} enrolled, incarnation {enrolment.incarnation},"
        f" {len(schedules)} schedule version(s) queued: {out}",
        file=sys.stderr,
    )


def _request(path: Path, data: bytes) -> EnrolmentRequest:
    try:
        return decode_request(data)
    except RefusedInput as error:
        hint = Hint("给车上 clinic vehicle init 写出的那个文件。", "Give the file that clinic vehicle init wrote.")
        raise RefusedInput(f"{path}: {error}", hint=hint) from None


@app.command("revoke-vehicle")
def revoke_vehicle(
    directory: Directory,
    vehicle: Annotated[str, typer.Argument(metavar="ID", help="The vehicle, for example V01.")],
    why: Annotated[str, typer.Option(help="The reason, kept in the log: stolen, lost, sold.")],
) -> None:
    """Never believe a vehicle's box again: its connection ends, what still comes of it is held for a person."""
    with open_hospital(directory) as opened:
        revoke(opened, vehicle, why)
    print(f"vehicle {vehicle} revoked; a new box must be enrolled under another id", file=sys.stderr)
