"""The catalog of device types: data in catalog.toml, the schema and its checks here."""

import tomllib
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Annotated, Any, Final, Literal

import msgspec

from clinic_records.errors import ConfigError, RefusedInput
from clinic_records.observations import BY_KEY
from clinic_records.quantity import quantity
from devices.registry import FILE_DRIVERS, LINE_DRIVERS, LISTENERS, WEDGES

TYPES: Final = 23
"""Device types of a clinic vehicle, numbered from 1."""


class Category(StrEnum):
    """The five categories of a clinic vehicle's equipment, and what belongs to the vehicle itself."""

    CARDIAC_VITALS = "cardiac-vitals"
    IMAGING = "imaging"
    RESPIRATORY = "respiratory"
    LABORATORY = "laboratory"
    IDENTITY_ANTHROPOMETRY = "identity-anthropometry"
    VEHICLE = "vehicle"


class Link(StrEnum):
    """How the device is connected."""

    SERIAL = "serial"
    TCP = "tcp"
    """we call it"""
    LISTEN = "listen"
    """it calls a port of ours"""
    DICOM = "dicom"
    FOLDER = "folder"
    """it drops files"""
    WEDGE = "wedge"
    """it types like a keyboard, into the page"""


class Status(StrEnum):
    """What stands behind the driver, from strongest to weakest."""

    CAPTURES = "verified on real captures"
    INDEPENDENT = "verified against an independent implementation"
    DOCUMENTATION = "from documentation only"
    """complete, but to be confirmed with the device before first use"""


class DeviceType(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One row.

    Attributes:
        key: its name in settings and on the command line.
        type: which of the 23 device types it is; 0 for what is none of them.
        maker, model: empty maker where the row is a protocol many makers speak.
        name_zh, name_en: what the nurse reads.
        modality: of its Readings: `ecg`, `ultrasound`, `spirometry` ...
        protocol: standard or document, and the line's settings.
        driver: a name of `devices.registry`.
        observations: what it can say, `system:code unit`; a study that is not a number has no unit.
        evidence: one sentence: the bytes and programs it was tried with.
        subject: whose its readings are: a patient's, or the vehicle's own (its place, its refrigerator); `identity`
            where it tells who somebody is, which is an event for the page and never a durable delivery.
        dicom_modality: the Modality (0008,0060) its worklist entries carry; DICOM devices only.
        simulator: `module:function(wire, stop)` that plays one typical measurement; neither DICOM nor wedge.
    """

    key: str
    type: Annotated[int, msgspec.Meta(ge=0, le=TYPES)]
    category: Category
    maker: str
    model: str
    name_zh: str
    name_en: str
    modality: str
    transport: Link
    protocol: str
    driver: str
    observations: tuple[str, ...]
    evidence: str
    status: Status
    subject: Literal["patient", "vehicle", "identity"] = "patient"
    dicom_modality: str = ""
    simulator: str = ""


_DRIVERS_OF: Final[Mapping[Link, Mapping[str, str]]] = {
    Link.SERIAL: LINE_DRIVERS,
    Link.TCP: LINE_DRIVERS,
    Link.LISTEN: LINE_DRIVERS,
    Link.DICOM: LISTENERS,
    Link.FOLDER: FILE_DRIVERS,
    Link.WEDGE: WEDGES,
}
_WITHOUT_SIMULATOR: Final = frozenset({Link.DICOM, Link.WEDGE})


def parse_catalog(text: str, source: str) -> dict[str, DeviceType]:
    """Rows by key, in the order written.

    Raises:
        ConfigError: a row lacks a field, has an unknown one or a value that is none; the message names row and field.
    """
    try:
        rows = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{source}: {error}") from error
    return {key: _row(key, fields, source) for key, fields in rows.items()}


@cache
def catalog() -> Mapping[str, DeviceType]:
    """The rows shipped with the program."""
    file = resources.files("devices") / "catalog.toml"
    return parse_catalog(file.read_text("utf-8"), "devices/catalog.toml")


def device_type(key: str) -> DeviceType:
    """The row `key`.

    Raises:
        ConfigError: there is none.
    """
    row = catalog().get(key)
    if row is None:
        raise ConfigError(f"device type {key!r} is not in the catalog; known: {', '.join(catalog())}")
    return row


def _row(key: str, fields: Any, source: str) -> DeviceType:
    where = f"{source}: [{key}]"
    try:
        row = msgspec.convert({"key": key, **fields}, DeviceType)
    except (msgspec.ValidationError, TypeError) as error:
        raise ConfigError(f"{where}: {error}") from error
    if not (row.name_zh and row.name_en and row.modality and row.protocol and row.evidence):
        raise ConfigError(f"{where}: name_zh, name_en, modality, protocol and evidence may not be empty")
    drivers = _DRIVERS_OF[row.transport]
    if row.driver not in drivers:
        raise ConfigError(f"{where}: driver {row.driver!r} does not work over {row.transport}: {', '.join(drivers)}")
    if (row.transport is Link.DICOM) != bool(row.dicom_modality):
        raise ConfigError(f"{where}: dicom_modality belongs to every DICOM device and to no other")
    if (row.transport in _WITHOUT_SIMULATOR) == bool(row.simulator):
        raise ConfigError(f"{where}: simulator belongs to every device but DICOM ones and keyboards")
    if (row.type == 0) != (row.category is Category.VEHICLE):
        raise ConfigError(f"{where}: type 0 is for category vehicle, and for no other")
    for observation in row.observations:
        _check_observation(observation, where)
    return row


def _check_observation(text: str, where: str) -> None:
    key, _, unit = text.partition(" ")
    known = BY_KEY.get(key)
    if known is None:
        raise ConfigError(f"{where}: observations: {key} is not in clinic_records/observations.py")
    if bool(unit) != bool(known.unit):
        wrong = "a study has no unit" if unit else "the unit is missing"
        raise ConfigError(f"{where}: observations: {text!r}: {wrong}")
    try:
        if unit:
            quantity("1", unit).to(known.unit)
    except RefusedInput as error:
        raise ConfigError(f"{where}: observations: {text!r}: {error}") from error
