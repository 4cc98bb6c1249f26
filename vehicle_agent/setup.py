"""Making a vehicle: first the box's keys and its request, then, with the hospital's answer, the vault and a PIN."""

import fcntl
from pathlib import Path
from typing import Final

from clinic_records.clock import SystemClock
from clinic_records.errors import ConfigError
from clinic_records.ids import vehicle_id
from clinic_records.people import Author, Role
from sync.enrolment import Enrolment, decode_enrolment, encode
from sync.keys import RecipientKey
from vehicle_agent.settings import load_settings
from vehicle_agent.store.derive import new_data_key
from vehicle_agent.store.durable import write_file
from vehicle_agent.store.folder import VehicleFolder
from vehicle_agent.store.keys import DeviceKeys
from vehicle_agent.store.pinning import pin_hospital
from vehicle_agent.store.slots import Slots, check_pin
from vehicle_agent.store.tls import TlsFiles
from vehicle_agent.store.vault import create_vault

REQUEST: Final = "enrolment-request.json"

_FIRST_SETTINGS: Final = """\
# Settings of this vehicle; config/vehicle.example.toml explains each of them.
vehicle = "{vehicle}"

[web]
host = "127.0.0.1"
port = 8080

[dicom]
host = "127.0.0.1"
port = 11112
"""


def request_enrolment(root: Path, vehicle: str) -> Path:
    """Make the folder, its keys and first settings, and write the request; the same request again when repeated.

    Raises:
        RefusedInput: the vehicle id has other characters than A-Z, 0-9, - and _.
        ConfigError: the folder is another vehicle's.
    """
    name = vehicle_id(vehicle)
    folder = VehicleFolder(root)
    folder.create()
    if not folder.settings.exists():
        write_file(folder.settings, _FIRST_SETTINGS.format(vehicle=name).encode())
    settings = load_settings(root)
    if settings.vehicle != name:
        raise ConfigError(f"{folder.settings}: this folder is vehicle {settings.vehicle}, not {name}")
    keys = DeviceKeys.load(folder.device_key) if folder.device_key.exists() else DeviceKeys.create(folder.device_key)
    path = root / REQUEST
    write_file(path, encode(keys.request(name, TlsFiles.create(folder.tls).request(name))))
    return path


def complete(root: Path, enrolment: Path, *, staff: str, name: str, role: Role, pin: str) -> Enrolment:
    """Pin the hospital, make the vault and the first person's PIN slot.

    Raises:
        ConfigError: the first step was not done, the file is missing, or the vault is there already.
        RefusedInput: the PIN is too short or too long; nothing was made.
        RefusedInput, PeerRefused: the enrolment is damaged, of another box, or of another hospital than the pinned.
    """
    check_pin(pin)  # before the vault: a vault without a person could never be opened
    folder = VehicleFolder(root)
    settings = load_settings(root)
    keys = DeviceKeys.load(folder.device_key)
    try:
        data = enrolment.read_bytes()
    except OSError as error:
        raise ConfigError(f"{enrolment}: cannot read the enrolment: {error.strerror}") from error
    granted = decode_enrolment(data, vehicle=settings.vehicle, vehicle_sign_public=keys.sign.public.raw)
    pin_hospital(folder.hospital, granted)
    TlsFiles(folder.tls).keep(granted)
    if folder.slots.exists():
        raise ConfigError(f"{folder.slots}: this vehicle has its vault already; the hospital's data was renewed")
    data_key = new_data_key()
    slots = Slots(folder.slots, keys.device_secret, SystemClock().now)
    create_vault(folder, data_key, vehicle=settings.vehicle, incarnation=granted.incarnation)
    slots.create(data_key, RecipientKey(granted.hpke_public))
    slots.add(staff, name, role, pin, data_key)
    return granted


def add_person(root: Path, *, by: str, by_pin: str, person: Author, pin: str) -> Author:
    """Give one more person a PIN on this vehicle, or a new PIN to one who has one; `by` is somebody who can log in.

    Raises:
        ConfigError: the vehicle is not set up, or its agent runs: it keeps the tries in the same file.
        AccessError: `by` cannot log in with that PIN.
        RefusedInput: the new PIN is too short or too long.
    """
    folder = VehicleFolder(root)
    load_settings(root)
    with (folder.run / "agent.lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ConfigError(f"{root}: the agent is running; stop it, add the person, start it again") from None
        slots = Slots(folder.slots, DeviceKeys.load(folder.device_key).device_secret, SystemClock().now)
        _, data_key = slots.unlock(by, by_pin)
        return slots.add(person.staff, person.name, person.role, pin, data_key)
