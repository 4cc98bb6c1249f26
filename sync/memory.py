"""Couriers, station, broker and radio in memory, in simulated time: the same core code that runs over MQTT.

A vehicle's messages pass its radio (a rate, a latency; a cut loses what is still in it), then the broker, which may
deliver late, out of order and twice, and still holds old messages when the vehicle is back. Everything follows from
the seed.
"""

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from clinic_records.ids import VehicleId
from sync.endpoint import Endpoint
from sync.topics import Publish, Topic, Way


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
    """How bad the link is. Loss happens inside a connection only where a broker or peer misbehaves."""

    bytes_per_s: float = 1e6
    latency_s: float = 0.03
    jitter_s: float = 0.0
    loss: float = 0.0
    duplicate: float = 0.0
    reconnect_s: float = 0.5


@dataclass(eq=False)
class _Radio:
    """One vehicle's link; `connection` counts, and what belongs to an older one is lost."""

    courier: Endpoint
    connection: int = 0
    is_up: bool = False
    free_at: dict[Way, float] = field(default_factory=dict)
    will: Publish | None = None


class MemoryNetwork:
    """One station, any number of vehicles. `station` and a vehicle's courier may be replaced: that is a kill."""

    def __init__(self, clock: ManualClock, rng: random.Random, weather: Weather | None = None) -> None:
        self.clock = clock
        self.weather = weather or Weather()
        self.station: Endpoint | None = None
        self.has_coverage = True
        self.bytes_up = 0
        self._rng = rng
        self._radios: dict[VehicleId, _Radio] = {}
        self._retained: dict[Topic, Publish] = {}
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0

    def attach(self, vehicle: VehicleId, courier: Endpoint) -> None:
        """Give a vehicle its (new) courier and connect it."""
        if vehicle in self._radios:
            self._drop(self._radios[vehicle])
        self._radios[vehicle] = radio = _Radio(
            courier, self._radios[vehicle].connection if vehicle in self._radios else 0
        )
        self._after(0.0, lambda: self._connect(radio))

    def start_station(self, station: Endpoint | None) -> None:
        """Put a (new) station behind the broker, or take it away."""
        self.station = station
        if station is not None:
            station.on_connected(self.clock.monotonic_s())
            for message in self._retained.values():
                self._to_station(message)

    def cut(self, vehicle: VehicleId) -> None:
        """Break the vehicle's connection now; it reconnects while there is coverage."""
        radio = self._radios[vehicle]
        if radio.is_up:
            self._break(radio)

    def run(self, is_done: Callable[[], bool], limit_s: float = 3600.0) -> bool:
        """Let time pass until `is_done`, at most `limit_s` more seconds; whether it was reached."""
        until = self.clock.monotonic_s() + limit_s
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
        return True

    def _next_time(self) -> float | None:
        ends = [radio.courier for radio in self._radios.values() if radio.is_up]
        ends += [self.station] if self.station is not None else []
        times = [at for end in ends if (at := end.next_wakeup()) is not None]
        times += [self._events[0][0]] if self._events else []
        return min(times, default=None)

    def _poll_all(self) -> None:
        now = self.clock.monotonic_s()
        for radio in self._radios.values():
            if radio.is_up and radio.courier.is_stalled(now):
                self._break(radio)
            while radio.is_up and (out := self._drain(radio.courier, now)):
                for each in out:
                    self._send_up(radio, each)
        if self.station is not None:
            self.station.is_stalled(now)
            while out := self._drain(self.station, now):
                for each in out:
                    self._send_down(each)

    @staticmethod
    def _drain(end: Endpoint, now: float) -> list[Publish]:
        out = end.poll(now)
        while not out and end.has_work:
            out = end.poll(now)
        return out

    def _connect(self, radio: _Radio) -> None:
        if radio.is_up or radio not in self._radios.values():
            return
        if not self.has_coverage:
            self._after(self.weather.reconnect_s, lambda: self._connect(radio))
            return
        radio.is_up = True
        radio.connection += 1
        radio.will = radio.courier.will
        radio.courier.on_connected(self.clock.monotonic_s())

    def _break(self, radio: _Radio) -> None:
        will = radio.will
        self._drop(radio)
        radio.courier.on_disconnected()
        if will is not None:
            self._after(self._broker_delay() + self.weather.reconnect_s, lambda: self._to_station(will))
        self._after(self.weather.reconnect_s, lambda: self._connect(radio))

    @staticmethod
    def _drop(radio: _Radio) -> None:
        radio.is_up = False
        radio.connection += 1
        radio.free_at.clear()

    def _send_up(self, radio: _Radio, message: Publish) -> None:
        self.bytes_up += len(message.payload)
        connection = radio.connection

        def at_broker() -> None:
            if radio.connection == connection and self._rng.random() >= self.weather.loss:
                for _ in range(self._copies()):
                    self._after(self._broker_delay(), lambda: self._to_station(message))

        self._after(self._through_radio(radio, Way.UP, message), at_broker)

    def _send_down(self, message: Publish) -> None:
        radio = self._radios.get(message.topic.vehicle)
        if radio is None or not radio.is_up or self._rng.random() < self.weather.loss:
            return
        connection = radio.connection

        def at_vehicle() -> None:
            if radio.connection == connection:
                radio.courier.on_message(message.topic, message.payload, self.clock.monotonic_s())

        for _ in range(self._copies()):
            self._after(self._through_radio(radio, Way.DOWN, message) + self._broker_delay(), at_vehicle)

    def _to_station(self, message: Publish) -> None:
        if message.is_retained:
            self._retained[message.topic] = message
        if self.station is not None:
            self.station.on_message(message.topic, message.payload, self.clock.monotonic_s())

    def _through_radio(self, radio: _Radio, way: Way, message: Publish) -> float:
        """Seconds until the message has passed the radio, behind what is already in it."""
        now = self.clock.monotonic_s()
        start = max(now, radio.free_at.get(way, now))
        radio.free_at[way] = start + len(message.payload) / self.weather.bytes_per_s
        return radio.free_at[way] - now + self.weather.latency_s

    def _copies(self) -> int:
        return 2 if self._rng.random() < self.weather.duplicate else 1

    def _broker_delay(self) -> float:
        return self._rng.random() * self.weather.jitter_s

    def _after(self, delay_s: float, action: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._events, (self.clock.monotonic_s() + delay_s, self._count, action))
