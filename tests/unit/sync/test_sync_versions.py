"""Hazard 15: old vehicle, new hospital, and the reverse. The other end is written by hand, in plain msgpack arrays."""

import hashlib
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest

from clinic_records.record import Kind, Lane
from sync.abilities import OLDEST, OURS, PROTOCOL, Abilities
from sync.courier import Alarm, LinkState
from sync.keys import Domain, OriginKeys
from sync.ports import Verdict
from sync.topics import CREDIT, SESSION, Publish, Topic, Way
from tests.unit.sync.sync_world import HOSPITAL_KEYS, VEHICLE, VEHICLE_KEYS, World


@dataclass(frozen=True)
class Release:
    """What one release of the other end says of itself, and how long its arrays are."""

    proto_min: int
    proto_max: int
    hello_more: tuple[Any, ...] = ()
    welcome_more: tuple[Any, ...] = ()
    kinds: tuple[str, ...] = ("patient", "encounter", "recording", "blob")
    codecs: tuple[str, ...] = ("raw", "zstd")

    @property
    def said(self) -> list[Any]:
        return [self.proto_min, self.proto_max, list(self.kinds), list(self.codecs), []]


assert (OLDEST, PROTOCOL) == (1, 3), "add the new release below"
RELEASES = {
    "N-2": Release(1, 1),
    "N-1": Release(1, 2, hello_more=(1,), welcome_more=(30,)),
    "N": Release(1, 3, hello_more=(1, "", 0), welcome_more=(30,)),
    "N+1": Release(
        2, 4, (1, "", 0, {"new": [1]}), (30, "new"), kinds=("patient", "tele-robotics"), codecs=("raw", "av9")
    ),
}
every_release = pytest.mark.parametrize("release", RELEASES.values(), ids=RELEASES)


def signed(body: list[Any], keys: OriginKeys) -> bytes:
    raw = msgspec.msgpack.encode(body)
    return msgspec.msgpack.encode(["signed", raw, keys.sign(Domain.SESSION, raw)])


@dataclass
class FakeVehicle:
    """A vehicle of some release, talking with our station."""

    release: Release
    world: World
    session: str = "5e55" * 8
    heard: list[tuple[str, Any]] = field(default_factory=list)

    def say(self, payload: bytes, channel: str = SESSION) -> None:
        station, now = self.world.station, self.world.clock.monotonic_s()
        station.on_message(Topic(VEHICLE, Way.UP, channel), payload, now)
        for _ in range(20):
            out: list[Publish] = station.poll(now)
            self.heard += [(each.topic.channel, msgspec.msgpack.decode(each.payload)) for each in out]
            if not out and not station.has_work:
                return

    def greet(self) -> list[Any]:
        """The Welcome, as a plain list."""
        self.say(self._hello(""))
        nonce = next(frame[2] for _, frame in self.heard if frame[0] == "challenge")
        self.say(self._hello(nonce))
        return next(self.opened())

    def opened(self) -> Any:
        """Session messages heard, signatures checked."""
        for _, frame in self.heard:
            if frame[0] == "signed":
                HOSPITAL_KEYS.public.verify(Domain.SESSION, frame[1], frame[2])
                yield msgspec.msgpack.decode(frame[1])

    def _hello(self, nonce: str) -> bytes:
        base = ["hello", VEHICLE, self.session, nonce, 1, "", "", 0, 0]
        return signed(base + self.release.said + list(self.release.hello_more), VEHICLE_KEYS)


@every_release
def test_a_vehicle_of_another_release_delivers_to_our_hospital(release: Release) -> None:
    world = World()
    vehicle = FakeVehicle(release, world)
    welcome = vehicle.greet()
    assert (welcome[0], welcome[4], welcome[11]) == ("welcome", "ok", min(release.proto_max, PROTOCOL))
    assert welcome[12] == [kind.value for kind in Kind]
    data = b"a record of theirs"
    vehicle.say(msgspec.msgpack.encode(["items", "p2", [data]]), Lane.P2)
    receipts = next(each for each in vehicle.opened() if each[0] == "receipts")
    (receipt,) = receipts[4]
    assert (receipt["wire_sha256"], receipt["verdict"]) == (hashlib.sha256(data).hexdigest(), "applied")
    assert {frame[0] for _, frame in vehicle.heard} == {"challenge", "signed"}, "a frame it may not know"
    peer = world.hospital_sessions.state.peer
    assert peer == Abilities(release.proto_min, release.proto_max, release.kinds, release.codecs)


