"""Where frames travel on the broker: a topic is a type, valid or not built; no other module spells one.

`clinic/v1/<vehicle>/up/<channel>`, `.../down/<channel>` and `.../state`. A channel is a lane, or `session` for
greetings, or `credit` for credit and receipts: they must reach whoever sends, greetings may reach any worker.
"""

from enum import StrEnum
from typing import Final

import msgspec

from clinic_records.errors import BadFrame, RefusedInput
from clinic_records.ids import VehicleId, vehicle_id
from clinic_records.record import Lane

ROOT: Final = "clinic/v1"
SESSION: Final = "session"
CREDIT: Final = "credit"
PROBE: Final = "probe"
"""What a worker says to itself, to learn whether the broker shares subscriptions."""
_CHANNELS: Final = frozenset([SESSION, CREDIT, PROBE, *Lane])


class Way(StrEnum):
    """Direction, seen from the vehicle; STATE is the retained statement of the link."""

    UP = "up"
    DOWN = "down"
    STATE = "state"


class Topic(msgspec.Struct, frozen=True):
    """One topic name. `channel` is empty for STATE."""

    vehicle: VehicleId
    way: Way
    channel: str = ""

    def __str__(self) -> str:
        tail = f"/{self.channel}" if self.channel else ""
        return f"{ROOT}/{self.vehicle}/{self.way}{tail}"

    @classmethod
    def parse(cls, text: str) -> "Topic":
        """The Topic that `text` names.

        Raises:
            BadFrame: it is none of ours.
        """
        parts = text.split("/")
        if parts[:2] != ROOT.split("/") or len(parts) not in (4, 5):
            raise BadFrame(f"topic {text[:80]!r} is not {ROOT}/<vehicle>/<up|down>/<channel> nor .../state")
        channel = parts[4] if len(parts) == 5 else ""
        try:
            vehicle, way = vehicle_id(parts[2]), Way(parts[3])
        except (RefusedInput, ValueError) as error:
            raise BadFrame(f"topic {text[:80]!r}: {error}") from error
        if (channel in _CHANNELS) is (way is Way.STATE) or (way is Way.STATE and channel):
            raise BadFrame(f"topic {text[:80]!r}: no channel {channel!r} there")
        return cls(vehicle, way, channel)


def vehicle_filter(vehicle: VehicleId) -> str:
    """What a vehicle subscribes to: everything addressed to it."""
    return f"{ROOT}/{vehicle}/{Way.DOWN}/#"


def channel_filter(channel: str) -> str:
    """What the hospital subscribes to for what every vehicle says in `channel`."""
    return f"{ROOT}/+/{Way.UP}/{channel}"


def shared(group: str, topic_filter: str) -> str:
    """The filter as a shared subscription: one of the group gets each message (MQTT 5, section 4.8.2)."""
    return f"$share/{group}/{topic_filter}"


STATE_FILTER: Final = f"{ROOT}/+/{Way.STATE}"
"""The state of each link; retained, so it is never shared."""


class Publish(msgspec.Struct, frozen=True):
    """One message for the broker, QoS 1."""

    topic: Topic
    payload: bytes
    is_retained: bool = False
