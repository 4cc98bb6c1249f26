"""Couriers, station, broker and radio in memory, in simulated time: the same core code that runs over MQTT.

An end is polled when something reached it, when it woke its link, and when it said: as `sync.drive` does it, and so
that hours in which nothing happens cost nothing.

A vehicle's messages pass its radio (a rate, a latency; a cut loses what is still in it), then the broker, which may
deliver late, out of order and twice, and still holds old messages when the vehicle is back. Everything follows from
the seed.
"""

import heapq
import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from clinic_records.ids import VehicleId
from sync.endpoint import Endpoint
from sync.topics import Publish, Topic, Way

KEEPALIVE_S: Final = 30.0
"""Seconds until MQTT's keep-alive ends a connection through which nothing passes any more (`sync.mqtt`: 1.5 x 20 s)."""
STANDSTILL: Final = 100_000
"""Rounds without time passing after which two ends answer each other for ever."""


class Standstill(AssertionError):
    """The ends of the conversation answer each other for ever and time stands."""


class ManualClock:
    """A clock that stands until it is moved."""

    is_doubtful = False

    def __init__(self, start: datetime = datetime(2026, 3, 2, tzinfo=UTC)) -> None:
        self._start = start
        self._elapsed_s = 0.0

    def now(self) -> datetime:
        """Simulated time, UTC."""
        return self._start + timedelta(seconds=self._elapsed_s)

    def monotonic_s(self) -> float:
        """Simulated seconds since the start."""
        return self._elapsed_s

    def move_to(self, elapsed_s: float) -> None:
        """Never backwards."""
        self._elapsed_s = max(self._elapsed_s, elapsed_s)


@dataclass(frozen=True)
class Weather:
    """How bad a link is. Loss and corruption happen inside a connection only where a broker or peer misbehaves."""

    bytes_per_s: float = 1e6
    latency_s: float = 0.03
    jitter_s: float = 0.0
    loss: float = 0.0
    duplicate: float = 0.0
    corrupt: float = 0.0
    reconnect_s: float = 0.5


@dataclass(eq=False)
class _Radio:
    """One vehicle's link; `connection` counts, and what belongs to an older one is lost; `poll_at` 0 is at once."""

    courier: Endpoint
    weather: Weather | None = None
    connection: int = 0
    has_coverage: bool = True
    is_up: bool = False
    is_hole: bool = False
    stalled_until: float = 0.0
    free_at: dict[Way, float] = field(default_factory=dict)
    will: Publish | None = None
    poll_at: float = 0.0

    def touch(self) -> None:
        """Something reached the courier, or it has something to say."""
        self.poll_at = 0.0


