"""The catalog of device types: data in catalog.toml, the schema and its checks here."""

import tomllib
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Any, Final

import msgspec

from clinic_records.errors import ConfigError
from devices.registry import LINE_DRIVERS, LISTENERS


class Category(StrEnum):
    """The five categories of a clinic vehicle's equipment."""

    CARDIAC = "cardiac"
    RESPIRATORY = "respiratory"
    IMAGING = "imaging"
    LABORATORY = "laboratory"
    GENERAL = "general"


class Link(StrEnum):
    """How the device is connected."""

    SERIAL = "serial"
    TCP = "tcp"
    DICOM = "dicom"


class Evidence(StrEnum):
    """What stands behind the driver, from strongest to weakest."""

    DEVICE = "device"
    """seen working with the device itself"""
    PEER = "peer"
    """against an independent program that speaks the protocol"""
    REAL_RECORD = "real-record"
    """records made by real devices, over our own line"""
    DOCUMENTATION = "documentation"
    """from documentation only"""


class Status(StrEnum):
    """Whether a vehicle may rely on it."""

    SUPPORTED = "supported"
    NEEDS_DEVICE = "needs-device"
    """complete, but to be confirmed with the device before first use"""
    PLANNED = "planned"


class DeviceType(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One row.

    Attributes:
        key: its name in settings and on the command line.
        maker, model: empty maker where the row is a protocol many makers speak.
        name_zh, name_en: what the nurse reads.
        modality: of its Readings: `ecg`, `ultrasound`, `spirometry` ...
        protocol: standard or document, and the line's settings.
        driver: a name of `devices.registry`.
        dicom_modality: the Modality (0008,0060) its worklist entries carry; DICOM devices only.
    """

    key: str
    category: Category
    maker: str
    model: str
    name_zh: str
    name_en: str
    modality: str
    transport: Link
    protocol: str
    driver: str
    evidence: Evidence
    status: Status
    dicom_modality: str = ""


_DRIVERS_OF: Final[Mapping[Link, Mapping[str, str]]] = {
    Link.SERIAL: LINE_DRIVERS,
    Link.TCP: LINE_DRIVERS,
    Link.DICOM: LISTENERS,
}


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
    if not (row.name_zh and row.name_en and row.modality and row.protocol):
        raise ConfigError(f"{where}: name_zh, name_en, modality and protocol may not be empty")
    drivers = _DRIVERS_OF[row.transport]
    if row.driver not in drivers:
        raise ConfigError(f"{where}: driver {row.driver!r} does not work over {row.transport}: {', '.join(drivers)}")
    if (row.transport is Link.DICOM) != bool(row.dicom_modality):
        raise ConfigError(f"{where}: dicom_modality belongs to every DICOM device and to no other")
    return row
