"""Names to code, imported only when used. `module:name` strings, nothing else."""

from collections.abc import Callable, Mapping
from datetime import datetime
from importlib import import_module
from typing import Any, Final

from clinic_records.errors import ConfigError
from devices.driver import Driver

LINE_DRIVERS: Final[dict[str, str]] = {
    "scp-ecg": "devices.cardiac.scp_ecg:ScpEcg",
    "contec-sp80b": "devices.respiratory.contec_sp80b:ContecSp80b",
    "nonin": "devices.vitals.nonin:Nonin",
    "cms50": "devices.vitals.cms50:Cms50",
    "cms50-9byte": "devices.vitals.cms50_9byte:Cms50NineByte",
    "nellcor-lines": "devices.vitals.oximeter_lines:Nellcor",
    "masimo-lines": "devices.vitals.oximeter_lines:Masimo",
    "contec08a": "devices.vitals.contec08a:Contec08a",
    "taidoc": "devices.laboratory.taidoc:TaiDoc",
    "ultraeasy": "devices.laboratory.ultraeasy:UltraEasy",
    "verio-iq": "devices.laboratory.verio_iq:VerioIq",
    "ieee-11073": "devices.ieee11073.driver:Ieee11073",
    "astm": "devices.laboratory.astm:AstmHost",
    "mini-vidas": "devices.laboratory.mini_vidas:MiniVidas",
    "spotchem-el": "devices.laboratory.spotchem_el:SpotchemEl",
    "clinitek-50": "devices.laboratory.clinitek50:Clinitek50",
    "urine-text": "devices.laboratory.urine_text:UrineText",
    "hl7-mllp": "devices.hl7.mllp:Hl7Mllp",
    "poct1a": "devices.poct1a.dialogue:Poct1a",
    "resident-card": "devices.identity.resident_card:ResidentCard",
    "barcode-scanner": "devices.identity.barcode:BarcodeScanner",
    "scale-health-o-meter": "devices.identity.scale_health_o_meter:ScaleHealthOMeter",
    "position-nmea": "devices.vehicle.nmea:PositionNmea",
    "fridge-xy-md02": "devices.vehicle.fridge:FridgeSensor",
}
"""Drivers of a device on a line (serial, TCP): each a `devices.driver.Driver`."""

LISTENERS: Final[Mapping[str, str]] = {
    "dicom": "devices.dicom.node:DicomNode",
}
"""Drivers that wait for devices to call: each its own kind of server, run in a process of its own."""

FILE_DRIVERS: Final[dict[str, str]] = {
    "file": "devices.files:FileDrop",
}
"""Drivers of a device that drops files into a folder."""

WEDGES: Final[Mapping[str, str]] = {
    "barcode": "clinic_records.barcode:read_code",
}
"""Parsers of what a device types into the page like a keyboard."""


def load(target: str) -> Any:
    """The object `module:name` names.

    Raises:
        ConfigError: it cannot be imported.
    """
    module, _, name = target.partition(":")
    try:
        return getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"{target} cannot be loaded: {error}") from error


def make_driver(name: str, now: Callable[[], datetime]) -> Driver:
    """A driver for one new connection or file.

    Raises:
        ConfigError: `name` is the driver of neither.
    """
    known = LINE_DRIVERS | FILE_DRIVERS
    if name not in known:
        raise ConfigError(f"driver {name!r} is not known; drivers of lines and files: {', '.join(known)}")
    driver: Driver = load(known[name])(now)
    return driver
