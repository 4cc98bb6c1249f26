"""`clinic hospital certificates` and `broker-files`: what the authority issued, and what a broker elsewhere needs."""

import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from clinic_records.clock import CHINA, SystemClock
from clinic_records.errors import ConfigError
from cloud_hospital.authority.authority import Authority
from cloud_hospital.broker.files import server_identity
from cloud_hospital.broker.users import INTAKE
from cloud_hospital.premises import Premises
from cloud_hospital.settings import HospitalSettings, folder_of
from commands.hospital_folder import Directory
from sync.durable import write_file
from sync.mosquitto import access_list


class _Line(msgspec.Struct, frozen=True):
    serial: str
    name: str
    until: datetime
    state: str


def _premises(directory: Path) -> Premises:
    folder = folder_of(directory)
    return Premises(folder, HospitalSettings.load(folder), SystemClock())


def _lines(premises: Premises) -> list[_Line]:
    authority: Authority = premises.authority
    voided, now = authority.ledger.voided(), premises.now()

    def state(serial: str, *, is_over: bool) -> str:
        return "void" if serial in voided else "ended" if is_over else "good"

    return [
        _Line(each.serial, each.name, each.until, state(each.serial, is_over=each.until <= now))
        for each in authority.ledger.issued()
    ]


def certificates(
    directory: Directory,
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="Only of this vehicle or worker.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Every certificate issued here: good, ended, or void."""
    lines = [each for each in _lines(_premises(directory)) if name in ("", each.name)]
    if as_json:
        print(msgspec.json.encode(lines).decode())
        return
    for each in lines:
        until = each.until.astimezone(CHINA)
        print(f"{each.name:24} until {until:%Y-%m-%d %H:%M}  {each.state:5}  {each.serial}")


def broker_files(
    directory: Directory,
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Where the files go; made if missing.")],
) -> None:
    """Files for a broker we do not start: authority, its certificate and key, void certificates, access list."""
    premises = _premises(directory)
    if not premises.settings.broker_tls:
        raise ConfigError(f"{premises.folder.settings}: broker_tls is false; a broker elsewhere needs certificates")
    own, authority = server_identity(premises), premises.authority
    out.mkdir(mode=0o700, parents=True, exist_ok=True)
    files = {
        "authority.pem": own.authority.read_bytes(),
        "broker.pem": own.certificate.read_bytes(),
        "broker.key": own.key.read_bytes(),
        "crl.pem": authority.crl.read_bytes(),
        "acl": access_list(INTAKE, authority.own_names()),
    }
    for name, data in files.items():
        write_file(out / name, data)
    print(
        f"{len(files)} files in {out}; broker.key is secret; bring crl.pem again after each revocation", file=sys.stderr
    )
