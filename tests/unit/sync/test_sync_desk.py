"""Large files are taken aside: credit goes on meanwhile, and nothing urgent waits for them."""

import hashlib
from collections.abc import Callable
from concurrent.futures import Future

import pytest

from clinic_records.errors import StoreError
from clinic_records.ids import VehicleId
from clinic_records.record import Lane
from sync.desk import Answer, Desk, OneByOne
from sync.frames import Part
from sync.memory_stores import MemoryInbound, MemorySessions
from sync.ports import Receipt

VEHICLE = VehicleId("V01")
LOOP, OTHER, ECG = b"l" * 300, b"o" * 300, b"e" * 300


class Counter:
    """A desk whose slow calls are done when the test says so."""

    def __init__(self) -> None:
        self.inbound = MemoryInbound(MemorySessions())
        self.slow: list[tuple[Callable[[], Receipt], Future[Receipt]]] = []
        self.woken = 0
        self.desk = Desk(OneByOne(lambda _: self.inbound), self._aside, self._wake, small_bytes=0)

    def _aside(self, accept: Callable[[], Receipt]) -> "Future[Receipt]":
        self.slow.append((accept, Future()))
        return self.slow[-1][1]

    def _wake(self) -> None:
        self.woken += 1

    def finish(self) -> None:
        accept, future = self.slow.pop(0)
        try:
            future.set_result(accept())
        except StoreError as error:
            future.set_exception(error)

    def part(self, data: bytes, lane: Lane, start: int = 0, end: int = 300) -> None:
        self.desk.on_part(VEHICLE, Part(hashlib.sha256(data).hexdigest(), 300, lane, start, data[start:end]))

    def work(self) -> Answer:
        """All there is to do now, and what is told."""
        told = Answer()
        while self.desk.has_work:
            self.desk.work()
            for _, answer in self.desk.answers():
                told.haves.update(answer.haves)
                told.receipts.update(answer.receipts)
        return told


def name(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_credit_goes_on_while_a_loop_is_taken() -> None:
    counter = Counter()
    counter.part(LOOP, Lane.P4)
    assert counter.work().haves == {name(LOOP): ((0, 300),)}
    counter.part(OTHER, Lane.P4, end=200)
    assert counter.work() == Answer({name(OTHER): ((0, 200),)}, {})
    counter.part(OTHER, Lane.P4, start=200)
    counter.work()
    assert len(counter.slow) == 1, "one at a time"
    counter.finish()
    assert counter.woken == 1
    assert list(counter.work().receipts) == [name(LOOP)]
    counter.finish()
    assert list(counter.work().receipts) == [name(OTHER)]
    assert counter.inbound.effects == [name(LOOP), name(OTHER)]


@pytest.mark.parametrize("lane", [Lane.P0, Lane.P1])
def test_an_urgent_file_is_taken_at_once(lane: Lane) -> None:
    counter = Counter()
    counter.part(LOOP, Lane.P4)
    counter.work()
    counter.part(ECG, lane)
    assert list(counter.work().receipts) == [name(ECG)]
    assert counter.inbound.effects == [name(ECG)]


def test_a_file_asked_for_while_it_is_taken_is_taken_once() -> None:
    counter = Counter()
    counter.part(LOOP, Lane.P4)
    counter.work()
    counter.desk.on_part(VEHICLE, Part(name(LOOP), 300, Lane.P4, 0, b""))
    assert counter.work().haves == {name(LOOP): ((0, 300),)}
    counter.finish()
    assert list(counter.work().receipts) == [name(LOOP)]
    assert not counter.slow


def test_a_file_that_cannot_be_taken_gets_no_answer_and_the_next_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    counter = Counter()
    counter.part(LOOP, Lane.P4)
    counter.part(OTHER, Lane.P4)
    counter.work()

    def full(_: str) -> Receipt:
        raise StoreError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(counter.inbound, "accept", full)
        counter.finish()
    assert not counter.work().receipts
    counter.finish()
    assert list(counter.work().receipts) == [name(OTHER)]
    counter.part(LOOP, Lane.P4)
    counter.work()
    counter.finish()
    assert list(counter.work().receipts) == [name(LOOP)]
