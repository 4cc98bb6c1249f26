import asyncio
import random
import subprocess
from pathlib import Path

import msgspec
import pytest

from clinic_records.errors import AccessError, Offline
from clinic_records.record import Lane
from sync.byteranges import length
from sync.courier import LinkState
from sync.mqtt import Broker, MqttLink
from sync.relay_config import RelayConfig, relay_command
from sync.relay_guard import Speaker
from sync.station import WINDOW_BYTES
from sync.topics import Publish, Topic, Way
from tests.integration.sync.sync_processes import USERS, BrokerProcess, Pair, Proxy, readiness, relay

BLOB = random.Random(11).randbytes(7_000_000)


def test_a_day_passes_the_relay_and_survives_its_kill(tmp_path: Path) -> None:
    async def day(broker: BrokerProcess) -> Pair:
        async with Pair(broker.port) as pair:
            for number in range(10):
                pair.outbound.add(b"record %d" % number, Lane.P2)
            blob = pair.outbound.add(BLOB, Lane.P4)
            pair.hospital_outbound.add(b"schedule" * 20_000, Lane.P1)
            await pair.reach(lambda: length(pair.hospital_inbound.ranges(blob)) > 2_000_000)
            await asyncio.to_thread(broker.kill)
            await pair.reach(lambda: pair.courier.state is LinkState.OFFLINE)
            await asyncio.to_thread(broker.start)
            await pair.reach(lambda: pair.is_complete)
            assert pair.courier.state is LinkState.ONLINE
            return pair

    with relay(tmp_path) as broker:
        broker.start()
        pair = asyncio.run(day(broker))
    inbound = pair.hospital_inbound
    assert sorted(inbound.effects) == sorted(pair.outbound.items)
    assert len(pair.inbound.effects) == 1
    blob = max(pair.outbound.items.values(), key=lambda each: each.size)
    came = sum(end - start for start, end in inbound.written[blob.wire_sha256])
    sent = pair.courier.sender.bytes_sent
    assert came == len(BLOB), "bytes that were durable came again"
    assert sent - sum(each.size for each in pair.outbound.items.values()) <= WINDOW_BYTES, "more than a window again"
    assert not pair.strangers


def test_new_rows_are_sent_when_they_are_told_of(tmp_path: Path) -> None:
    async def later(port: int) -> None:
        async with Pair(port) as pair:
            await pair.reach(lambda: pair.courier.state is LinkState.ONLINE)
            pair.outbound.add(b"later", Lane.P2)
            pair.courier.notify()
            pair.hospital_outbound.add(b"an answer", Lane.P1)
            pair.station.notify()
            await pair.reach(lambda: pair.is_complete, 20)

    with relay(tmp_path) as broker:
        broker.start()
        asyncio.run(later(broker.port))


def test_a_half_open_connection_is_given_up_and_nothing_durable_sent_again(tmp_path: Path) -> None:
    async def day(port: int) -> Pair:
        async with Proxy(port) as proxy, Pair(port, proxy.port) as pair:
            blob = pair.outbound.add(BLOB, Lane.P4)
            await pair.reach(lambda: length(pair.hospital_inbound.ranges(blob)) > 2_000_000)
            proxy.freeze()
            await pair.reach(lambda: pair.is_complete)
            return pair

    with relay(tmp_path) as broker:
        broker.start()
        pair = asyncio.run(day(broker.port))
    (written,) = pair.hospital_inbound.written.values()
    assert sum(end - start for start, end in written) == len(BLOB)


def test_an_idle_vehicle_hears_from_a_restarted_hospital(tmp_path: Path) -> None:
    async def day(port: int) -> None:
        async with Pair(port) as pair:
            await pair.reach(lambda: pair.courier.state is LinkState.ONLINE)
            await pair.restart_station()
            pair.hospital_outbound.add(b"an answer", Lane.P1)
            await pair.reach(lambda: pair.is_complete)

    with relay(tmp_path) as broker:
        broker.start()
        asyncio.run(day(broker.port))


async def deliveries(port: int, user: str, client_id: str, listen: str, say: Topic) -> list[bytes]:
    """What the hospital's user hears of a message `user` publishes."""
    hospital = MqttLink(Broker("127.0.0.1", port, "hospital", USERS["hospital"], "hospital"))
    vehicle = MqttLink(Broker("127.0.0.1", port, user, USERS[user], client_id))
    await hospital.connect(("clinic/v1/#",), None)
    try:
        await vehicle.connect((listen,), None)
        vehicle.publish(Publish(say, b"forged"))
        own = Topic.parse(f"clinic/v1/{user}/up/p1")
        vehicle.publish(Publish(own, b"own"))
        heard: list[bytes] = []
        async with asyncio.timeout(60):
            while b"own" not in heard:
                await asyncio.sleep(0.01)
                heard += [each.payload for each in hospital.take_messages()]
        return heard
    finally:
        await vehicle.close(is_graceful=True)
        await hospital.close(is_graceful=True)


def test_a_vehicle_speaks_and_listens_under_its_own_name_only(tmp_path: Path) -> None:
    other = Topic.parse("clinic/v1/V01/up/p0")
    down = "clinic/v1/V02/down/#"
    with relay(tmp_path) as broker:
        broker.start()
        assert asyncio.run(deliveries(broker.port, "V02", "V02", down, other)) == [b"own"]
        for foreign in ("clinic/v1/V01/down/#", "clinic/v1/+/down/#", "#", "$SYS/#", "$share/g/clinic/v1/V01/up/#"):
            with pytest.raises(AccessError):
                asyncio.run(deliveries(broker.port, "V02", "V02", foreign, other))
        with pytest.raises(AccessError):
            asyncio.run(deliveries(broker.port, "V02", "V01", down, other))


