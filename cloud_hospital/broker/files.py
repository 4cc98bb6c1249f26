"""What a broker started by us is given under run/: where it listens, its users, who may say what."""

from collections.abc import Callable, Mapping
from typing import Final

from cloud_hospital.authority.authority import SERVER
from cloud_hospital.broker.ports import ports_of
from cloud_hospital.broker.users import INTAKE, broker_password, broker_users
from cloud_hospital.premises import Premises
from cloud_hospital.settings import BrokerKind
from sync.mosquitto import MosquittoTls, mosquitto_command, mosquitto_config
from sync.relay_config import RelayConfig, RelayTls, relay_command
from sync.tls import Identity


def server_identity(premises: Premises) -> Identity:
    """The broker's own certificate, renewed where that is due; good for every name the settings give it."""
    settings = premises.settings
    hosts = ("localhost", "127.0.0.1", "::1", settings.broker_host, settings.broker_advertised)
    return premises.authority.own(SERVER, premises.now(), hosts)


def _passwords(premises: Premises) -> dict[str, str]:
    if premises.settings.broker_tls:
        return {}
    broker_password(premises.folder, INTAKE)
    return broker_users(premises.folder)


def _relay(premises: Premises) -> list[str]:
    ports, tls = ports_of(premises.folder, premises.settings), None
    if premises.settings.broker_tls:
        own = server_identity(premises)
        tls = RelayTls(str(own.authority), str(own.certificate), str(own.key), str(premises.authority.crl))
    config = premises.folder.run / "relay.json"
    RelayConfig(INTAKE, _passwords(premises), ports.broker_host, ports.broker, tls).save(config)
    return relay_command(config)


def _mosquitto(premises: Premises) -> list[str]:
    ports, authority = ports_of(premises.folder, premises.settings), premises.authority
    own = premises.folder.run / "mosquitto"
    own.mkdir(mode=0o700, exist_ok=True)
    config = mosquitto_config(
        own,
        host=ports.broker_host,
        port=ports.broker,
        hospital=INTAKE,
        passwords=_passwords(premises),
        tls=MosquittoTls(server_identity(premises), authority.crl) if premises.settings.broker_tls else None,
        workers=authority.own_names(),
    )
    return mosquitto_command(config)


WRITERS: Final[Mapping[BrokerKind, Callable[[Premises], list[str]]]] = {
    BrokerKind.EMBEDDED: _relay,
    BrokerKind.MOSQUITTO: _mosquitto,
}
"""Each writes the files of its broker and returns the command that starts it; `external` is nobody's to start.

Raises:
    ConfigError: mosquitto is asked for and not installed.
"""
