"""Who may do what at a broker, proved by what happens and not by what it answers: the relay, and real mosquitto."""

import asyncio
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from clinic_records.errors import AccessError, Offline
from cloud_hospital.authority.authority import Authority
from cloud_hospital.broker.kick import hold_name
from sync.mqtt import Broker, MqttLink
from tests.integration.sync.tls_world import (
    MONTH,
    NOW,
    TlsWorld,
    connected,
    hear,
    is_let_in,
    say,
    tls_world,
    until,
)


def kinds() -> list[Any]:
    return [pytest.param("relay"), pytest.param("mosquitto", marks=pytest.mark.peer)]


@pytest.fixture(params=kinds())
def world(request: pytest.FixtureRequest, tmp_path: Path, need_program: Callable[[str], str]) -> Iterator[TlsWorld]:
    if request.param == "mosquitto":
        need_program("mosquitto")
    with tls_world(tmp_path, request.param) as made:
        yield made


FOREIGN = (
    "clinic/v1/V01/up/p0",
    "clinic/v1/V01/up/session",
    "clinic/v1/V01/state",
    "clinic/v1/V01/down/p1",
    "clinic/v1/V02/down/p1",
)


def test_a_vehicle_publishes_under_its_own_name_only(world: TlsWorld) -> None:
    async def play() -> tuple[list[bytes], list[bytes]]:
        async with (
            connected(world.at_broker("hospital"), "clinic/v1/#") as hospital,
            connected(world.at_broker("V01")) as victim,
            connected(world.at_broker("V02")) as thief,
        ):
            for topic in FOREIGN:
                say(thief, topic, b"forged")
            say(thief, "clinic/v1/V02/state", b"own")
            say(thief, "clinic/v1/V02/up/p1", b"last")
            heard = await hear(hospital, b"last")
            say(hospital, "clinic/v1/V01/down/p1", b"for V01")
            return heard, await hear(victim, b"for V01")

    assert asyncio.run(play()) == ([b"own", b"last"], [b"for V01"])


OTHERS = ("clinic/v1/V01/down/#", "clinic/v1/+/up/#", "clinic/v1/V01/state", "clinic/#", "#", "+/v1/+/down/+", "$SYS/#")


def test_a_vehicle_hears_nothing_of_others(world: TlsWorld) -> None:
    async def heard_of(wanted: str, hospital: MqttLink, victim: MqttLink) -> list[bytes]:
        curious = MqttLink(world.at_broker("V02"))
        try:
            await curious.connect((wanted, "clinic/v1/V02/down/#"), None)
        except (AccessError, Offline):
            return []  # refused at once
        say(victim, "clinic/v1/V01/up/p0", b"of V01")
        say(victim, "clinic/v1/V01/state", b"of V01")
        say(hospital, "clinic/v1/V01/down/p1", wanted.encode())
        await hear(victim, wanted.encode())  # everything of V01 has passed the broker
        say(hospital, "clinic/v1/V02/down/p1", b"for V02")
        heard = await hear(curious, b"for V02")
        await curious.close(is_graceful=True)
        return [each for each in heard if each != b"for V02"]

    async def play() -> None:
        async with connected(world.at_broker("hospital")) as hospital, connected(world.at_broker("V01")) as victim:
            for wanted in OTHERS:
                assert await heard_of(wanted, hospital, victim) == [], wanted

    asyncio.run(play())


def test_a_vehicle_diverts_nothing_from_the_workers(world: TlsWorld) -> None:
    """It does not know the group's secret name; in a group of its own it takes nothing from anybody (sync rule 18)."""
    secret = "0f" * 16

    async def play() -> list[bytes]:
        is_shared = world.kind == "mosquitto"
        wanted = f"$share/{secret}/clinic/v1/+/up/p2" if is_shared else "clinic/v1/+/up/p2"
        worker = world.at_broker("hospital-1", mqtt5=is_shared)
        async with connected(worker, wanted) as worker_link, connected(world.at_broker("V01")) as victim:
            thief = MqttLink(world.at_broker("V02", mqtt5=is_shared))
            try:
                await thief.connect(("$share/intake/clinic/v1/+/up/p2", "$share/g/clinic/v1/V01/up/#"), None)
            except AccessError:
                assert not is_shared
            sent = [b"%d" % number for number in range(200)]
            for each in sent:
                say(victim, "clinic/v1/V01/up/p2", each)
            heard = await hear(worker_link, sent[-1])
            assert thief.take_messages() == []
            await thief.close(is_graceful=True)
            return sorted(heard, key=int)

    assert asyncio.run(play()) == [b"%d" % number for number in range(200)]


