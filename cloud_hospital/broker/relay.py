"""The embedded relay's file: it reads it again by itself when users change."""

from pathlib import Path

from cloud_hospital.broker.ports import Ports
from cloud_hospital.broker.users import INTAKE, broker_password, broker_users
from cloud_hospital.folder import HospitalFolder
from sync.relay_config import RelayConfig


def write_relay_files(folder: HospitalFolder, ports: Ports) -> Path:
    """Write the relay's configuration under run/; its path."""
    broker_password(folder, INTAKE)
    config = folder.run / "relay.json"
    said = RelayConfig(hospital_user=INTAKE, users=broker_users(folder), host=ports.broker_host, port=ports.broker)
    said.save(config)
    return config
