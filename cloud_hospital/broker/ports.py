"""Which ports the hospital's processes listen on: those of the settings; a 0 is picked once and kept."""

import msgspec

from cloud_hospital.folder import HospitalFolder
from cloud_hospital.settings import HospitalSettings
from sync.durable import write_file
from sync.free_port import free_port


class Ports(msgspec.Struct, frozen=True):
    """run/ports.json: what the hospital listens on, readable by programs and people."""

    web_host: str
    web: int
    broker_host: str
    broker: int


def ports_of(folder: HospitalFolder, settings: HospitalSettings) -> Ports:
    """The ports, written to run/ports.json. Vehicles are enrolled with the broker's, so a picked one is kept."""
    path = folder.run / "ports.json"
    kept = msgspec.json.decode(path.read_bytes(), type=Ports) if path.exists() else None
    ports = Ports(
        web_host=settings.web_host,
        web=settings.web_port or (kept.web if kept else free_port(settings.web_host)),
        broker_host=settings.broker_host,
        broker=settings.broker_port or (kept.broker if kept else free_port(settings.broker_host)),
    )
    if ports != kept:
        write_file(path, msgspec.json.encode(ports) + b"\n")
    return ports