@pytest.mark.peer
def test_mosquitto_shares_among_workers_and_waits_for_their_acknowledgements(
    tmp_path: Path, need_program: Callable[[str], str]
) -> None:
    need_program("mosquitto")

    async def play(world: TlsWorld) -> None:
        wanted = f"$share/{'0f' * 16}/clinic/v1/+/up/p2"
        async with (
            connected(world.at_broker("hospital-1", mqtt5=True, unacked=2), wanted) as one,
            connected(world.at_broker("hospital-2", mqtt5=True, unacked=2), wanted) as two,
            connected(world.at_broker("V01")) as vehicle,
        ):
            heard: list[bytes] = []
            sent = [b"%d" % number for number in range(20)]
            for each in sent:
                say(vehicle, "clinic/v1/V01/up/p2", each)
            for link in (one, two):
                await until(lambda link=link: len(link._messages) == 2)  # type: ignore[misc]  # bound at once
            while len(heard) < len(sent):
                await until(lambda: bool(one._messages or two._messages))
                for link in (one, two):
                    taken = link.take_messages()
                    heard += [each.payload for each in taken]
                    link.acknowledge(taken)
            assert sorted(heard, key=int) == sent

    with tls_world(tmp_path, "mosquitto") as world:
        asyncio.run(play(world))


def test_a_vehicle_ends_no_connection_but_its_own(world: TlsWorld) -> None:
    async def play() -> None:
        async with connected(world.at_broker("hospital")) as hospital, connected(world.at_broker("V01")) as victim:
            for name in ("V01", "hospital"):
                await is_let_in(world.at_broker("V02", client_id=name), "clinic/v1/V02/down/#")
            assert await is_let_in(world.at_broker("V02"))
            say(hospital, "clinic/v1/V01/down/p1", b"for V01")
            assert await hear(victim, b"for V01") == [b"for V01"]
            assert hospital.is_up
            assert victim.is_up

    asyncio.run(play())


def test_nobody_comes_in_without_a_good_certificate(world: TlsWorld, tmp_path: Path) -> None:
    other = Authority.create(tmp_path / "other", "H01", NOW)

    async def play() -> None:
        good = world.identity("V01")
        assert await is_let_in(world.at_broker("V01", good))
        strangers = {
            "another authority": world.at_broker("V01", world.identity("V01", by=other)),
            "another authority as the hospital": world.at_broker("hospital", world.identity("hospital", by=other)),
            "ended": world.at_broker("V01", world.identity("V01", -MONTH)),
            "the broker's own, made for servers": world.at_broker("V01", world._server),
            "no TLS": Broker("127.0.0.1", world.port, "V01", "", "V01"),
            "no TLS and a password": Broker("127.0.0.1", world.port, "V01", "guess", "V01"),
        }
        for what, broker in strangers.items():
            assert not await is_let_in(broker), what
        assert not await asyncio.to_thread(gets_connack, world)
        assert await is_let_in(world.at_broker("V01", good))

    asyncio.run(play())


