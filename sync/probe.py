"""Whether a broker shares subscriptions: it may grant them and deliver nothing (sync rule 18)."""

import asyncio
import secrets
from collections.abc import Callable
from typing import Final

from clinic_records.errors import ConfigError, Hint
from clinic_records.ids import vehicle_id
from sync.mqtt import MqttLink
from sync.topics import PROBE, Publish, Topic, Way, channel_filter, shared

PROBE_S: Final = 10.0
"""Seconds in which a broker must have brought a message back to its group."""
_HINT: Final = Hint(
    "这个消息服务器不会分发共享订阅：设 workers = 1，或改用 mosquitto。",
    "This broker does not serve shared subscriptions: set workers = 1, or use mosquitto.",
)


async def probe_sharing(connect: Callable[[], MqttLink], group: str) -> None:
    """Return once a message came through a group of our own.

    Args:
        connect: makes a link that is not connected.
        group: the workers' secret name; the probe's own group begins with it.

    Raises:
        ConfigError: the broker delivers nothing to the group.
        Offline, AccessError: as MqttLink.connect.
    """
    link = connect()
    said = secrets.token_bytes(16)
    name = secrets.token_hex(6)
    await link.connect((shared(f"{group}-{PROBE}-{name}", channel_filter(PROBE)),), None)
    try:
        link.publish(Publish(Topic(vehicle_id(f"PROBE-{name.upper()}"), Way.UP, PROBE), said))
        async with asyncio.timeout(PROBE_S):
            while True:
                heard = link.take_messages()
                link.acknowledge(heard)
                if any(each.payload == said for each in heard):
                    return
                link.wakeup.clear()
                await link.wakeup.wait()
    except TimeoutError:
        where = f"broker {link.broker.host}:{link.broker.port}"
        raise ConfigError(f"{where} delivers nothing to a shared subscription", hint=_HINT) from None
    finally:
        await link.close(is_graceful=True)
