"""The same couriers and stations over Debian's mosquitto."""

import asyncio
import random
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from clinic_records.errors import AccessError
from clinic_records.record import Lane
from sync.byteranges import length
from sync.courier import LinkState

# The two ends are those of the relay's test; test folders are no packages.
from sync.free_port import free_port
from sync.mosquitto import mosquitto_command, mosquitto_config
from sync.mqtt import Broker, MqttLink
from sync.topics import Publish, Topic
from tests.integration.sync.sync_processes import USERS, BrokerProcess, Pair

pytestmark = pytest.mark.peer
BLOB = random.Random(11).randbytes(7_000_000)


def configure(folder: Path, port: int, passwords: Mapping[str, str]) -> Path:
    return mosquitto_config(folder, host="127.0.0.1", port=port, hospital="hospital", passwords=passwords)


@pytest.fixture
def mosquitto(tmp_path: Path, need_program: Callable[[str], str]) -> Iterator[BrokerProcess]:
    need_program("mosquitto")
    need_program("mosquitto_passwd")
    port = free_port()
    conf = configure(tmp_path, port, USERS)
    broker = BrokerProcess(mosquitto_command(conf), port)
    broker.start()
    yield broker
    broker.kill()


def test_a_day_passes_mosquitto_and_survives_its_kill(mosquitto: BrokerProcess) -> None:
    async def day() -> Pair:
        async with Pair(mosquitto.port) as pair:
            for number in range(10):
                pair.outbound.add(b"record %d" % number, Lane.P2)
            blob = pair.outbound.add(BLOB, Lane.P4)
            pair.hospital_outbound.add(b"schedule" * 20_000, Lane.P1)
            await pair.reach(lambda: length(pair.hospital_inbound.ranges(blob)) > 2_000_000)
            await asyncio.to_thread(mosquitto.kill)
            await pair.reach(lambda: pair.courier.state is LinkState.OFFLINE)
            await asyncio.to_thread(mosquitto.start)
            await pair.reach(lambda: pair.is_complete)
            return pair

    pair = asyncio.run(day())
    inbound = pair.hospital_inbound
    assert sorted(inbound.effects) == sorted(pair.outbound.items)
    blob = max(pair.outbound.items.values(), key=lambda each: each.size).wire_sha256
    assert sum(end - start for start, end in inbound.written[blob]) == len(BLOB)


async def try_out(port: int, user: str, password: str, listen: str, say: str) -> list[bytes]:
    """What the hospital hears of `say` published by `user`; refusals raise."""
    hospital = MqttLink(Broker("127.0.0.1", port, "hospital", USERS["hospital"], "hospital"))
    vehicle = MqttLink(Broker("127.0.0.1", port, user, password, user))
    await hospital.connect(("clinic/v1/#",), None)
    try:
        await vehicle.connect((listen,), None)
        vehicle.publish(Publish(Topic.parse(say), b"forged"))
        vehicle.publish(Publish(Topic.parse(f"clinic/v1/{user}/up/p1"), b"own"))
        heard: list[bytes] = []
        async with asyncio.timeout(60):
            while b"own" not in heard:
                await asyncio.sleep(0.01)
                heard += [each.payload for each in hospital.take_messages()]
        return heard
    finally:
        await vehicle.close(is_graceful=True)
        await hospital.close(is_graceful=True)


def test_a_vehicle_speaks_under_its_own_name_only(mosquitto: BrokerProcess) -> None:
    heard = asyncio.run(
        try_out(mosquitto.port, "V02", USERS["V02"], "clinic/v1/V02/down/#", "clinic/v1/V01/up/p0"),
    )
    assert heard == [b"own"]
    with pytest.raises(AccessError):
        asyncio.run(try_out(mosquitto.port, "V02", "guess", "clinic/v1/V02/down/#", "clinic/v1/V02/up/p0"))


def test_a_vehicle_enrolled_later_needs_a_hangup_only(mosquitto: BrokerProcess, tmp_path: Path) -> None:
    configure(tmp_path, mosquitto.port, {**USERS, "V03": "p" * 40})
    assert mosquitto.process is not None
    mosquitto.process.send_signal(signal.SIGHUP)
    for user, password in (("V03", "p" * 40), ("V01", USERS["V01"])):
        mine = f"clinic/v1/{user}/down/#"
        assert asyncio.run(try_out(mosquitto.port, user, password, mine, "clinic/v1/V09/up/p0")) == [b"own"]


def test_passwords_are_not_kept_in_clear(mosquitto: BrokerProcess, tmp_path: Path) -> None:
    text = "".join(path.read_text() for path in tmp_path.iterdir())
    assert not any(password in text for password in USERS.values())
    assert subprocess.run(["ls", "-l", str(tmp_path)], capture_output=True, check=True).stdout.count(b"-rw-------") == 3