def test_nobody_hears_what_is_retained_for_others(tmp_path: Path) -> None:
    async def heard(port: int) -> list[bytes]:
        hospital = MqttLink(Broker("127.0.0.1", port, "hospital", USERS["hospital"], "hospital"))
        await hospital.connect(("clinic/v1/+/state",), None)
        other = MqttLink(Broker("127.0.0.1", port, "V01", USERS["V01"], "V01"))
        await other.connect(("clinic/v1/V01/down/#",), None)
        other.publish(Publish(Topic.parse("clinic/v1/V01/state"), b"V01 is here", is_retained=True))
        async with asyncio.timeout(60):
            await hospital.wakeup.wait()
        curious = MqttLink(Broker("127.0.0.1", port, "V02", USERS["V02"], "V02"))
        await curious.connect(("clinic/v1/V02/down/#",), None)
        hospital.publish(Publish(Topic.parse("clinic/v1/V02/down/p1"), b"for V02"))
        got: list[bytes] = []
        async with asyncio.timeout(60):
            while b"for V02" not in got:
                await asyncio.sleep(0.01)
                got += [each.payload for each in curious.take_messages()]
        for link in (hospital, other, curious):
            await link.close(is_graceful=True)
        return got

    with relay(tmp_path) as broker:
        broker.start()
        assert asyncio.run(heard(broker.port)) == [b"for V02"]


def test_a_packet_without_measure_ends_its_connection_only(tmp_path: Path) -> None:
    async def flood(port: int) -> None:
        good = MqttLink(Broker("127.0.0.1", port, "V01", USERS["V01"], "V01"))
        await good.connect(("clinic/v1/V01/down/#",), None)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        client_id, user, password = b"V02", b"V02", USERS["V02"].encode()
        fields = b"".join(len(each).to_bytes(2, "big") + each for each in (client_id, user, password))
        body = b"\0\4MQTT\4\xc2\0\x14" + fields  # clean session, user and password, keep alive 20 s
        writer.write(b"\x10" + bytes((len(body),)) + body)
        assert (await reader.readexactly(4))[3] == 0
        topic = b"clinic/v1/V02/up/p4"
        # 256 MiB - 1 announced (MQTT 3.1.1, section 2.2.3), of which nothing may be waited for
        writer.write(b"\x30\xff\xff\xff\x7f" + len(topic).to_bytes(2, "big") + topic + bytes(4096))
        async with asyncio.timeout(60):
            assert await reader.read() == b""
        writer.close()
        assert good.is_up
        await good.close(is_graceful=True)

    with relay(tmp_path) as broker:
        broker.start()
        asyncio.run(flood(broker.port))


def test_a_silent_connection_is_put_out() -> None:
    class Transport:
        is_aborted = False

        def abort(self) -> None:
            self.is_aborted = True

    class Stream:
        def __init__(self) -> None:
            self.transport = Transport()

        def write(self, data: bytes) -> None:
            """Nobody reads it."""

    silent, known = Stream(), Stream()
    speakers = [Speaker(silent), Speaker(known)]  # type: ignore[arg-type]  # all it uses of a StreamWriter
    speakers[1].write(b"CONNACK")
    for speaker in speakers:
        speaker.put_out_unless_spoken_to()
    assert (silent.transport.is_aborted, known.transport.is_aborted) == (True, False)


def test_a_wrong_password_is_told_and_a_new_vehicle_needs_no_restart(tmp_path: Path) -> None:
    async def try_connect(port: int, user: str, password: str) -> None:
        link = MqttLink(Broker("127.0.0.1", port, user, password, user))
        try:
            will = Publish(Topic.parse(f"clinic/v1/{user}/state"), b"gone", is_retained=True)
            await link.connect((f"clinic/v1/{user}/{Way.DOWN}/#",), will)
        finally:
            await link.close(is_graceful=True)

    with relay(tmp_path) as broker:
        broker.start()
        with pytest.raises(AccessError):
            asyncio.run(try_connect(broker.port, "V01", "guess"))
        with pytest.raises(AccessError):
            asyncio.run(try_connect(broker.port, "V03", "p" * 40))
        path = tmp_path / "relay.json"
        config = RelayConfig.load(path)
        msgspec.structs.replace(config, users=USERS | {"V03": "p" * 40}).save(path)
        asyncio.run(try_connect(broker.port, "V03", "p" * 40))
        config.save(path)
        with pytest.raises(AccessError):
            asyncio.run(try_connect(broker.port, "V03", "p" * 40))


def test_no_broker_means_offline(tmp_path: Path) -> None:
    with relay(tmp_path) as broker, pytest.raises(Offline):
        asyncio.run(
            MqttLink(Broker("127.0.0.1", broker.port, "V01", USERS["V01"], "V01")).connect(
                ("clinic/v1/V01/down/#",), None
            )
        )


def test_the_relay_says_when_it_is_ready_and_where(tmp_path: Path) -> None:
    RelayConfig(hospital_user="hospital", users={}).save(tmp_path / "relay.json")
    process = subprocess.Popen(relay_command(tmp_path / "relay.json"), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        line = readiness(process)
        assert line["ready"] is True
        assert isinstance(line["port"], int)
        process.terminate()
        _, complaints = process.communicate(timeout=60)
        assert process.returncode == 0
        assert complaints == b""
    finally:
        process.kill()
        process.communicate()


def test_a_wrong_file_is_refused_with_a_way_out(tmp_path: Path) -> None:
    (tmp_path / "relay.json").write_text('{"hospital_user": "h", "users": {}, "colour": "red"}')
    done = subprocess.run(relay_command(tmp_path / "relay.json"), capture_output=True, timeout=60, check=False)
    assert done.returncode == 1
    assert b"colour" in done.stderr
