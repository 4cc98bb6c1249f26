"""Several stations with parts of the duty serve the same vehicle: nothing lost, nothing twice, one courier down."""

import hashlib
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clinic_records.record import Lane
from sync.byteranges import length
from sync.courier import Alarm, LinkState
from sync.desk import Desk, OneByOne
from sync.duty import BULK, EVERYTHING, URGENT, Duty
from sync.frames import Challenge, Greet, Hello, Items, Receipts, Signed, decode, encode, sign, verify
from sync.memory import Weather
from sync.memory_crew import Crew, MemoryLease, MemoryLeases
from sync.ports import SessionState
from sync.station import HospitalStation, Peer
from sync.topics import SESSION, Publish, Topic, Way
from tests.unit.sync.sync_world import HOSPITAL_KEYS, VEHICLE, VEHICLE_KEYS, World

BLOB = random.Random(7).randbytes(3_000_000)
DUTIES = {"urgent-1": URGENT, "urgent-2": URGENT, "bulk-1": BULK, "bulk-2": BULK, "bulk-3": BULK}


class CrewWorld(World):
    """The world of one vehicle with five workers at the hospital."""

    def __init__(self, seed: int = 0, weather: Weather | None = None) -> None:
        super().__init__(seed, weather)
        self.leases = MemoryLeases(self.clock)
        self.crew = Crew({name: self.station_of(name) for name in DUTIES}, self.leases, self.rng)
        self.net.start_station(self.crew)

    def station_of(self, name: str) -> HospitalStation:
        def port(_: object) -> Peer:
            lease = MemoryLease(self.leases, VEHICLE, name)
            return Peer(
                VEHICLE_KEYS.public,
                self.hospital_inbound,
                self.hospital_outbound,
                self.hospital_sessions,
                lease=lease,
            )

        return HospitalStation(
            "H1",
            keys=HOSPITAL_KEYS,
            port=port,
            clock=self.clock,
            random_bytes=self.rng.randbytes,
            on_stranger=lambda vehicle, _, reason: self.strangers.append((vehicle, reason)),
            on_alarm=lambda vehicle, what: self.alarms.append((vehicle, what)),
            duty=DUTIES[name],
        )

    def kill(self, name: str) -> None:
        """The process dies with all it held; its next one hears what is retained, and takes over what lapsed."""
        self.crew.stations[name] = station = self.station_of(name)
        now = self.clock.monotonic_s()
        station.on_connected(now)
        for message in list(self.net._retained.values()):
            station.on_message(message.topic, message.payload, now)

    def look(self) -> None:
        """What workers do every few seconds: claim what nobody has."""
        if not self.leases.holder(VEHICLE):
            for name, station in self.crew.stations.items():
                if DUTIES[name].has_sessions and station.resume(VEHICLE, self.clock.monotonic_s()):
                    return

    @property
    def couriers_down(self) -> list[str]:
        return [name for name, station in self.crew.stations.items() if station.online]


def test_the_parts_of_the_duty_are_the_whole_of_it() -> None:
    def heard(*duties: Duty) -> set[str]:
        return {each for duty in duties for each in duty.filters}

    assert heard(URGENT, BULK) == heard(EVERYTHING)
    assert not set(URGENT.lanes) & set(BULK.lanes)


def test_only_what_any_worker_may_do_is_shared() -> None:
    filters = Duty("urgent", URGENT.lanes, has_sessions=True, group="s3cret").filters
    assert filters == (
        "$share/s3cret-urgent/clinic/v1/+/up/p0",
        "$share/s3cret-urgent/clinic/v1/+/up/p1",
        "$share/s3cret-urgent/clinic/v1/+/up/session",
        "clinic/v1/+/up/credit",
        "clinic/v1/+/state",
    )


def test_a_day_over_five_workers() -> None:
    world = CrewWorld()
    for number in range(40):
        world.box.outbound.add(b"record %d" % number, Lane.P2 if number % 4 else Lane.P0)
    world.box.outbound.add(BLOB, Lane.P4)
    world.hospital_outbound.add(b"schedule" * 30_000, Lane.P1)
    world.run(lambda: world.is_complete, 60)
    assert sorted(world.hospital_inbound.effects) == sorted(world.box.outbound.items)
    assert len(world.couriers_down) == 1


