"""Shared subscriptions by effect: mosquitto serves a group, the embedded relay refuses one."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from clinic_records.errors import AccessError, ConfigError
from cloud_hospital.intake.posts import RECEIVE_BULK, RECEIVE_URGENT
from sync.free_port import free_port
from sync.mosquitto import mosquitto_command, mosquitto_config
from sync.mqtt import Broker, MqttLink
from sync.probe import probe_sharing
from sync.topics import Publish, Topic, channel_filter, shared
from tests.integration.sync.sync_processes import USERS, BrokerProcess, relay

pytestmark = pytest.mark.peer


@pytest.fixture
def mosquitto(tmp_path: Path, need_program: Callable[[str], str]) -> Iterator[BrokerProcess]:
    need_program("mosquitto")
    port = free_port()
    users = {**USERS, "hospital-a": "a" * 32, "hospital-b": "b" * 32}
    config = mosquitto_config(tmp_path, host="127.0.0.1", port=port, hospital="hospital", passwords=users)
    broker = BrokerProcess(mosquitto_command(config), port)
    broker.start()
    yield broker
    broker.kill()


def link(port: int, user: str, password: str, receive_maximum: int = 0) -> MqttLink:
    is_mqtt5 = receive_maximum > 0
    return MqttLink(Broker("127.0.0.1", port, user, password, user, is_mqtt5=is_mqtt5, receive_maximum=receive_maximum))


def test_mosquitto_brings_the_probe_back(mosquitto: BrokerProcess) -> None:
    asyncio.run(probe_sharing(lambda: link(mosquitto.port, "hospital", USERS["hospital"], 4), "group"))


def test_the_relay_does_not_pass_for_a_broker_that_shares(tmp_path: Path) -> None:
    with relay(tmp_path) as broker:
        broker.start()
        with pytest.raises(AccessError, match="subscription"):
            asyncio.run(probe_sharing(lambda: link(broker.port, "hospital", USERS["hospital"]), "group"))


def test_a_broker_that_grants_a_group_and_delivers_nothing_is_found_out(
    mosquitto: BrokerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sync.probe.PROBE_S", 0.5)
    monkeypatch.setattr(MqttLink, "publish", lambda *_: None)
    with pytest.raises(ConfigError, match="delivers nothing to a shared subscription"):
        asyncio.run(probe_sharing(lambda: link(mosquitto.port, "hospital", USERS["hospital"], 4), "group"))


@pytest.mark.parametrize("may_hold", [RECEIVE_URGENT, RECEIVE_BULK])
def test_a_worker_that_finishes_nothing_holds_so_many_messages_and_the_other_gets_its_half_whatever_the_number(
    mosquitto: BrokerProcess, may_hold: int
) -> None:
    count = 3 * may_hold

    async def share() -> tuple[int, int]:
        hung = link(mosquitto.port, "hospital-a", "a" * 32, may_hold)
        working = link(mosquitto.port, "hospital-b", "b" * 32, may_hold)
        vehicle = link(mosquitto.port, "V01", USERS["V01"])
        group = (shared("group-bulk", channel_filter("p2")),)
        try:
            for each in (hung, working):
                await each.connect(group, None)
            await vehicle.connect(("clinic/v1/V01/down/#",), None)
            for number in range(count):
                vehicle.publish(Publish(Topic.parse("clinic/v1/V01/up/p2"), b"%d" % number))
            held = done = 0
            async with asyncio.timeout(60):
                while held < may_hold or done < count // 2:
                    held += len(hung.take_messages())
                    heard = working.take_messages()
                    working.acknowledge(heard)
                    done += len(heard)
                    await asyncio.sleep(0.01)
            return held, done
        finally:
            for each in (vehicle, hung, working):
                await each.close(is_graceful=True)

    held, done = asyncio.run(share())
    assert held == may_hold
    assert done == count // 2
