"""What the simulation of fleets found in the core, each once more by itself."""

import random

import msgspec

from clinic_records.record import Lane
from sync.courier import LinkState
from sync.frames import Have, encode
from sync.memory import Weather
from sync.topics import SESSION, Topic, Way
from tests.unit.sync.sync_world import VEHICLE, World

BLOB = random.Random(7).randbytes(300_000)


def test_a_liars_have_holds_a_file_back_until_the_receipt_is_asked_for_and_no_longer() -> None:
    world = World(weather=Weather(bytes_per_s=8_000))
    blob = world.box.outbound.add(BLOB, Lane.P4)
    world.run(lambda: bool(world.hospital_inbound.written.get(blob)), 60)
    lie = encode(Have(blob, ((0, len(BLOB)),)))
    world.courier.on_message(Topic(VEHICLE, Way.DOWN, SESSION), lie, world.clock.monotonic_s())
    world.run(lambda: world.is_complete, 300)
    assert world.hospital_inbound.effects == [blob]


def test_a_hospital_put_back_to_an_older_session_greets_whoever_is_in_a_newer_one() -> None:
    world = World()
    world.run(lambda: world.courier.state is LinkState.ONLINE, 60)
    newer = world.hospital_sessions.state
    world.hospital_sessions.state = msgspec.structs.replace(newer, session="00" * 16)
    world.start_station()
    assert world.station.resume(VEHICLE, world.clock.monotonic_s())
    world.run(lambda: world.hospital_sessions.state.session not in {"00" * 16, newer.session}, 60)
    world.run(lambda: world.courier.state is LinkState.ONLINE, 60)


def test_a_box_that_rejoins_gets_again_what_came_down_after_its_backup() -> None:
    world = World()
    world.run(lambda: world.courier.state is LinkState.ONLINE, 60)
    backup = world.box.sessions.state
    answer = world.hospital_outbound.add(b"answer", Lane.P1)
    world.station.notify()
    world.run(lambda: world.is_complete, 60)
    world.net.cut(VEHICLE)
    world.box.inbound.receipts.clear()
    world.box.inbound.effects.clear()
    world.box.sessions.state = msgspec.structs.replace(backup, incarnation=7, rejoin="r1", closed_seq=3)
    world.start_courier()
    world.run(lambda: world.box.inbound.effects == [answer] and world.is_complete, 60)
