"""As whom the hospital's own programs speak to the broker."""

import re
from typing import Final

from clinic_records.errors import ConfigError
from cloud_hospital.broker.ports import ports_of
from cloud_hospital.broker.users import INTAKE, broker_password
from cloud_hospital.hospital import Hospital
from cloud_hospital.settings import BrokerKind, HospitalSettings
from sync.mqtt import Broker
from sync.tls import ClientTls

_WORKER: Final = re.compile(rf"{INTAKE}(-[a-z0-9]+)*")


def speaks_mqtt5(settings: HospitalSettings) -> bool:
    """Whether the broker of these settings does."""
    return settings.broker is BrokerKind.MOSQUITTO or (settings.broker is BrokerKind.EXTERNAL and settings.broker_mqtt5)


def hospital_broker(hospital: Hospital, user: str = INTAKE, *, receive_maximum: int = 0) -> Broker:
    """Where the broker is, with the certificate or password of `user`, made on first use.

    Every process that connects needs a name of its own, `hospital` or `hospital-...`: two with one name would end each
    other's connections. A running supervisor tells the broker of a new name within a second.

    Raises:
        ConfigError: another kind of name.
    """
    if not _WORKER.fullmatch(user):
        raise ConfigError(f"broker user {user!r}: the hospital's own are {INTAKE} and {INTAKE}-<a-z, 0-9>")
    settings, ports = hospital.settings, ports_of(hospital.folder, hospital.settings)
    tls = None
    if settings.broker_tls:
        tls = ClientTls(hospital.premises.authority.own(user, hospital.now()), hospital.now)
    return Broker(
        ports.broker_host,
        ports.broker,
        user,
        "" if tls else broker_password(hospital.folder, user),
        user,
        tls=tls,
        is_mqtt5=speaks_mqtt5(settings),
        receive_maximum=receive_maximum,
    )
