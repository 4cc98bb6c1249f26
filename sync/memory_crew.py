"""Several stations behind one broker in memory: who hears what follows from each one's Duty, as on a real broker.

A Crew takes a station's place in a MemoryNetwork. One of those who share a channel gets each message; a killed one
takes with it what it held.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from clinic_records.clock import Clock
from sync.endpoint import nobody_waits
from sync.station import HospitalStation
from sync.topics import CREDIT, SESSION, Publish, Topic, Way

LOOK_S: Final = 0.5
"""Seconds between two looks at the leases."""


class MemoryLeases:
    """Who sends down to each vehicle: what the hospital's database knows. A lease lapses after `seconds`."""

    def __init__(self, clock: Clock, seconds: float = 15.0) -> None:
        self._clock = clock
        self._seconds = seconds
        self._held: dict[str, tuple[str, float]] = {}

    def holder(self, vehicle: str) -> str:
        """Who has it now; empty where nobody has."""
        holder, until = self._held.get(vehicle, ("", 0.0))
        return holder if self._clock.monotonic_s() < until else ""

    def give(self, vehicle: str, holder: str) -> None:
        """Let `holder` have it from now on."""
        self._held[vehicle] = holder, self._clock.monotonic_s() + self._seconds

    def drop(self, vehicle: str) -> None:
        """Nobody has it."""
        self._held.pop(vehicle, None)


@dataclass(frozen=True)
class MemoryLease:
    """A Lease of `vehicle` for `holder`."""

    leases: MemoryLeases
    vehicle: str
    holder: str

    def take(self) -> None:
        """See Lease."""
        self.leases.give(self.vehicle, self.holder)

    def claim(self) -> bool:
        """See Lease."""
        if self.leases.holder(self.vehicle) not in ("", self.holder):
            return False
        self.take()
        return True

    def hand_over(self) -> None:
        """See Lease."""
        self.end()

    def end(self) -> None:
        """See Lease."""
        if self.leases.holder(self.vehicle) == self.holder:
            self.leases.drop(self.vehicle)


class Crew:
    """An Endpoint made of stations, by name."""

    def __init__(self, stations: dict[str, HospitalStation], leases: MemoryLeases, rng: random.Random) -> None:
        self.stations = stations
        self._leases = leases
        self._rng = rng
        self._looked_at = 0.0

    @property
    def wake(self) -> Callable[[], None]:
        """See Endpoint."""
        return next((each.wake for each in self.stations.values()), nobody_waits)

    @wake.setter
    def wake(self, wake: Callable[[], None]) -> None:
        for each in self.stations.values():
            each.wake = wake

    @property
    def filters(self) -> tuple[str, ...]:
        """Those of all."""
        return tuple(each for station in self.stations.values() for each in station.filters)

    @property
    def will(self) -> Publish | None:
        """See Endpoint."""
        return None

    @property
    def has_work(self) -> bool:
        """Whether anybody has."""
        return any(each.has_work for each in self.stations.values())

    def on_refused(self, reason: str) -> None:
        """See Endpoint."""

    def on_connected(self, now: float) -> None:
        """See Endpoint."""
        for each in self.stations.values():
            each.on_connected(now)

    def on_disconnected(self) -> None:
        """See Endpoint."""
        for each in self.stations.values():
            each.on_disconnected()

    def on_message(self, topic: Topic, payload: bytes, now: float, *, waited_s: float = 0.0) -> None:
        """One of those who share the channel hears it; states and credit are heard by all."""
        ears = [each for each in self.stations.values() if _hears(each, topic)]
        if topic.way is not Way.STATE and topic.channel != CREDIT and len(ears) > 1:
            ears = [self._rng.choice(ears)]
        for each in ears:
            each.on_message(topic, payload, now, waited_s=waited_s)

    def poll(self, now: float) -> list[Publish]:
        """What all publish; lost leases end lines and lapsed ones are claimed, as the workers' looks do it."""
        self._looked_at = now
        for name, station in self.stations.items():
            for vehicle in sorted(station.online):
                if self._leases.holder(vehicle) in ("", name):
                    self._leases.give(vehicle, name)
                else:
                    station.lose(vehicle)
        return [said for each in self.stations.values() for said in each.poll(now)]

    def next_wakeup(self) -> float | None:
        """See Endpoint."""
        times = [at for each in self.stations.values() if (at := each.next_wakeup()) is not None]
        return min([*times, self._looked_at + LOOK_S])

    def is_stalled(self, now: float) -> bool:
        """See Endpoint."""
        for each in self.stations.values():
            each.is_stalled(now)
        return False

    def note_progress(self, now: float) -> None:
        """See Endpoint."""

    def notify(self) -> None:
        """See Endpoint."""
        for each in self.stations.values():
            each.notify()


def _hears(station: HospitalStation, topic: Topic) -> bool:
    if topic.way is Way.STATE:
        return True
    channels = {*station.duty.lanes, *([SESSION, CREDIT] if station.duty.has_sessions else [])}
    return topic.way is Way.UP and topic.channel in channels