def test_a_worker_that_dies_costs_no_new_session() -> None:
    world = CrewWorld()
    blob = world.box.outbound.add(BLOB, Lane.P4)
    world.run(lambda: length(world.hospital_inbound.ranges(blob)) > 500_000, 60)
    session = world.courier._session
    for name in ("bulk-1", "bulk-2", "bulk-3"):
        world.kill(name)
    urgent = world.box.outbound.add(b"urgent", Lane.P0)
    world.courier.notify()
    world.run(lambda: urgent in world.hospital_inbound.effects, 60)
    assert world.courier._session == session
    world.run(lambda: world.is_complete, 60)


def test_another_worker_sends_down_where_the_first_died() -> None:
    world = CrewWorld()
    world.run(lambda: world.courier.state is LinkState.ONLINE, 60)
    (first,) = world.couriers_down
    session = world.courier._session
    world.crew.stations.pop(first)
    world.hospital_outbound.add(b"an answer", Lane.P1)
    world.net.run(lambda: False, 20)  # the lease lapses
    world.look()
    world.run(lambda: world.is_complete, 5)
    assert world.couriers_down != [first]
    assert world.courier._session == session


def test_who_lost_the_lease_falls_silent() -> None:
    world = CrewWorld()
    world.run(lambda: world.courier.state is LinkState.ONLINE, 60)
    (first,) = world.couriers_down
    other = next(name for name, duty in DUTIES.items() if duty.has_sessions and name != first)
    world.leases.drop(VEHICLE)
    assert world.crew.stations[other].resume(VEHICLE, world.clock.monotonic_s())
    world.leases.give(VEHICLE, other)
    world.hospital_outbound.add(b"an answer", Lane.P1)
    world.run(lambda: world.is_complete, 5)
    assert world.couriers_down == [other]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.integers(0, 2**32),
    sizes=st.lists(st.tuples(st.sampled_from(list(Lane)), st.integers(1, 300_000)), min_size=1, max_size=8),
    loss=st.sampled_from([0.0, 0.02]),
    duplicate=st.sampled_from([0.0, 0.3]),
    jitter=st.sampled_from([0.0, 0.2, 3.0]),
    trouble=st.lists(st.tuples(st.floats(0.1, 8), st.sampled_from(["cut", "vehicle", *DUTIES])), max_size=6),
)
def test_whatever_dies_everything_is_applied_exactly_once(
    seed: int,
    sizes: list[tuple[Lane, int]],
    loss: float,
    duplicate: float,
    jitter: float,
    trouble: list[tuple[float, str]],
) -> None:
    world = CrewWorld(seed, Weather(bytes_per_s=200_000, jitter_s=jitter, loss=loss, duplicate=duplicate))
    for number, (lane, size) in enumerate(sizes):
        store = world.hospital_outbound if number % 3 == 2 else world.box.outbound
        store.add(random.Random(f"{seed}/{number}").randbytes(size), lane)
    for wait_s, what in trouble:
        world.net.run(lambda: world.is_complete, wait_s)
        match what:
            case "cut":
                world.net.cut(VEHICLE)
            case "vehicle":
                world.start_courier()
            case _:
                world.kill(what)
    world.net.weather = Weather(bytes_per_s=200_000)
    for _ in range(400):
        if world.net.run(lambda: world.is_complete, 20):
            break
        world.look()
    assert world.is_complete
    assert sorted(world.hospital_inbound.effects) == sorted(world.box.outbound.items)
    assert sorted(world.box.inbound.effects) == sorted(world.hospital_outbound.items)
    assert world.courier.alarm is Alarm.NONE
    assert not world.alarms


def hello_of(world: World, session: str, nonce: str, token: str) -> bytes:
    hello = Hello(VEHICLE, session, nonce, 1, token, "", 0, 0, 1, 3, (), (), ())
    return encode(sign(hello, VEHICLE_KEYS))


def answers(said: list[Publish]) -> list[object]:
    return [decode(each.payload) for each in said]


