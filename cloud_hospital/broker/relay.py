"""The embedded relay's configuration."""

from pathlib import Path

import msgspec

from cloud_hospital.broker.ports import Ports
from cloud_hospital.broker.users import INTAKE, broker_password, broker_users
from cloud_hospital.durable import write_file
from cloud_hospital.folder import HospitalFolder


def write_relay_files(folder: HospitalFolder, ports: Ports) -> Path:
    """Write the relay's configuration under run/; its path."""
    broker_password(folder, INTAKE)
    config = folder.run / "relay.json"
    said = {"host": ports.broker_host, "port": ports.broker, "users": broker_users(folder), "hospital_user": INTAKE}
    write_file(config, msgspec.json.encode(said))
    return config
