"""What came waits until this end has said what it has to say, the most urgent first."""

import hashlib

from clinic_records.record import Lane
from sync.frames import Have, Items, Part
from sync.memory_stores import MemoryInbound, MemorySessions
from sync.pace import Pace
from sync.receiver import Receiver
from sync.sender import Sender
from tests.unit.sync.sync_world import World


def name(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_nothing_is_kept_before_there_is_time_and_the_urgent_one_is_taken_first() -> None:
    store = MemoryInbound(MemorySessions())
    receiver = Receiver(store, lambda: 0.0)
    slice_ = b"s" * 200
    receiver.on_part(Part(name(slice_), 200, Lane.P3, 0, slice_[:100]))
    receiver.on_part(Part(name(slice_), 200, Lane.P3, 100, slice_[100:]))
    receiver.on_items(Items(Lane.P1, (b"answer",)))
    assert store.written == {}
    receiver.work()
    receiver.work()
    assert list(store.effects) == [name(b"answer")]
    while receiver.has_work:
        receiver.work()
    assert list(store.effects) == [name(b"answer"), name(slice_)]


def test_how_long_it_lay_here_is_told_with_the_answer() -> None:
    now = 5.0
    receiver = Receiver(MemoryInbound(MemorySessions()), lambda: now)
    receiver.on_part(Part(name(b"a" * 9), 9, Lane.P4, 0, b"a"), waited_s=0.25)
    receiver.on_items(Items(Lane.P4, (b"whole",)), waited_s=0.125)
    now = 5.5
    while receiver.has_work:
        receiver.work()
    haves, receipts, held_ms = receiver.answers()
    assert [have.held_ms for have in haves] == [750]
    assert (len(receipts), held_ms) == (1, 625)
    assert receiver.answers() == ([], [], 0)


def test_what_a_session_left_unkept_is_forgotten_with_it() -> None:
    store = MemoryInbound(MemorySessions())
    receiver = Receiver(store, lambda: 0.0)
    receiver.on_items(Items(Lane.P1, (b"answer",)))
    receiver.reset()
    assert not receiver.has_work


def test_an_urgent_record_and_its_ecg_travel_in_one_message() -> None:
    world = World()
    for size in (900, 50_000):
        world.box.outbound.add(world.rng.randbytes(size), Lane.P0)
        world.box.outbound.add(world.rng.randbytes(size), Lane.P2)
    pace = Pace()
    pace.rate = 200_000
    sender = Sender(world.box.outbound, pace)
    (first, *_) = sender.poll(0.0)
    assert isinstance(first, Items)
    assert (first.lane, [len(each) for each in first.data]) == (Lane.P0, [900, 50_000])


def test_on_a_slow_link_even_the_urgent_goes_in_parts_of_a_second() -> None:
    world = World()
    world.box.outbound.add(world.rng.randbytes(50_000), Lane.P0)
    pace = Pace()
    pace.rate = 8_000
    (first, *_) = Sender(world.box.outbound, pace).poll(0.0)
    assert isinstance(first, Part)
    assert len(first.data) <= 8_000


def test_the_urgent_waits_for_no_credit_but_not_without_end() -> None:
    world = World()
    pace = Pace()
    pace.rate = 100_000
    sender = Sender(world.box.outbound, pace)
    world.box.outbound.add(world.rng.randbytes(900_000), Lane.P4)
    sender.notify()
    while sender.in_flight < pace.window:
        question = [each for each in sender.poll(0.0) if isinstance(each, Part) and not each.data]
        for each in question:
            sender.on_have(Have(each.wire_sha256, ()), 0.0)
    for _ in range(9):
        world.box.outbound.add(world.rng.randbytes(30_000), Lane.P0)
    sender.notify()
    frames = sender.poll(0.1)
    assert [each.lane for each in frames] == [Lane.P0] * len(frames)
    assert pace.second <= sender.in_flight - pace.window < 2 * pace.second
    assert sender.poll(0.1) == []