def test_a_hello_challenged_by_one_worker_is_admitted_by_another_and_never_twice() -> None:
    """Sync rule 7: an old Hello, held back by the broker, looks like a clone's and must not count."""
    world = CrewWorld()
    world.net.detach(VEHICLE)
    world.hospital_sessions.state = SessionState(token="0.aa", epoch="e1")
    first, second = world.crew.stations["urgent-1"], world.crew.stations["urgent-2"]
    up = Topic(VEHICLE, Way.UP, SESSION)

    def nonce(station: HospitalStation, session: str) -> str:
        station.on_message(up, hello_of(world, session, "", "0.aa"), 0.0)
        (challenge,) = [each for each in answers(station.poll(0.0)) if isinstance(each, Challenge)]
        return challenge.nonce

    old, new = nonce(first, "s1"), nonce(second, "s2")
    first.on_message(up, hello_of(world, "s2", new, "0.aa"), 0.0)
    assert world.hospital_sessions.state.session == "s2"
    before = world.hospital_sessions.state
    for station in (first, second):
        station.on_message(up, hello_of(world, "s1", old, "0.aa"), 0.0)
        station.on_message(up, hello_of(world, "s2", "guess", "0.aa"), 0.0)
    assert world.hospital_sessions.state == before
    assert not world.alarms


@pytest.mark.parametrize("forked", [True, False])
def test_bytes_outside_a_standing_session_are_greeted_and_not_taken(forked: bool) -> None:
    world = CrewWorld()
    world.net.detach(VEHICLE)
    world.hospital_sessions.state = SessionState(session="s1" if forked else "", is_forked=forked)
    station = world.crew.stations["bulk-1"]
    station.on_message(Topic(VEHICLE, Way.UP, Lane.P2), encode(Items(Lane.P2, (b"record",))), 1.0)
    assert [type(each) for each in answers(station.poll(1.0))] == [Greet]
    assert not world.hospital_inbound.effects


def test_receipts_are_signed_for_the_session_that_stands() -> None:
    world = CrewWorld()
    world.net.detach(VEHICLE)
    station = world.crew.stations["bulk-1"]
    for session in ("s1", "s2"):
        world.hospital_sessions.state = SessionState(session=session, epoch="e1")
        station.on_message(Topic(VEHICLE, Way.STATE), b'{"session": "%s", "is_online": true}' % session.encode(), 1.0)
        station.on_message(Topic(VEHICLE, Way.UP, Lane.P2), encode(Items(Lane.P2, (session.encode(),))), 1.0)
        (signed,) = answers(station.poll(1.0))
        assert isinstance(signed, Signed)
        receipts = verify(signed, HOSPITAL_KEYS.public)
        assert isinstance(receipts, Receipts)
        assert (receipts.session, len(receipts.receipts)) == (session, 1)


def test_a_session_is_believed_until_the_stores_say_that_another_one_stands() -> None:
    world = CrewWorld()
    world.net.detach(VEHICLE)
    station = world.crew.stations["bulk-1"]

    def session_of_receipts(record: bytes) -> list[str]:
        station.on_message(Topic(VEHICLE, Way.UP, Lane.P2), encode(Items(Lane.P2, (record,))), 1.0)
        said = [verify(each, HOSPITAL_KEYS.public) for each in answers(station.poll(1.0)) if isinstance(each, Signed)]
        return [each.session for each in said if isinstance(each, Receipts)]

    world.hospital_sessions.state = SessionState(session="s1", epoch="e1")
    assert session_of_receipts(b"one") == ["s1"]
    world.hospital_sessions.state = SessionState(session="s2", epoch="e1")
    station.recheck({VEHICLE: ("s1", "e1")})
    assert station.known == {VEHICLE}
    assert session_of_receipts(b"two") == ["s1"]
    station.recheck({VEHICLE: ("s2", "e1")})
    assert not station.known
    assert session_of_receipts(b"three") == ["s2"]
    station.recheck({})
    assert not station.known


def test_the_most_urgent_lane_is_taken_first() -> None:
    world = World()
    desk = Desk(OneByOne(lambda _: world.hospital_inbound))
    for lane in reversed(Lane):
        desk.on_items(VEHICLE, Items(lane, (lane.encode(),)))
    while desk.has_work:
        desk.work()
    wanted = [hashlib.sha256(lane.encode()).hexdigest() for lane in Lane]
    assert world.hospital_inbound.effects == wanted