def gets_connack(world: TlsWorld) -> bool:
    """Whether a TLS client without any certificate is answered."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(world.authority.root)
    connect = b"\x10\x13\x00\x04MQTT\x04\x02\x00\x14\x00\x07V01-x-y"
    try:
        raw = socket.create_connection(("127.0.0.1", world.port), 20)
        with raw, context.wrap_socket(raw, server_hostname="127.0.0.1") as sock:
            sock.sendall(connect)
            return bool(sock.recv(4))
    except (OSError, ssl.SSLError):
        return False


def test_a_name_in_the_connection_does_not_count_against_the_certificate(world: TlsWorld) -> None:
    """A vehicle that says it is another, or the hospital, is itself at best."""

    async def play() -> list[bytes]:
        own = world.identity("V02")
        async with connected(world.at_broker("hospital-1"), "clinic/v1/#") as hospital:
            for name in ("V01", "hospital"):
                liar = MqttLink(world.at_broker(name, own))
                try:
                    await liar.connect(("clinic/v1/V02/down/#",), None)
                except (AccessError, Offline):
                    continue
                say(liar, "clinic/v1/V01/up/p0", b"forged")
                say(liar, "clinic/v1/V02/up/p0", b"own at best")
                await liar.close(is_graceful=True)
            async with connected(world.at_broker("V03")) as honest:
                say(honest, "clinic/v1/V03/up/p0", b"last")
                return await hear(hospital, b"last")

    assert set(asyncio.run(play())) <= {b"own at best", b"last"}


def test_a_revoked_vehicle_is_off_and_stays_off(world: TlsWorld) -> None:
    async def play() -> None:
        stolen, kept = world.identity("V01"), world.identity("V02")
        async with connected(world.at_broker("V02", kept)) as other:
            thief = MqttLink(world.at_broker("V01", stolen))
            await thief.connect(("clinic/v1/V01/down/#",), None)
            world.void(stolen, "V01")
            if world.kind == "mosquitto":  # the relay ends connections by itself
                assert await hold_name(world.at_broker("V01"), hold_s=0.5)
            await until(lambda: not thief.is_up)
            await thief.close(is_graceful=False)
            assert not await is_let_in(world.at_broker("V01", stolen))
            assert other.is_up
        assert await is_let_in(world.at_broker("V02", kept))

    asyncio.run(play())


@pytest.mark.peer
def test_a_name_is_held_until_the_revoked_box_is_out(tmp_path: Path, need_program: Callable[[str], str]) -> None:
    """A broker that has not read the new list yet lets the box in once more: its name is taken again."""
    need_program("mosquitto")

    async def play(world: TlsWorld) -> None:
        stolen = world.identity("V01")
        world.authority.void("V01", NOW, "stolen")  # the broker is not told
        back = 0

        async def come_back() -> None:
            nonlocal back
            while back < 3:
                async with connected(world.at_broker("V01", stolen)) as link:
                    back += 1
                    await until(lambda: not link.is_up)
            world.reload()

        thief = asyncio.create_task(come_back())
        await until(lambda: back == 1)
        assert await hold_name(world.at_broker("V01"), hold_s=1.0)
        await thief
        assert back == 3
        assert not await is_let_in(world.at_broker("V01", stolen))

    with tls_world(tmp_path, "mosquitto") as world:
        asyncio.run(play(world))


def test_a_name_that_is_never_free_is_given_up(world: TlsWorld) -> None:
    world.broker.kill()
    assert not asyncio.run(hold_name(world.at_broker("V01"), hold_s=0.1, try_s=0.3))


def test_a_broker_of_311_is_spoken_to_in_311() -> None:
    levels: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readexactly(2)
        body = await reader.readexactly(head[1])
        levels.append(body[6])
        if body[6] == 4:
            writer.write(b"\x20\x02\x00\x00")
            head = await reader.readexactly(2)
            body = await reader.readexactly(head[1])
            writer.write(b"\x90\x03" + body[:2] + b"\x01")
            await reader.read()
        writer.close()

    async def play() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        link = MqttLink(Broker("127.0.0.1", port, "V01", "", "V01", is_mqtt5=True))
        with pytest.raises(Offline):
            await link.connect(("clinic/v1/V01/down/#",), None)
        await link.connect(("clinic/v1/V01/down/#",), None)
        assert link.is_up
        await link.close(is_graceful=True)
        server.close()
        await server.wait_closed()

    asyncio.run(play())
    assert levels == [5, 4]
