"""The embedded relay and clients that come back while their last connection is still being ended."""

import asyncio
from collections import deque
from contextlib import closing
from pathlib import Path
from unittest.mock import patch

from amqtt.contexts import Action
from amqtt.session import Session

from sync.mqtt import Broker, MqttLink
from sync.relay_guard import Relay
from sync.topics import Publish, Topic
from tests.integration.sync.sync_processes import USERS, relay

ROUNDS = 60
DOWN = b"clinic/v1/V01/down/#"


def text(value: bytes) -> bytes:
    return len(value).to_bytes(2, "big") + value


def packet(kind: int, body: bytes) -> bytes:
    assert len(body) < 128
    return bytes((kind, len(body))) + body


def connect(name: str) -> bytes:
    who = (name, name, USERS[name])  # client id, user, password
    return packet(0x10, b"\0\4MQTT\4\xc2\0\x14" + b"".join(text(each.encode()) for each in who))


def subscribe(*filters: bytes) -> bytes:
    return packet(0x82, b"\0\1" + b"".join(text(each) + b"\1" for each in filters))


async def come(port: int, name: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection that is let in."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(connect(name))
    assert (await reader.readexactly(4))[3] == 0
    return reader, writer


def test_who_comes_back_while_its_last_connection_is_being_ended_hears(tmp_path: Path) -> None:
    async def deaf(port: int) -> list[int]:
        hospital = MqttLink(Broker("127.0.0.1", port, "hospital", USERS["hospital"], "hospital"))
        await hospital.connect(("clinic/v1/+/state",), None)
        found = []
        for number in range(ROUNDS):
            _, before = await come(port, "V01")
            before.write(subscribe(DOWN))  # the last that it says
            if number % 2:
                before.transport.abort()
            reader, writer = await come(port, "V01")
            with closing(before), closing(writer):
                writer.write(subscribe(DOWN))
                assert (await reader.readexactly(5))[4] == 1
                hospital.publish(Publish(Topic.parse("clinic/v1/V01/down/p1"), b"for V01"))
                try:
                    async with asyncio.timeout(2):  # it came within a millisecond or never
                        assert await reader.read(1)
                except TimeoutError:
                    found.append(number)
        await hospital.close(is_graceful=True)
        return found

    with relay(tmp_path) as broker:
        broker.start()
        assert asyncio.run(deaf(broker.port)) == []


def test_no_message_is_lost_while_somebody_subscribes() -> None:
    async def passes() -> int:
        relay = Relay({"listeners": {"default": {"type": "external"}}, "plugins": {}})
        asked = 0

        async def ask_while_others_subscribe(_session: Session, topic: str, action: Action) -> bool:
            nonlocal asked
            asked += 1
            relay._subscriptions[f"clinic/v1/V{asked:02d}/down/#"] = []
            relay._subscriptions["clinic/v1/+/up/#"].pop(0)
            return True

        with patch.object(relay, "_topic_filtering", ask_while_others_subscribe):
            relay._subscriptions["clinic/v1/+/up/#"] = [(Session(), 1), (Session(), 1)]
            await relay._broadcast_message(None, "clinic/v1/V02/up/p1", b"a part")
            await relay._run_broadcast(deque())
        return asked

    assert asyncio.run(passes()) == 2, "both hear it who were there when it came"
