"""The hospital's settings: hospital.toml, overridden by CLINIC_HOSPITAL_* in the environment."""

import tomllib
from enum import StrEnum
from pathlib import Path
from typing import Self

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from clinic_records.errors import ConfigError
from cloud_hospital.folder import HospitalFolder
from schedules.exports.site import DOMAIN
from sync.durable import write_file


class BrokerKind(StrEnum):
    """Which broker the supervisor starts; `external` starts none."""

    EMBEDDED = "embedded"
    MOSQUITTO = "mosquitto"
    EXTERNAL = "external"


class HospitalSettings(BaseSettings):
    """One hospital's settings.

    Attributes:
        id: stands in enrolments; vehicles pin it.
        site: the hospital's domain, in the UIDs of its calendars and in its GTFS feed; it must never change. Empty:
            `calendar_site` makes one of `id`.
        database_url: empty means hospital.db in the hospital's folder.
        web_port, broker_port: 0 picks a free port once and keeps it in run/ports.json.
        backup_days: how old a backup may be that is ever restored; for so long vehicles keep what was received.
        broker_tls: TLS 1.3 with certificates of the hospital's own authority; without it, users have passwords, and
            only a private network may lie between.
        broker_mqtt5: whether an `external` broker speaks MQTT 5; of the others we know.
        certificate_days: life of a vehicle's certificate; it is renewed after a third of it.
        renewal_url: where vehicles renew certificates; empty: `web_port` at `broker_advertised`.
        workers: intake workers for bulk that `clinic hospital run` starts beside the urgent one; above 1 they share the
            broker's messages with one another and with workers on other machines.
        seats: how many of those are at work at once on one machine, the others stand by; 0: one less than its cores.
        broker_advertised, broker_advertised_port: where vehicles are told to connect; port 0 is the broker's own.
    """

    model_config = SettingsConfigDict(extra="forbid", env_prefix="CLINIC_HOSPITAL_")

    id: str = Field(default="H01", pattern=r"^[A-Z0-9][A-Z0-9_-]{0,31}$")
    name: str = "云医院"
    site: str = Field(default="", pattern=f"^({DOMAIN})?$")
    database_url: str = ""
    web_host: str = "127.0.0.1"
    web_port: int = Field(default=8090, ge=0, le=65535)
    broker: BrokerKind = BrokerKind.EMBEDDED
    broker_host: str = "127.0.0.1"
    broker_port: int = Field(default=1883, ge=0, le=65535)
    broker_tls: bool = True
    broker_mqtt5: bool = False
    certificate_days: int = Field(default=30, ge=1, le=825)
    renewal_url: str = Field(default="", pattern=r"^(https?://\S+)?$")
    broker_advertised: str = "127.0.0.1"
    broker_advertised_port: int = Field(default=0, ge=0, le=65535)
    backup_days: int = Field(default=30, ge=30, le=3650)
    workers: int = Field(default=1, ge=1, le=64)
    seats: int = Field(default=0, ge=0)

    @classmethod
    def load(cls, folder: HospitalFolder) -> Self:
        """Read hospital.toml.

        Raises:
            ConfigError: there is none, or a setting is unknown or wrong.
        """
        try:
            return cls(**tomllib.loads(folder.settings.read_text(encoding="utf-8")))
        except FileNotFoundError:
            raise ConfigError(f"{folder.settings} is missing; run `clinic hospital init {folder.root}`") from None
        except tomllib.TOMLDecodeError as error:
            raise ConfigError(f"{folder.settings}: {error}") from None
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(str(part) for part in first["loc"])
            raise ConfigError(f"{folder.settings}: {field}: {first['msg']}") from None

    def save(self, folder: HospitalFolder) -> None:
        """Write hospital.toml."""
        lines = [f"{name} = {_toml(value)}" for name, value in self.model_dump(mode="json").items()]
        write_file(folder.settings, ("\n".join(lines) + "\n").encode())

    @property
    def calendar_site(self) -> str:
        """The right side of UIDs (RFC 5545, 3.8.4.7): two hospitals in one calendar do not overwrite one another."""
        return self.site or f"{self.id.lower().replace('_', '-')}.clinic.example"

    def url(self, folder: HospitalFolder) -> str:
        """The SQLAlchemy URL of the records."""
        return self.database_url or f"sqlite:///{folder.database}"


def _toml(value: str | int) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def folder_of(directory: Path) -> HospitalFolder:
    """The folder of an initialised hospital.

    Raises:
        ConfigError: it was never initialised.
    """
    folder = HospitalFolder(directory.resolve())
    if not folder.settings.is_file():
        raise ConfigError(f"{directory} is no hospital's folder; run `clinic hospital init {directory}`")
    return folder
