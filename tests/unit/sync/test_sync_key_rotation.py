"""Hazards 4 and 22: keys change, and nobody but their holder can change them."""

import contextlib
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_records.errors import BadFrame, PeerRefused
from clinic_records.record import Lane
from sync.courier import Alarm, LinkState
from sync.frames import KeyNews, encode
from sync.keys import Domain, OriginKeys, RecipientKey, RecipientPrivate
from sync.statements import KeyChain, KeyStatement, state_keys
from sync.topics import SESSION, Topic, Way
from tests.unit.sync.sync_world import FORGER_KEYS, HOSPITAL_KEYS, VEHICLE, VEHICLE_KEYS, World


def keys(number: int) -> OriginKeys:
    return OriginKeys.from_bytes(bytes([100 + number]) * 32)


def box(number: int) -> RecipientKey:
    return RecipientPrivate.from_bytes(bytes([200 + number]) * 32).public


def statement(number: int, *, holder: str = "H1", former: OriginKeys | None = None, **changes: Any) -> bytes:
    """Of the key pair `number`; pair 1 is the enrolment's."""
    fresh = keys(number)
    said = KeyStatement(holder, number, fresh.public.raw, box(number).raw, 1_790_000_000_000)
    before = former or (HOSPITAL_KEYS if number == 2 else keys(number - 1))
    return state_keys(msgspec.structs.replace(said, **changes), former=before, fresh=fresh)


PINNED = KeyChain("H1", 1, (HOSPITAL_KEYS.public,), (box(1),))
STATEMENTS = tuple(map(statement, (2, 3, 4)))


def test_a_chain_is_walked_from_the_pinned_key_on() -> None:
    chain = PINNED.extended(STATEMENTS)
    assert (chain.number, chain.newest, chain.boxes[0]) == (4, keys(4).public, box(4))
    assert [each.raw for each in chain.signers] == [keys(n).public.raw for n in (4, 3, 2)] + [HOSPITAL_KEYS.public.raw]
    message = b"sealed before the rotation"
    for signer in (HOSPITAL_KEYS, keys(2), keys(4)):
        chain.every.verify(Domain.WIRE, message, signer.sign(Domain.WIRE, message))
    with pytest.raises(PeerRefused):
        chain.every.verify(Domain.WIRE, message, FORGER_KEYS.sign(Domain.WIRE, message))


def test_statements_said_again_change_nothing() -> None:
    chain = PINNED.extended(STATEMENTS)
    assert chain.extended(STATEMENTS) == chain
    assert chain.extended(STATEMENTS[:1]) == chain, "a replayed old one is no way back"
    assert PINNED.extended((STATEMENTS[0], *STATEMENTS)) == chain


FORGED = {
    "signed by a stranger": statement(2, former=FORGER_KEYS),
    "of another holder": statement(2, holder="H2"),
    "leaves a number out": statement(3, former=HOSPITAL_KEYS),
    "of an unknown key": statement(3),
    "the new key is not there": state_keys(
        KeyStatement("H1", 2, keys(2).public.raw, box(2).raw, 0), former=HOSPITAL_KEYS, fresh=FORGER_KEYS
    ),
}


@pytest.mark.parametrize("data", FORGED.values(), ids=FORGED)
def test_a_forged_statement_is_refused(data: bytes) -> None:
    with pytest.raises(PeerRefused):
        PINNED.extended([data])


def test_two_statements_of_one_number_show_a_forger() -> None:
    chain = PINNED.extended(STATEMENTS)
    other = state_keys(KeyStatement("H1", 3, keys(9).public.raw, box(9).raw, 0), former=keys(2), fresh=keys(9))
    with pytest.raises(PeerRefused, match="two statements"):
        chain.extended([other])


def test_a_wrong_length_is_no_statement() -> None:
    with pytest.raises(BadFrame):
        PINNED.extended([statement(2, box_public=b"short")])


@given(st.integers(0, 400), st.integers(1, 255))
def test_no_changed_byte_makes_another_key_believed(at: int, change: int) -> None:
    data = bytearray(STATEMENTS[0])
    data[at % len(data)] ^= change
    with contextlib.suppress(PeerRefused, BadFrame):
        chain = PINNED.extended([bytes(data)])
        assert chain.signers in {PINNED.signers, PINNED.extended(STATEMENTS[:1]).signers}


def test_a_vehicle_away_for_two_rotations_follows_and_delivers() -> None:
    world = World()
    world.run(lambda: world.courier.state is LinkState.ONLINE, 60)
    world.net.cut(VEHICLE)
    world.start_station(keys(3), statements=STATEMENTS[:2])
    row = world.box.outbound.add(b"row", Lane.P2)
    world.run(lambda: world.is_complete, 60)
    assert world.box.outbound.receipts[row].receipt_seq == 1
    assert world.courier.alarm is Alarm.NONE
    assert world.box.sessions.state.peer_keys == STATEMENTS[:2]