class MemoryNetwork:
    """One station, any number of vehicles. `station` and a vehicle's courier may be replaced: that is a kill.

    Attributes:
        weather: of every vehicle without its own.
        tap: sees every message as it reaches an end: the simulated seconds and the message.
    """

    def __init__(self, clock: ManualClock, rng: random.Random, weather: Weather | None = None) -> None:
        self.clock = clock
        self.weather = weather or Weather()
        self.station: Endpoint | None = None
        self.has_coverage = True
        self.bytes_up = 0
        self.tap: Callable[[float, Publish], None] = lambda *_: None
        self._rng = rng
        self._radios: dict[VehicleId, _Radio] = {}
        self._retained: dict[Topic, Publish] = {}
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0
        self._broker_epoch = 0
        self._station_at = 0.0

    def attach(self, vehicle: VehicleId, courier: Endpoint, weather: Weather | None = None) -> None:
        """Give a vehicle its (new) courier and connect it; one that is there is taken over without a word."""
        before = self._radios.get(vehicle)
        if before is not None:
            self._drop(before)
        self._radios[vehicle] = radio = _Radio(courier, weather)
        if before is not None:
            radio.connection, radio.has_coverage = before.connection, before.has_coverage
            radio.weather = weather or before.weather
        courier.wake = radio.touch
        self.after(0.0, lambda: self._connect(radio))

    def detach(self, vehicle: VehicleId) -> None:
        """The vehicle's power is gone: its broker publishes the will, nobody hears the end of the connection."""
        radio = self._radios.pop(vehicle, None)
        if radio is not None and radio.is_up:
            will = radio.will
            self._drop(radio)
            if will is not None:
                self.after(self._broker_delay(radio) + KEEPALIVE_S, lambda: self._to_station(will))

    def start_station(self, station: Endpoint | None) -> None:
        """Put a (new) station behind the broker, or take it away."""
        self.station = station
        if station is not None:
            station.wake = self._touch_station
            self._touch_station()
            station.on_connected(self.clock.monotonic_s())
            for message in self._retained.values():
                self._to_station(message)

    def restart_broker(self) -> None:
        """Every connection breaks; what the broker held, retained statements too, is gone."""
        self._broker_epoch += 1
        self._retained.clear()
        for radio in list(self._radios.values()):
            if radio.is_up:
                radio.will = None
                self._break(radio)
        if self.station is not None:
            self.station.on_disconnected()
            self.station.on_connected(self.clock.monotonic_s())
            self._touch_station()

    def cut(self, vehicle: VehicleId) -> None:
        """Break the vehicle's connection now; it reconnects while there is coverage."""
        radio = self._radios.get(vehicle)
        if radio is not None and radio.is_up:
            self._break(radio)

    def cover(self, vehicle: VehicleId, *, has_coverage: bool) -> None:
        """The vehicle drives into or out of coverage."""
        radio = self._radios.get(vehicle)
        if radio is None:
            return
        radio.has_coverage = has_coverage
        if has_coverage:
            self.after(self._weather(radio).reconnect_s, lambda: self._connect(radio))
        elif radio.is_up:
            self._break(radio)

    def set_weather(self, vehicle: VehicleId, weather: Weather) -> None:
        """The vehicle's link is another from its next message on."""
        if vehicle in self._radios:
            self._radios[vehicle].weather = weather

    def stall(self, vehicle: VehicleId, seconds: float) -> None:
        """Nothing passes the vehicle's radio for so long; nothing is lost."""
        if vehicle in self._radios:
            self._radios[vehicle].stalled_until = self.clock.monotonic_s() + seconds

    def hole(self, vehicle: VehicleId) -> None:
        """The open connection is silent for ever, both ways, until an end gives it up or the keep-alive does."""
        radio = self._radios.get(vehicle)
        if radio is None or not radio.is_up:
            return
        radio.is_hole = True
        connection = radio.connection

        def end() -> None:
            if radio.connection == connection:
                self._break(radio)

        self.after(KEEPALIVE_S, end)

    def inject(self, message: Publish) -> None:
        """The broker itself says something under anybody's name."""
        if message.topic.way is Way.DOWN:
            self._send_down(message)
        else:
            self._to_station(message)

    def run(self, is_done: Callable[[], bool], limit_s: float = 3600.0) -> bool:
        """Let time pass until `is_done`, at most `limit_s` more seconds; whether it was reached.

        Raises:
            Standstill: both ends have work for ever and time does not pass.
        """
        until = self.clock.monotonic_s() + limit_s
        rounds, since = 0, self.clock.monotonic_s()
        while not is_done():
            self._poll_all()
            if is_done():
                return True
            at = self._next_time()
            if at is None or at > until:
                self.clock.move_to(until)
                return is_done()
            self.clock.move_to(at)
            while self._events and self._events[0][0] <= self.clock.monotonic_s():
                heapq.heappop(self._events)[2]()
            rounds = rounds + 1 if self.clock.monotonic_s() == since else 0
            since = self.clock.monotonic_s()
            if rounds > STANDSTILL:
                raise Standstill(f"at {since:.3f} s both ends have work for ever")
        return True

    def after(self, delay_s: float, action: Callable[[], None]) -> None:
        """Do `action` so many simulated seconds from now."""
        self._count += 1
        heapq.heappush(self._events, (self.clock.monotonic_s() + delay_s, self._count, action))

    def _next_time(self) -> float | None:
        times = [radio.poll_at for radio in self._radios.values() if radio.is_up]
        times += [self._station_at] if self.station is not None else []
        times += [self._events[0][0]] if self._events else []
        at = min(times, default=math.inf)
        return None if at == math.inf else at

    def _touch_station(self) -> None:
        self._station_at = 0.0

    def _poll_all(self) -> None:
        now = self.clock.monotonic_s()
        for radio in list(self._radios.values()):
            if radio.is_up and radio.poll_at <= now:
                self._poll(radio, now)
        while self.station is not None and self._station_at <= now:
            self._station_at = math.inf
            self.station.is_stalled(now)
            out = self._drain(self.station, now) if self.station is not None else []
            for each in out:
                self._send_down(each)
            if out:
                self._touch_station()
            elif self.station is not None:
                self._station_at = min(self._station_at, _or_never(self.station.next_wakeup()))
                return

    def _poll(self, radio: _Radio, now: float) -> None:
        radio.poll_at = math.inf
        if radio.courier.is_stalled(now):
            self._break(radio)
        while radio.is_up and (out := self._drain(radio.courier, now)):
            for each in out:
                self._send_up(radio, each)
        radio.poll_at = min(radio.poll_at, _or_never(radio.courier.next_wakeup()))

    @staticmethod
    def _drain(end: Endpoint, now: float) -> list[Publish]:
        out = end.poll(now)
        while not out and end.has_work:
            out = end.poll(now)
        return out

    def _connect(self, radio: _Radio) -> None:
        if radio.is_up or not radio.has_coverage or radio not in self._radios.values():
            return
        if not self.has_coverage:
            self.after(self._weather(radio).reconnect_s, lambda: self._connect(radio))
            return
        radio.is_up = True
        radio.connection += 1
        radio.will = radio.courier.will
        radio.touch()
        radio.courier.on_connected(self.clock.monotonic_s())

    def _break(self, radio: _Radio) -> None:
        will = radio.will
        self._drop(radio)
        radio.courier.on_disconnected()
        reconnect_s = self._weather(radio).reconnect_s
        if will is not None:
            self.after(self._broker_delay(radio) + reconnect_s, lambda: self._to_station(will))
        self.after(reconnect_s, lambda: self._connect(radio))

    @staticmethod
    def _drop(radio: _Radio) -> None:
        radio.is_up = radio.is_hole = False
        radio.connection += 1
        radio.free_at.clear()

    def _send_up(self, radio: _Radio, message: Publish) -> None:
        self.bytes_up += len(message.payload)
        connection, broker = radio.connection, self._broker_epoch

        def deliver() -> None:
            if broker == self._broker_epoch:
                self._to_station(message)

        def at_broker() -> None:
            if radio.connection != connection or radio.is_hole:
                return
            radio.courier.note_progress(self.clock.monotonic_s())
            if self._rng.random() >= self._weather(radio).loss:
                for _ in range(self._copies(radio)):
                    self.after(self._broker_delay(radio), deliver)

        message = self._damaged(radio, message)
        self.after(self._through_radio(radio, Way.UP, message), at_broker)

    def _send_down(self, message: Publish) -> None:
        radio = self._radios.get(message.topic.vehicle)
        if radio is None or not radio.is_up or self._rng.random() < self._weather(radio).loss:
            return
        connection = radio.connection
        message = self._damaged(radio, message)

        def at_vehicle() -> None:
            if radio.connection == connection and not radio.is_hole:
                self.tap(self.clock.monotonic_s(), message)
                radio.touch()
                radio.courier.on_message(message.topic, message.payload, self.clock.monotonic_s())

        for _ in range(self._copies(radio)):
            self.after(self._through_radio(radio, Way.DOWN, message) + self._broker_delay(radio), at_vehicle)

    def _to_station(self, message: Publish) -> None:
        if message.is_retained:
            self._retained[message.topic] = message
        if self.station is not None:
            self.tap(self.clock.monotonic_s(), message)
            self._touch_station()
            self.station.on_message(message.topic, message.payload, self.clock.monotonic_s())

    def _weather(self, radio: _Radio) -> Weather:
        return radio.weather or self.weather

    def _damaged(self, radio: _Radio, message: Publish) -> Publish:
        """The message, one bit of it changed where the weather says so."""
        chance = self._weather(radio).corrupt
        if not chance or not message.payload or self._rng.random() >= chance:
            return message
        payload = bytearray(message.payload)
        payload[self._rng.randrange(len(payload))] ^= 1 << self._rng.randrange(8)
        return Publish(message.topic, bytes(payload), message.is_retained)

    def _through_radio(self, radio: _Radio, way: Way, message: Publish) -> float:
        """Seconds until the message has passed the radio, behind what is already in it."""
        now = self.clock.monotonic_s()
        weather = self._weather(radio)
        start = max(now, radio.stalled_until, radio.free_at.get(way, now))
        radio.free_at[way] = start + len(message.payload) / weather.bytes_per_s
        return radio.free_at[way] - now + weather.latency_s

    def _copies(self, radio: _Radio) -> int:
        return 2 if self._rng.random() < self._weather(radio).duplicate else 1

    def _broker_delay(self, radio: _Radio) -> float:
        return self._rng.random() * self._weather(radio).jitter_s


def _or_never(at_s: float | None) -> float:
    return math.inf if at_s is None else at_s
