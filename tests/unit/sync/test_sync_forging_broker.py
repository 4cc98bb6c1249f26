"""Hazard 4: a broker in another's hands. It may delay and drop, but it ends no row and makes nothing believed."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clinic_records.clock import to_ms
from clinic_records.record import Lane
from sync.abilities import OURS, PROTOCOL
from sync.courier import LinkState
from sync.frames import Challenge, Frame, Greet, Have, Hello, Items, KeyNews, Part, Receipts, Welcome, encode, sign
from sync.keys import OriginKeys
from sync.memory_stores import MemoryInbound, MemorySessions
from sync.ports import Receipt, Verdict
from sync.topics import CREDIT, SESSION, Topic, Way
from tests.unit.sync.sync_world import FORGER_KEYS, HOSPITAL_KEYS, VEHICLE, VEHICLE_KEYS, World

FORGERIES = st.sampled_from(
    ["welcome", "receipts", "their own", "have", "greet", "challenge", "keys", "items", "part", "hello", "noise"]
)


def a_welcome(world: World, keys: OriginKeys) -> Frame:
    said = Welcome(
        vehicle=VEHICLE,
        session=world.courier._session,
        hospital="H1",
        verdict="ok",
        epoch="e-forged",
        next_token="7.forged",
        incarnation=9,
        highest_receipt_seq=0,
        time_ms=to_ms(world.clock.now()),
        window_bytes=2**20,
        proto=PROTOCOL,
        kinds=OURS.kinds,
        codecs=("raw",),
        dict_ids=(),
    )
    return sign(said, keys)


def receipts(world: World, keys: OriginKeys, row: str) -> Frame:
    epoch = world.box.sessions.state.epoch
    ended = Receipt(row, Verdict.APPLIED, epoch, 1, world.clock.now())
    return sign(Receipts(VEHICLE, world.courier._session, epoch, (ended,)), keys)


def forged(kind: str, world: World, row: str) -> Frame | bytes:
    """Whatever a broker can say downwards without the hospital's key; it does have the vehicle's public ones."""
    match kind:
        case "welcome":
            return a_welcome(world, FORGER_KEYS)
        case "receipts":
            return receipts(world, FORGER_KEYS, row)
        case "their own":
            return receipts(world, VEHICLE_KEYS, row)  # what the vehicle itself signed, thrown back
        case "have":
            return Have(row, ((0, 10_000),))
        case "greet":
            return Greet()
        case "challenge":
            return Challenge(world.courier._session, "forged")
        case "keys":
            return KeyNews((b"\x93\xc4\x00\xc4\x00\xc4\x00",))
        case "items":
            return Items(Lane.P0, (b"dispense this",))
        case "part":
            return Part("ab" * 32, 4, Lane.P0, 0, b"evil")
        case "hello":
            return sign(Hello(VEHICLE, "s", "", 1, "", "", 0, 0, 1, 3, (), (), ()), FORGER_KEYS)
        case _:
            return b"\xc1\x00noise"


def say(world: World, kind: str, row: str) -> None:
    frame = forged(kind, world, row)
    channel = CREDIT if kind in {"receipts", "their own", "have"} else SESSION
    data = frame if isinstance(frame, bytes) else encode(frame)
    world.courier.on_message(Topic(VEHICLE, Way.DOWN, channel), data, world.clock.monotonic_s())


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(FORGERIES, st.floats(0, 20)), min_size=1, max_size=12), st.booleans())
def test_a_forging_broker_ends_nothing(forgeries: list[tuple[str, float]], has_session: bool) -> None:
    world = World()
    world.box.inbound = MemoryInbound(MemorySessions(), origin=HOSPITAL_KEYS.public)
    world.start_courier()
    if has_session:
        world.run(lambda: world.courier.state is LinkState.ONLINE, 60)
    world.net.start_station(None)
    before = world.box.sessions.state
    row = world.box.outbound.add(b"an alert" * 100, Lane.P0)
    for kind, wait_s in forgeries:
        say(world, kind, row)
        world.net.run(lambda: False, wait_s)
    assert world.box.outbound.open == {row}
    assert not world.box.inbound.effects
    after = world.box.sessions.state
    assert (after.token, after.epoch, after.incarnation, after.peer_keys) == (
        before.token,
        before.epoch,
        before.incarnation,
        before.peer_keys,
    )
    world.start_station()
    world.run(lambda: world.is_complete, 600)


def test_the_hospitals_own_words_from_another_session_end_nothing() -> None:
    world = World()
    world.run(lambda: world.courier.state is LinkState.ONLINE, 60)
    row = world.box.outbound.add(b"row", Lane.P2)
    replayed = receipts(world, HOSPITAL_KEYS, row)
    world.net.start_station(None)
    world.net.cut(VEHICLE)
    world.net.run(lambda: False, 30)
    world.courier.on_message(Topic(VEHICLE, Way.DOWN, CREDIT), encode(replayed), world.clock.monotonic_s())
    assert world.box.outbound.open == {row}
