"""The vehicle's configured devices: what they are, and how each is just now."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

import msgspec

from clinic_records.errors import ConfigError, NotFound
from clinic_records.ids import DeviceId
from devices.catalog import Link, device_type
from vehicle_agent.settings import DeviceSettings
from vehicle_agent.visits.twins import FOLDER, LISTEN, must_differ, must_stand

IDLE: Final = "idle"
NOT_CONNECTED: Final = "not-connected"
FAULT: Final = "fault"

_Given = tuple[bool, str]
"""(has it an AE title, the scheme of its url)."""
_LINE = (
    lambda given: not given[0] and given[1] not in {"", FOLDER},
    "a url (serial:/dev/..., tcp:host:port or listen:host:port) and no ae_title",
)
_RULES: Final[Mapping[Link, tuple[Callable[[_Given], bool], str]]] = {
    Link.SERIAL: _LINE,
    Link.TCP: _LINE,
    Link.LISTEN: _LINE,
    Link.FOLDER: (lambda given: given == (False, FOLDER), "a url folder:/path and no ae_title"),
    Link.DICOM: (lambda given: given == (True, ""), "ae_title and no url"),
    Link.WEDGE: (lambda given: given == (False, ""), "neither url nor ae_title: it types into the page"),
}
"""What the settings of a device must give, and how to say so."""


class Device(msgspec.Struct, frozen=True):
    """One device of this vehicle; `dicom_modality` is set on those that ask for a worklist.

    `subject` says whose its readings are: a `patient`'s, the `vehicle`'s, or nobody's because it tells an `identity`.
    """

    id: DeviceId
    key: str
    name_zh: str
    name_en: str
    modality: str
    driver: str
    url: str = ""
    ae_title: str = ""
    address: str = ""
    port: int = 104
    dicom_modality: str = ""
    subject: str = "patient"

    @property
    def scheme(self) -> str:
        """How its url begins; "" where it has none."""
        return self.url.partition(":")[0]

    @property
    def calls_us(self) -> bool:
        """Whether it calls a port of ours; the listener's process has these."""
        return bool(self.ae_title) or self.scheme == LISTEN


class DeviceState(msgspec.Struct, frozen=True):
    """How a device is: one of the words above, and what to do in both languages where something is wrong."""

    status: str
    detail_zh: str = ""
    detail_en: str = ""


def device_from(settings: DeviceSettings) -> Device:
    """The device that a settings row and its catalog row describe.

    Raises:
        ConfigError: unknown catalog key, or neither a transport nor an AE title fits it.
    """
    row = device_type(settings.key)
    given = (bool(settings.ae_title), settings.url.partition(":")[0])
    is_right, needed = _RULES[row.transport]
    if not is_right(given):
        raise ConfigError(f"device {settings.id} ({settings.key}): give it {needed}")
    if row.subject == "identity" and given[1] == LISTEN:
        raise ConfigError(
            f"device {settings.id} ({settings.key}): what calls a port is written down, a card may not be"
        )
    return Device(
        id=DeviceId(settings.id),
        key=row.key,
        name_zh=settings.name_zh or row.name_zh,
        name_en=settings.name_en or row.name_en,
        modality=row.modality,
        driver=row.driver,
        url=settings.url,
        ae_title=settings.ae_title,
        address=settings.address,
        port=settings.port,
        dicom_modality=row.dicom_modality,
        subject=row.subject,
    )


class Roster:
    """Every configured device by id, in the settings' order, with its present state."""

    def __init__(self, rows: tuple[DeviceSettings, ...]) -> None:
        """Nothing is reported yet. Raises ConfigError: a row cannot be, or two exclude each other."""
        self._devices: dict[DeviceId, Device] = {}
        for row in rows:
            device = device_from(row)
            if device.id in self._devices:
                raise ConfigError(f"device id {device.id} stands twice in the settings")
            must_stand(device)
            for before in self:
                must_differ(before, device)
            self._devices[device.id] = device
        self._states: dict[DeviceId, DeviceState] = {}

    def __iter__(self) -> Iterator[Device]:
        return iter(self._devices.values())

    def get(self, device: DeviceId) -> Device:
        """The device.

        Raises:
            NotFound: it is not in this vehicle's settings.
        """
        found = self._devices.get(device)
        if found is None:
            raise NotFound(f"device {device!r} is not in this vehicle's settings: {', '.join(self._devices)}")
        return found

    def names(self, device: DeviceId) -> tuple[str, str]:
        """Chinese and English name; the id itself for a device that is no longer configured."""
        found = self._devices.get(device)
        return (found.name_zh, found.name_en) if found else (device, device)

    def state(self, device: DeviceId) -> DeviceState:
        """How it is; a device nobody has reported on yet is idle if it calls us, else not connected."""
        fallback = NOT_CONNECTED if self.get(device).url else IDLE
        return self._states.get(device, DeviceState(fallback))

    def set_state(self, device: DeviceId, state: DeviceState) -> bool:
        """Remember it; whether it changed."""
        changed = self._states.get(device) != state
        self._states[device] = state
        return changed

    def worklist_titles(self) -> Mapping[DeviceId, str]:
        """AE title of every device that asks for a worklist."""
        return {device.id: device.ae_title for device in self if device.dicom_modality}
