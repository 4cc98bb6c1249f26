"""What a broker started by us is given under run/: where it listens, its users, who may say what."""

from collections.abc import Callable, Mapping
from typing import Final

from cloud_hospital.broker.ports import Ports
from cloud_hospital.broker.users import INTAKE, broker_password, broker_users
from cloud_hospital.folder import HospitalFolder
from cloud_hospital.settings import BrokerKind
from sync.mosquitto import mosquitto_command, mosquitto_config
from sync.relay_config import RelayConfig, relay_command


def _users(folder: HospitalFolder) -> dict[str, str]:
    broker_password(folder, INTAKE)
    return broker_users(folder)


def _relay(folder: HospitalFolder, ports: Ports) -> list[str]:
    config = folder.run / "relay.json"
    RelayConfig(INTAKE, _users(folder), ports.broker_host, ports.broker).save(config)
    return relay_command(config)


def _mosquitto(folder: HospitalFolder, ports: Ports) -> list[str]:
    own = folder.run / "mosquitto"
    own.mkdir(mode=0o700, exist_ok=True)
    users = _users(folder)
    config = mosquitto_config(own, host=ports.broker_host, port=ports.broker, hospital=INTAKE, passwords=users)
    return mosquitto_command(config)


WRITERS: Final[Mapping[BrokerKind, Callable[[HospitalFolder, Ports], list[str]]]] = {
    BrokerKind.EMBEDDED: _relay,
    BrokerKind.MOSQUITTO: _mosquitto,
}
"""Each writes the files of its broker and returns the command that starts it; `external` is nobody's to start.

Raises:
    ConfigError: mosquitto is asked for and not installed.
"""