def test_the_newest_key_is_remembered_over_a_restart_and_the_former_opens_no_session_any_more() -> None:
    world = World()
    world.start_station(keys(2), statements=STATEMENTS[:1])
    world.run(lambda: world.courier.state is LinkState.ONLINE, 60)
    world.start_courier()
    world.run(lambda: world.courier.state is LinkState.ONLINE, 60)
    world.start_station(HOSPITAL_KEYS)  # who stole the old key
    world.net.cut(VEHICLE)
    row = world.box.outbound.add(b"row", Lane.P2)
    world.net.run(lambda: False, 60)
    assert world.courier.alarm is Alarm.PEER_REFUSED
    assert world.box.outbound.open == {row}


@pytest.mark.parametrize("data", FORGED.values(), ids=FORGED)
def test_a_forging_broker_cannot_give_a_vehicle_another_hospital(data: bytes) -> None:
    world = World()
    world.run(lambda: world.courier.state is LinkState.ONLINE, 60)
    down = Topic(VEHICLE, Way.DOWN, SESSION)
    world.courier.on_message(down, encode(KeyNews((data,))), world.clock.monotonic_s())
    assert not world.box.sessions.state.peer_keys
    world.box.outbound.add(b"row", Lane.P2)
    world.courier.notify()
    world.run(lambda: world.is_complete, 60)


def test_a_statement_replayed_to_a_vehicle_that_is_further_changes_nothing() -> None:
    world = World()
    world.start_station(keys(3), statements=STATEMENTS[:2])
    world.run(lambda: world.courier.state is LinkState.ONLINE, 60)
    before = world.box.sessions.state
    world.courier.on_message(Topic(VEHICLE, Way.DOWN, SESSION), encode(KeyNews(STATEMENTS[:1])), 0.0)
    assert world.box.sessions.state == before
    assert world.courier.alarm is Alarm.NONE


@pytest.mark.parametrize("order", [(0, 1, 0), (0, 0, 1), (0, 1, 1, 0), (0, 1)])
def test_statements_said_in_another_order_do_not_spoil_what_is_remembered(order: tuple[int, ...]) -> None:
    """A broker repeats them at will; what the vehicle keeps must lead from its pinned key after a restart too."""
    world = World()
    world.run(lambda: world.courier.state is LinkState.ONLINE, 60)
    news = KeyNews(tuple(STATEMENTS[place] for place in order))
    world.courier.on_message(Topic(VEHICLE, Way.DOWN, SESSION), encode(news), 0.0)
    assert world.box.sessions.state.peer_keys == STATEMENTS[:2]
    world.start_station(keys(3), statements=STATEMENTS[:2])
    world.start_courier()
    world.run(lambda: world.courier.state is LinkState.ONLINE, 60)


class _Follows:
    """The hospital's memory of one vehicle's keys."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.chain = KeyChain(VEHICLE, 1, (VEHICLE_KEYS.public,), (box(1),))

    def __call__(self, statements: tuple[bytes, ...]) -> None:
        self.chain = self.chain.extended(statements)
        self.world.vehicle_public = self.chain.newest


def own(number: int) -> bytes:
    return statement(number, holder=VEHICLE, former=VEHICLE_KEYS if number == 2 else None)


def test_a_vehicles_new_key_is_followed_and_its_old_one_opens_no_session() -> None:
    world = World()
    world.on_keys = _Follows(world)
    world.run(lambda: world.courier.state is LinkState.ONLINE, 60)
    world.start_courier(keys(3), statements=(own(2), own(3)))
    world.box.outbound.add(b"row", Lane.P2)
    world.run(lambda: world.is_complete, 60)
    world.start_courier(VEHICLE_KEYS)  # a thief with the old key file
    world.net.run(lambda: False, 60)
    assert world.courier.state is LinkState.GREETING
    assert world.strangers
    world.start_courier(keys(3), statements=(own(2), own(3)))
    world.run(lambda: world.courier.state is LinkState.ONLINE, 60)


def test_a_hospital_that_forgot_a_vehicles_new_key_learns_it_again() -> None:
    """It was restored from a backup older than the rotation; the vehicle states its keys at each greeting."""
    world = World()
    world.on_keys = _Follows(world)
    world.start_courier(keys(2), statements=(own(2),))
    world.run(lambda: world.courier.state is LinkState.ONLINE, 60)
    world.on_keys, world.vehicle_public = _Follows(world), VEHICLE_KEYS.public
    world.start_station()
    world.net.cut(VEHICLE)
    world.run(lambda: world.courier.state is LinkState.ONLINE, 60)
    assert world.vehicle_public == keys(2).public


def test_a_stranger_cannot_give_a_vehicle_another_key() -> None:
    world = World()
    world.on_keys = _Follows(world)
    forged = state_keys(KeyStatement(VEHICLE, 2, keys(2).public.raw, box(2).raw, 0), former=FORGER_KEYS, fresh=keys(2))
    world.station.on_message(Topic(VEHICLE, Way.UP, SESSION), encode(KeyNews((forged,))), 0.0)
    assert world.vehicle_public == VEHICLE_KEYS.public
    assert [vehicle for vehicle, _ in world.strangers] == [VEHICLE]