@pytest.mark.parametrize(("release", "verdict"), [(Release(0, 0), "too-old"), (Release(4, 6), "too-new")])
def test_a_vehicle_without_a_common_version_is_told_and_keeps_all(release: Release, verdict: str) -> None:
    world = World()
    assert FakeVehicle(release, world).greet()[4] == verdict
    assert world.alarms == [(VEHICLE, verdict)]
    assert not world.hospital_inbound.effects


class FakeHospital:
    """A hospital of some release, answering our courier. Its station is only what it must be."""

    def __init__(self, release: Release, world: World, verdict: str = "ok") -> None:
        self.release, self.world, self.verdict = release, world, verdict
        self.heard: list[Any] = []
        self.taken: list[bytes] = []

    def talk(self) -> None:
        courier, now = self.world.courier, self.world.clock.monotonic_s()
        courier.on_connected(now)
        for _ in range(20):
            for said in courier.poll(now):
                if said.topic.way is Way.UP:
                    for channel, payload in self._answers(msgspec.msgpack.decode(said.payload)):
                        courier.on_message(Topic(VEHICLE, Way.DOWN, channel), payload, now)

    def _answers(self, frame: list[Any]) -> list[tuple[str, bytes]]:
        self.heard.append(frame)
        if frame[0] == "signed":
            body = msgspec.msgpack.decode(frame[1])
            assert body[0] == "hello"
            self.session = body[2]
            if not body[3]:
                return [(SESSION, msgspec.msgpack.encode(["challenge", body[2], "nonce"]))]
            proto = min(body[10], self.release.proto_max)
            said = [proto, *self.release.said[2:], *self.release.welcome_more]
            welcome = ["welcome", VEHICLE, body[2], "H1", self.verdict, "e1", "1.aa", 1, 0, 0, 2**20]
            return [(SESSION, signed(welcome + said, HOSPITAL_KEYS))]
        if frame[0] == "items":
            self.taken += frame[2]
            return [(CREDIT, self._receipts(frame[2]))]
        raise AssertionError(f"{frame[0]} is not known to that hospital")

    def _receipts(self, files: list[bytes]) -> bytes:
        at = "2026-03-02T00:00:00Z"
        receipts = [
            {
                "wire_sha256": hashlib.sha256(data).hexdigest(),
                "verdict": "applied",
                "epoch": "e1",
                "receipt_seq": 1,
                "at": at,
            }
            for data in files
        ]
        return signed(["receipts", VEHICLE, self.session, "e1", receipts], HOSPITAL_KEYS)


@every_release
def test_our_vehicle_delivers_to_a_hospital_of_another_release(release: Release) -> None:
    world = World()
    world.net.start_station(None)
    world.box.outbound.add(b"a record of ours", Lane.P2)
    hospital = FakeHospital(release, world)
    hospital.talk()
    assert hospital.taken == [b"a record of ours"]
    assert not world.box.outbound.open
    state = world.box.sessions.state
    agreed = min(release.proto_max, PROTOCOL)
    assert state.peer == Abilities(agreed, agreed, release.kinds, release.codecs)
    assert state.keep_days == 30
    hello = msgspec.msgpack.decode(next(frame for frame in hospital.heard if frame[0] == "signed")[1])
    assert hello[9:11] == [OLDEST, PROTOCOL]


@pytest.mark.parametrize(("verdict", "alarm"), [("too-old", Alarm.TOO_OLD), ("too-new", Alarm.TOO_NEW)])
def test_our_vehicle_without_a_common_version_waits_with_an_alarm(verdict: str, alarm: Alarm) -> None:
    world = World()
    world.net.start_station(None)
    row = world.box.outbound.add(b"a record of ours", Lane.P2)
    FakeHospital(RELEASES["N+1"], world, verdict).talk()
    assert (world.courier.state, world.courier.alarm) == (LinkState.HELD, alarm)
    assert world.box.outbound.open == {row}


