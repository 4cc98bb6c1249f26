"""The gate before a port: who is let in, who waits, who goes; and no crowd keeps a device out."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_records.errors import BadFrame, ConfigError, DeviceUnavailable
from devices.transports.accepted import AcceptedTransport, listen_address
from devices.transports.gate import Caller, Gate, listen
from devices.transports.places import ANY, Limits, Places

SMALL = Limits(waiting=4, per_address=2, in_all=3, first_s=0.3)
PATIENT = replace(SMALL, first_s=60.0)
"""For who does speak, on a busy machine late."""


def test_a_stranger_gets_no_place_and_a_known_one_does() -> None:
    places = Places({"10.0.0.1"}, SMALL)
    assert places.come("10.0.0.2") is None
    assert places.come("10.0.0.1") == (1, 0)
    assert Places({ANY, "10.0.0.1"}, SMALL).come("10.0.0.2") == (1, 0)


def test_the_newest_waits_and_the_oldest_of_the_loudest_goes() -> None:
    places = Places({ANY}, SMALL)
    assert places.come("device") == (1, 0)
    assert [places.come("crowd") for _ in range(5)] == [(2, 0), (3, 0), (4, 0), (5, 2), (6, 3)]
    assert places.serve(1, 0.0) == 0


def served(places: Places, *callers: str, now: float = 0.0) -> list[int | None]:
    """What each is told who comes and speaks, by its number."""
    found = []
    for address in callers:
        come = places.come(address)
        assert come is not None
        found.append(places.serve(come[0], now))
    return found


def test_served_places_are_limited_for_an_address_and_in_all() -> None:
    places = Places({ANY}, SMALL)
    assert served(places, "a", "a", "a", "b", "b") == [0, 0, None, 0, None]
    places.leave(1)
    places.leave(1)
    assert served(places, "a") == [0]


def test_the_longest_silent_goes_for_a_newer_one_and_nobody_who_just_spoke() -> None:
    places = Places({ANY}, Limits(per_address=2, in_all=3, silent_s=2.0))
    assert served(places, "a", "a", now=0.0) == [0, 0]
    places.spoke(1, 1.5)
    assert served(places, "a", now=1.9) == [None]
    assert served(places, "a", now=2.0) == [2]  # number 4 now, which has just spoken
    assert served(places, "b", now=2.1) == [0]
    assert served(places, "c", now=3.0) == [None]
    assert served(places, "c", now=3.5) == [1]  # of the address that has most
    places.spoke(1, 9.0)  # it has left
    assert served(places, "c", now=20.0) == [4]


@given(st.lists(st.tuples(st.sampled_from("cslt"), st.integers(0, 3)), max_size=60))
def test_places_never_hold_more_than_their_limits(acts: list[tuple[str, int]]) -> None:
    limits = Limits(waiting=3, per_address=2, in_all=3, silent_s=3.0)
    places = Places({ANY}, limits)
    waiting: dict[int, str] = {}
    taken: dict[int, str] = {}
    for now, (act, which) in enumerate(acts):
        if act == "c":
            come = places.come(f"address-{which}")
            assert come is not None
            waiting[come[0]] = f"address-{which}"
            waiting.pop(come[1], None)
        elif act == "s" and waiting:
            number = next(iter(waiting))
            gone = places.serve(number, now)
            address = waiting.pop(number)
            if gone is not None:
                taken[number] = address
            if gone:
                del taken[gone]
        elif act == "l" and taken:
            number = next(iter(taken))
            places.leave(number)
            del taken[number]
        elif taken:
            places.spoke(next(iter(taken)), now)
        assert len(waiting) <= limits.waiting
        assert len(taken) <= limits.in_all
        assert all(list(taken.values()).count(address) <= limits.per_address for address in taken.values())


def receive(wire: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size and (piece := wire.recv(size - len(data))):
        data += piece
    return data


class Door:
    """A gate whose callers are echoed until they hang up."""

    def __init__(self, **wanted: Any) -> None:
        self.served: list[Caller] = []
        self.ended = threading.Semaphore(0)
        listening = listen("127.0.0.1", 0)
        self.port = int(listening.getsockname()[1])
        settings: dict[str, Any] = {"allowed": {ANY}, "limits": PATIENT} | wanted
        self.gate = Gate(listening, self.echo, **settings)
        self.gate.start()

    def echo(self, caller: Caller) -> None:
        self.served.append(caller)
        wire = AcceptedTransport(caller)
        try:
            while True:
                wire.write(wire.read(5.0))
        except DeviceUnavailable:
            self.ended.release()

    def call(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)


@pytest.fixture
def door() -> Iterator[Callable[..., Door]]:
    with ExitStack() as stack:

        def make(**wanted: Any) -> Door:
            made = Door(**wanted)
            stack.callback(made.gate.stop)
            return made

        yield make


def test_who_speaks_is_served_from_the_first_byte(door: Callable[..., Door]) -> None:
    opened = door()
    with opened.call() as caller:
        caller.sendall(b"hello")
        assert receive(caller, 5) == b"hello"
    assert opened.ended.acquire(timeout=60)
    assert (opened.served[0].address, opened.served[0].first) == ("127.0.0.1", b"h")


def test_who_says_nothing_is_put_out_and_costs_no_thread(door: Callable[..., Door]) -> None:
    opened = door(limits=SMALL)
    with opened.call() as silent:
        assert silent.recv(1) == b""
    assert opened.served == []


def test_a_trusted_address_may_be_silent(door: Callable[..., Door]) -> None:
    opened = door(allowed={"127.0.0.1"}, trusted={"127.0.0.1"}, limits=SMALL)
    with opened.call() as silent:
        silent.settimeout(SMALL.first_s * 3)
        with pytest.raises(TimeoutError):
            silent.recv(1)
        silent.settimeout(60)
        silent.sendall(b"late")
        assert receive(silent, 4) == b"late"


def test_a_stranger_is_closed_at_once(door: Callable[..., Door]) -> None:
    opened = door(allowed={"192.0.2.1"})
    with opened.call() as stranger, suppress(ConnectionResetError):
        assert stranger.recv(1) == b""
    assert opened.served == []


def test_a_first_message_that_is_none_closes_its_caller_only(door: Callable[..., Door]) -> None:
    def missing(got: bytes | bytearray) -> int:
        if got[:1] == b"X":
            raise BadFrame("not ours")
        if got[:1] == b"Y":
            raise IndexError("a reader that is broken")
        return 4 - len(got)

    opened = door(missing=missing)
    with opened.call() as good, opened.call() as evil, opened.call() as strange:
        good.sendall(b"AB")
        for caller, says in ((evil, b"XYZ1"), (strange, b"Y")):
            caller.sendall(says)
            with suppress(ConnectionResetError):
                assert caller.recv(1) == b""
        good.sendall(b"CDEF")
        assert receive(good, 6) == b"ABCDEF"
    assert opened.served[0].first == b"ABCD"


def test_no_place_is_said_in_the_protocols_own_words(door: Callable[..., Door]) -> None:
    opened = door(refusal=b"FULL")
    with opened.call() as one, opened.call() as two, opened.call() as three:
        for caller in (one, two):
            caller.sendall(b"x")
            assert caller.recv(1) == b"x"
        three.sendall(b"x")
        assert receive(three, 4) == b"FULL"
        one.close()
        assert opened.ended.acquire(timeout=60)
        with opened.call() as four:
            four.sendall(b"y")
            assert four.recv(1) in {b"y", b"F"}  # the place is free as soon as the thread has ended


def test_the_silent_connection_goes_for_the_newer(door: Callable[..., Door]) -> None:
    opened = door(limits=Limits(per_address=1, silent_s=0.0))
    with opened.call() as lost, opened.call() as again:
        lost.sendall(b"a")
        assert lost.recv(1) == b"a"
        again.sendall(b"b")
        assert again.recv(1) == b"b"
        assert lost.recv(1) == b""


def test_a_silent_crowd_keeps_no_device_out(door: Callable[..., Door]) -> None:
    opened = door(limits=Limits(waiting=8, first_s=10.0))
    with ExitStack() as stack:
        for _ in range(100):
            stack.enter_context(opened.call())
        with opened.call() as device:
            device.sendall(b"x")
            assert device.recv(1) == b"x"


def test_stopping_ends_who_is_served_and_frees_the_port(door: Callable[..., Door]) -> None:
    opened = door()
    with opened.call() as served, opened.call():
        served.sendall(b"x")
        assert served.recv(1) == b"x"
        opened.gate.stop()
        assert served.recv(1) == b""
    assert opened.ended.acquire(timeout=60)
    listen("127.0.0.1", opened.port).close()


@pytest.mark.parametrize("url", ["listen:2575", "listen::2575", "listen:0.0.0.0:x", "listen:0.0.0.0:70000", "tcp:a:1"])
def test_urls_that_are_none(url: str) -> None:
    with pytest.raises(ConfigError, match="listen"):
        listen_address(url)


def test_urls() -> None:
    assert listen_address("listen:0.0.0.0:2575") == ("0.0.0.0", 2575)
    assert listen_address("listen:[::1]:2575") == ("::1", 2575)
