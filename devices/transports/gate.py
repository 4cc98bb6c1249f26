"""The gate before a listening port: one thread holds all callers that have not said their first message.

Only who has said it, and is let in, gets a thread of its own. So silent callers, half messages and announcements of
gigabytes cost one socket each and keep no device out.
"""

import selectors
import socket
import threading
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import structlog

from clinic_records.errors import BadFrame, DeviceUnavailable
from devices.transports.places import Limits, Places

BACKLOG: Final = 128
_LOOK_S: Final = 0.25
"""How often the gate looks for who has waited too long."""
_STOP_S: Final = 5.0
_WIRE_OPTIONS: Final = (
    (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 30),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 10),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
)
"""Answers leave at once; a device that lost its power without a word is noticed after a minute (seconds; tcp(7))."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Caller:
    """A connection whose first message is whole.

    Attributes:
        wire: connected; who serves it may shut it down, the gate closes it.
        address, port: whose it is.
        first: read from `wire` already.
        spoke: to be called when more came, so that nobody alive has to go for a newer caller.
    """

    wire: socket.socket
    address: str
    port: int
    first: bytes
    spoke: Callable[[], None]


@dataclass
class _Waiting:
    number: int
    address: str
    port: int
    until: float
    first: bytearray = field(default_factory=bytearray)


def first_byte(got: bytes | bytearray) -> int:
    """For protocols that need no more than a sign of life: bytes still missing."""
    return 0 if got else 1


class Gate:
    """A listening port."""

    def __init__(
        self,
        listening: socket.socket,
        serve: Callable[[Caller], None],
        *,
        allowed: Collection[str],
        limits: Limits,
        trusted: Collection[str] = (),
        missing: Callable[[bytes | bytearray], int] = first_byte,
        refusal: bytes = b"",
    ) -> None:
        """Nobody is taken yet.

        Args:
            listening: bound and listening; the gate closes it.
            serve: one connection from its first message to its end, in a thread of its own; the gate closes the
                socket when it returns.
            allowed: IP addresses that may call; `places.ANY` among them lets everybody in.
            limits: how many, and how long until the first message is whole.
            trusted: addresses that may be silent: served at once, without a first message.
            missing: bytes still missing of the first message that starts with what is given, 0 when it is whole;
                what it raises as BadFrame puts the caller out.
            refusal: said to who finds all places taken.
        """
        self._listening = listening
        self._serve = serve
        self._places = Places(allowed, limits)
        self._limits = limits
        self._trusted = frozenset(trusted)
        self._missing = missing
        self._refusal = refusal
        self._lock = threading.Lock()  # over the places and who is served
        self._served: dict[int, socket.socket] = {}
        self._waiting: dict[int, tuple[socket.socket, _Waiting]] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="gate", daemon=True)

    def start(self) -> None:
        """Begin to take callers."""
        self._listening.setblocking(False)
        self._thread.start()

    def stop(self) -> None:
        """Take nobody any more, and cut who is served; returns when the port is closed."""
        self._stop.set()
        self._thread.join(_STOP_S)
        with self._lock:
            served = list(self._served.values())
        for wire in served:
            _hang_up(wire)

    def _run(self) -> None:
        with selectors.DefaultSelector() as selector, self._listening:
            selector.register(self._listening, selectors.EVENT_READ)
            while not self._stop.is_set():
                for key, _ in selector.select(_LOOK_S):
                    if key.data is None:
                        self._accept(selector)
                    else:
                        self._read(selector, key.data)
                now = time.monotonic()
                for wire, caller in [each for each in self._waiting.values() if each[1].until < now]:
                    self._put_out(selector, wire, caller, "said nothing whole in time")
            for wire, caller in list(self._waiting.values()):
                self._put_out(selector, wire, caller, "the port is closing")

    def _accept(self, selector: selectors.BaseSelector) -> None:
        try:
            wire, (address, port, *_) = self._listening.accept()
        except OSError as error:  # gone again, or out of descriptors: the next look tells
            _log.warning("gate.not_accepted", error=str(error))
            self._stop.wait(0.01)
            return
        with self._lock:
            place = self._places.come(address)
        if place is None:
            _log.warning("gate.stranger", address=address)
            wire.close()
            return
        number, gone = place
        if gone:
            self._put_out(selector, *self._waiting[gone], "a newer caller needs the place")
        wire.setblocking(False)
        waiting = _Waiting(number, address, port, time.monotonic() + self._limits.first_s)
        self._waiting[number] = wire, waiting
        selector.register(wire, selectors.EVENT_READ, waiting)
        if address in self._trusted:
            self._let_in(selector, wire, waiting)

    def _read(self, selector: selectors.BaseSelector, caller: _Waiting) -> None:
        if caller.number not in self._waiting:  # put out for a newer one in this same round
            return
        wire, _ = self._waiting[caller.number]
        try:
            missing = self._missing(caller.first)
            data = wire.recv(missing)
            caller.first += data
            is_whole = bool(data) and not self._missing(caller.first)
        except BlockingIOError:
            return
        except (OSError, BadFrame) as error:
            self._put_out(selector, wire, caller, str(error))
            return
        except Exception:  # noqa: BLE001  whatever a first message does to its reader, the port goes on
            _log.exception("gate.failed", address=caller.address)
            self._put_out(selector, wire, caller, "its first message cannot be read")
            return
        if not data:
            self._put_out(selector, wire, caller, "hung up")
        elif is_whole:
            self._let_in(selector, wire, caller)

    def _let_in(self, selector: selectors.BaseSelector, wire: socket.socket, caller: _Waiting) -> None:
        selector.unregister(wire)
        del self._waiting[caller.number]
        with self._lock:
            gone = self._places.serve(caller.number, time.monotonic())
            if gone is not None:
                self._served[caller.number] = wire
            replaced = self._served.get(gone or 0)
        if gone is None:
            _log.warning("gate.full", address=caller.address)
            with suppress(OSError):
                wire.send(self._refusal)
            wire.close()
            return
        if replaced is not None:
            _log.info("gate.replaced", address=caller.address)
            _hang_up(replaced)
        wire.setblocking(True)
        for level, option, value in _WIRE_OPTIONS:
            wire.setsockopt(level, option, value)
        known = Caller(wire, caller.address, caller.port, bytes(caller.first), partial(self._spoke, caller.number))
        threading.Thread(target=self._serve_one, args=(caller.number, known), daemon=True).start()

    def _serve_one(self, number: int, caller: Caller) -> None:
        try:
            self._serve(caller)
        except Exception:  # noqa: BLE001  one caller's trouble, whatever it is, stays that caller's
            _log.exception("gate.failed", address=caller.address)
        finally:
            with self._lock:
                self._places.leave(number)
                del self._served[number]
            caller.wire.close()

    def _spoke(self, number: int) -> None:
        with self._lock:
            self._places.spoke(number, time.monotonic())

    def _put_out(self, selector: selectors.BaseSelector, wire: socket.socket, caller: _Waiting, reason: str) -> None:
        _log.debug("gate.put_out", address=caller.address, reason=reason)
        selector.unregister(wire)
        del self._waiting[caller.number]
        with self._lock:
            self._places.leave(caller.number)
        wire.close()


def _hang_up(wire: socket.socket) -> None:
    """Its own thread sees the end and closes it."""
    with suppress(OSError):
        wire.shutdown(socket.SHUT_RDWR)


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens; port 0 takes a free one.

    Raises:
        DeviceUnavailable: the port is taken, or the address is none of ours.
    """
    try:
        return socket.create_server((host, port), backlog=BACKLOG)
    except OSError as error:
        raise DeviceUnavailable(f"port {host}:{port}: {error}") from error