def test_what_an_older_hospital_held_is_applied_after_its_upgrade_and_the_vehicle_learns_it() -> None:
    world = World()
    row = world.box.outbound.add(b"a kind it does not know", Lane.P2)
    world.hospital_inbound.verdicts[row] = Verdict.HELD
    world.run(lambda: world.is_complete, 60)
    assert world.box.outbound.receipts[row].verdict is Verdict.HELD
    receipt = world.hospital_inbound.receipts[row]
    world.hospital_inbound.receipts[row] = msgspec.structs.replace(receipt, verdict=Verdict.APPLIED, receipt_seq=2)
    world.run(lambda: world.box.outbound.receipts[row].verdict is Verdict.APPLIED, 700)
    assert world.courier.state is LinkState.ONLINE


def test_all_that_is_held_is_asked_for_in_turn_and_little_at_a_time() -> None:
    world = World()
    rows = [world.box.outbound.add(b"%d" % number, Lane.P2) for number in range(70)]
    world.hospital_inbound.verdicts.update(dict.fromkeys(rows, Verdict.HELD))
    world.run(lambda: world.is_complete, 60)
    for row, receipt in world.hospital_inbound.receipts.items():
        world.hospital_inbound.receipts[row] = msgspec.structs.replace(receipt, verdict=Verdict.APPLIED)

    def learnt() -> int:
        return sum(receipt.verdict is Verdict.APPLIED for receipt in world.box.outbound.receipts.values())

    world.net.run(lambda: learnt() > 0, 700)
    world.net.run(lambda: False, 30)
    assert learnt() <= 32
    world.run(lambda: learnt() == 70, 3600)


@pytest.mark.parametrize("other", [Abilities(1, 1), Abilities(2, 4, ("x",), ("av9",))])
def test_two_programs_agree_on_the_newest_common_version(other: Abilities) -> None:
    assert OURS.agreed(other) == other.agreed(OURS) == min(3, other.proto_max)


def test_what_an_older_vehicle_held_is_asked_for_at_the_next_session() -> None:
    world = World()
    row = world.hospital_outbound.add(b"a kind it does not know", Lane.P1)
    world.box.inbound.verdicts[row] = Verdict.HELD
    world.run(lambda: world.is_complete, 60)
    receipt = world.box.inbound.receipts[row]
    world.box.inbound.receipts[row] = msgspec.structs.replace(receipt, verdict=Verdict.APPLIED)
    world.net.cut(VEHICLE)
    world.run(lambda: world.hospital_outbound.receipts[row].verdict is Verdict.APPLIED, 60)


@pytest.mark.parametrize(("name", "hears"), [("N-2", False), ("N-1", True), ("N", True)])
def test_key_statements_are_said_only_to_who_reads_them(name: str, *, hears: bool) -> None:
    world = World()
    world.start_station(statements=(b"a statement",))
    vehicle = FakeVehicle(RELEASES[name], world)
    vehicle.greet()
    assert (["keys", [b"a statement"]] in [frame for _, frame in vehicle.heard]) is hears


@pytest.mark.parametrize(("name", "hears"), [("N-2", False), ("N-1", True)])
def test_a_vehicles_statements_are_said_again_only_to_a_hospital_that_reads_them(name: str, *, hears: bool) -> None:
    world = World()
    world.net.start_station(None)
    release = RELEASES[name]
    peer = Abilities(1, release.proto_max, release.kinds, release.codecs)
    world.box.sessions.state = msgspec.structs.replace(world.box.sessions.state, peer=peer)
    world.start_courier(statements=(b"a statement",))
    world.courier.on_connected(0.0)
    said = [msgspec.msgpack.decode(each.payload) for each in world.courier.poll(0.0) if each.topic.way is Way.UP]
    assert [frame[0] for frame in said] == (["keys", "signed"] if hears else ["signed"])
