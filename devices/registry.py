"""Names to code, imported only when used. `module:name` strings, nothing else."""

from collections.abc import Callable, Mapping
from datetime import datetime
from importlib import import_module
from typing import Any, Final

from clinic_records.errors import ConfigError
from devices.driver import Driver

LINE_DRIVERS: Final[Mapping[str, str]] = {
    "scp-ecg": "devices.cardiac.scp_ecg:ScpEcg",
    "contec-sp80b": "devices.respiratory.contec_sp80b:ContecSp80b",
}
"""Drivers of a device on a line (serial, TCP): each a `devices.driver.Driver`."""

LISTENERS: Final[Mapping[str, str]] = {
    "dicom": "devices.dicom.node:DicomNode",
}
"""Drivers that wait for devices to call: each its own kind of server, run in a process of its own."""


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
    """A line driver for one new connection.

    Raises:
        ConfigError: `name` is no line driver.
    """
    if name not in LINE_DRIVERS:
        raise ConfigError(f"driver {name!r} is not known; line drivers: {', '.join(LINE_DRIVERS)}")
    driver: Driver = load(LINE_DRIVERS[name])(now)
    return driver
