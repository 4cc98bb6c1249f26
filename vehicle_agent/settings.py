"""The vehicle's settings: `vehicle.toml` in the vehicle's folder, with no key nobody knows."""

import tomllib
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from clinic_records.errors import ConfigError
from vehicle_agent.store.retention import LEAST_DAYS

FILE_NAME = "vehicle.toml"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DeviceSettings(_Part):
    """One device of this vehicle: a catalog key and where it is.

    Attributes:
        url: a transport (`serial:/dev/ttyUSB0?baud=115200`, `tcp:host:port`) for devices we read ourselves.
        ae_title: the device's application entity title, for DICOM devices that call us.
        address: the IP address a device calls us from, where it is fixed (titles are no secret); empty: any.
        port: where a DICOM device listens itself, for the result of a storage commitment.
        name_zh, name_en: the name on this vehicle, where the catalog's will not do.
    """

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
    key: str
    url: str = ""
    ae_title: Annotated[str, Field(max_length=16)] = ""
    address: str = ""
    port: Annotated[int, Field(ge=1, le=65535)] = 104
    name_zh: str = ""
    name_en: str = ""


class WebSettings(_Part):
    """Where the nurse's pages listen; port 0 takes a free one and writes it to run/ports.json."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    idle_lock_s: Annotated[float, Field(gt=0)] = 15 * 60.0
    """Seconds without an act after which a tablet asks for the PIN again."""


class DicomSettings(_Part):
    """Our DICOM node, for the devices' worklist queries and stores."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 11112
    ae_title: Annotated[str, Field(min_length=1, max_length=16)] = "CLINIC"


class PhoneSettings(_Part):
    """A number to call in an emergency; it stands on the page without any network."""

    number: str
    name_zh: str
    name_en: str


class DiskSettings(_Part):
    """How much of the disk should be free, and how long what the hospital has received stays.

    Attributes:
        tight_gb, low_gb: free space, 10^9 bytes, below which a person is asked to look in days, and today.
        keep_days: at least 30; the hospital may ask for more.
    """

    tight_gb: Annotated[float, Field(gt=0)] = 10.0
    low_gb: Annotated[float, Field(gt=0)] = 3.0
    keep_days: Annotated[int, Field(ge=LEAST_DAYS)] = LEAST_DAYS


class VehicleSettings(BaseSettings):
    """Everything in vehicle.toml. Environment variables `CLINIC_VEHICLE_...` never override a vehicle's file."""

    model_config = SettingsConfigDict(extra="forbid", frozen=True)

    vehicle: Annotated[str, Field(pattern=r"^[A-Z0-9][A-Z0-9_-]{0,31}$")]
    name_zh: str = ""
    name_en: str = ""
    phones: tuple[PhoneSettings, ...] = (
        PhoneSettings(number="120", name_zh="急救中心", name_en="Emergency medical centre"),
    )
    web: WebSettings = WebSettings()
    dicom: DicomSettings = DicomSettings()
    disk: DiskSettings = DiskSettings()
    devices: tuple[DeviceSettings, ...] = ()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what the file says: a medical box must not change with somebody's shell."""
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)


def load_settings(folder: Path) -> VehicleSettings:
    """The settings of the vehicle in `folder`.

    Raises:
        ConfigError: the file is missing, is not TOML, or a setting is unknown or impossible; it is named.
    """
    path = folder / FILE_NAME
    try:
        return VehicleSettings(**tomllib.loads(path.read_text("utf-8")))
    except FileNotFoundError:
        raise ConfigError(f"{path} is missing; make it with: clinic vehicle init {folder} --vehicle V01") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not TOML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"{path}: {where}: {first['msg']}") from error
