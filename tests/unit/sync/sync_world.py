"""One vehicle and one hospital over a simulated link, with kills of either end."""

import random
from collections.abc import Callable
from typing import Any

from clinic_records.ids import VehicleId, vehicle_id
from sync.courier import PinnedHospital, VehicleCourier
from sync.keys import OriginKeys
from sync.memory import ManualClock, MemoryNetwork, Weather
from sync.memory_stores import MemoryInbound, MemoryOutbound, MemorySessions
from sync.station import HospitalStation, Peer

VEHICLE = vehicle_id("V01")
VEHICLE_KEYS = OriginKeys.from_bytes(bytes(32))
HOSPITAL_KEYS = OriginKeys.from_bytes(bytes([1]) * 32)
FORGER_KEYS = OriginKeys.from_bytes(bytes([2]) * 32)


class Box:
    """The durable side of one vehicle."""

    def __init__(self) -> None:
        self.sessions = MemorySessions()
        self.outbound = MemoryOutbound()
        self.inbound = MemoryInbound(MemorySessions())


class World:
    """Stores live here and survive; couriers and stations are made anew by a kill."""

    def __init__(self, seed: int = 0, weather: Weather | None = None) -> None:
        self.rng = random.Random(seed)
        self.clock = ManualClock()
        self.net = MemoryNetwork(self.clock, self.rng, weather)
        self.box = Box()
        self.hospital_sessions = MemorySessions()
        self.hospital_inbound = MemoryInbound(self.hospital_sessions)
        self.hospital_outbound = MemoryOutbound()
        self.strangers: list[tuple[VehicleId, str]] = []
        self.alarms: list[tuple[VehicleId, str]] = []
        self.enrolled = {VEHICLE}
        self.vehicle_public = VEHICLE_KEYS.public
        self.on_keys: Callable[[tuple[bytes, ...]], None] = lambda _: None
        self.start_station()
        self.start_courier()

    def courier_of(self, box: Box, keys: OriginKeys = VEHICLE_KEYS, **how: Any) -> VehicleCourier:
        return VehicleCourier(
            VEHICLE,
            keys=keys,
            hospital=PinnedHospital("H1", HOSPITAL_KEYS.public),
            outbound=box.outbound,
            inbound=box.inbound,
            sessions=box.sessions,
            clock=self.clock,
            random_bytes=self.rng.randbytes,
            **how,
        )

    def start_courier(self, keys: OriginKeys = VEHICLE_KEYS, **how: Any) -> None:
        self.courier = self.courier_of(self.box, keys, **how)
        self.net.attach(VEHICLE, self.courier)

    def start_station(self, keys: OriginKeys = HOSPITAL_KEYS, **how: Any) -> None:
        self.station = HospitalStation(
            "H1",
            keys=keys,
            port=lambda vehicle: self._peer() if vehicle in self.enrolled else None,
            clock=self.clock,
            random_bytes=self.rng.randbytes,
            on_stranger=lambda vehicle, _, reason: self.strangers.append((vehicle, reason)),
            on_alarm=lambda vehicle, what: self.alarms.append((vehicle, what)),
            **how,
        )
        self.net.start_station(self.station)

    def _peer(self) -> Peer:
        return Peer(
            self.vehicle_public,
            self.hospital_inbound,
            self.hospital_outbound,
            self.hospital_sessions,
            on_keys=self.on_keys,
        )

    def run(self, is_done: Callable[[], bool], limit_s: float = 3600.0) -> None:
        assert self.net.run(is_done, limit_s), "not reached in time"

    @property
    def is_complete(self) -> bool:
        return not self.box.outbound.open and not self.hospital_outbound.open
