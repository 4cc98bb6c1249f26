"""One world: a hospital, a few vehicles, their days, and time. Faults come from `faults`, judgement from `judge`."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec

from benchmarks.simulation.box import Box
from benchmarks.simulation.county import County
from benchmarks.simulation.disk import at_work
from benchmarks.simulation.things import DOCTOR, NURSE, Maker, payload_of
from benchmarks.simulation.trace import Trace
from benchmarks.simulation.truth import Made, Sent, Truth
from clinic_records.care import Encounter
from clinic_records.clock import CHINA, Origin
from clinic_records.ids import IdFactory, RecordId, VehicleId, sha256_hex, vehicle_id
from clinic_records.record import Kind, Lane, Record
from cloud_hospital.downlink import queue_for_vehicle
from cloud_hospital.vehicles import enrol
from sync.abilities import OURS
from sync.courier import LinkState
from sync.frames import Items, encode
from sync.memory import ManualClock, MemoryNetwork, Weather
from sync.topics import Publish, Topic, Way
from vehicle_agent.store.driver import Connection
from vehicle_agent.store.records import put_record

START: Final = datetime(2026, 3, 2, 0, 0, tzinfo=CHINA).astimezone(UTC)
HOUR_S: Final = 3600.0
DAY_S: Final = 24 * HOUR_S
OPENS_S: Final = 8.5 * HOUR_S
CLOSES_S: Final = 11.5 * HOUR_S
LINKS: Final = (
    Weather(bytes_per_s=2_000, latency_s=0.6),
    *2 * (Weather(bytes_per_s=8_000, latency_s=0.3),),
    *3 * (Weather(bytes_per_s=125_000, latency_s=0.06),),
    *4 * (Weather(bytes_per_s=1e6, latency_s=0.03),),
)
"""Of a vehicle: 16 kbit/s, 64 kbit/s, 1 Mbit/s, 8 Mbit/s."""


TRIES_S: Final = (2.0, 120.0)
"""Seconds until the hospital's supervisor starts it again ..."""
FULL_TRIES_S: Final = (60.0, 1800.0)
"""... and where its disk is full: it ends again at its next write."""
RELEASES: Final = (
    *3 * (OURS,),
    msgspec.structs.replace(OURS, proto_max=1, kinds=OURS.kinds[:8], codecs=OURS.codecs[:2], dict_ids=()),
    msgspec.structs.replace(OURS, proto_max=2, kinds=OURS.kinds[:12]),
    msgspec.structs.replace(OURS, proto_max=OURS.proto_max + 1, kinds=(*OURS.kinds, "of-a-release-to-come")),
)
"""What a vehicle's program says that it understands: most ours, some two releases back, one back, or one ahead."""


class Ended(Exception):
    """A promise was broken, and nobody wants to know what else."""


@dataclass(frozen=True)
class Size:
    """How large a world is: vehicles, days, the most encounters of a stop, the part of the days that have a stop.

    `bulk` is the chance that a stop has a large recording; `harshness` multiplies how likely each fault is; those
    named in `sure` happen in any case.
    """

    vehicles: int
    days: int
    encounters: int
    stops_a_day: float = 1.0
    bulk: float = 0.1
    harshness: float = 1.0
    sure: tuple[str, ...] = ()


class World:
    """Everything of one seed. `box` and `watch` are by vehicle."""

    def __init__(self, seed: int, folder: Path, template: Path, rng: random.Random, trace: Trace, size: Size) -> None:
        self.seed = seed
        self.folder = folder
        self.rng = rng
        self.trace = trace
        self.size = size
        self.truth = Truth()
        self.violations: list[str] = []
        self.ends_at_first = False
        self.disturbed_s: dict[str, float] = {}
        self.clock = ManualClock(START)
        self.net = MemoryNetwork(self.clock, random.Random(rng.random()))  # noqa: S311  # to be repeated, no secret
        self.net.tap = self._see
        self.ids = IdFactory(lambda: int(self.clock.now().timestamp() * 1000), rng.getrandbits)
        self.maker = Maker(self.ids, rng)
        self.county = County(folder / "hospital", template, self.net, self.ids, self._hospital_died)
        self.county.on_refused = self.say
        self.county.start()
        self.boxes: dict[VehicleId, Box] = {}
        self.clones: dict[VehicleId, Box] = {}
        self.seen: dict[VehicleId, list[Encounter]] = {}
        self.taps: list[Callable[[float, Publish], None]] = []
        for number in range(size.vehicles):
            self._add_vehicle(vehicle_id(f"V{number + 1:02}"))

    @property
    def now_s(self) -> float:
        """Simulated seconds since the world began, at midnight."""
        return self.clock.monotonic_s()

    def at(self, at_s: float, action: Callable[[], None]) -> None:
        """Do it then."""
        self.net.after(max(0.0, at_s - self.now_s), action)

    def say(self, what: str) -> None:
        """Note an event of the story."""
        self.trace.add(self.now_s, what)

    def accuse(self, what: str) -> None:
        """A promise was broken."""
        if what not in self.violations:
            self.violations.append(what)
            self.say(f"VIOLATION {what}")
            if self.ends_at_first:
                raise Ended

    def disturb(self, *vehicles: str) -> None:
        """Something beyond the rules of a calm link happened to these, or to all."""
        for vehicle in vehicles or tuple(self.boxes):
            self.disturbed_s[vehicle] = self.now_s

    def note(self, what: str, vehicle: str = "") -> None:
        """A fault happened, to one vehicle or to all."""
        self.truth.note(what)
        self.say(f"{vehicle or 'everybody'}: {what}")
        if vehicle:
            self.disturb(vehicle)
        else:
            self.disturb()

    def set_weather(self, vehicle: VehicleId, weather: Weather) -> None:
        """Another link from the next message on."""
        self.disturb(vehicle)
        self.boxes[vehicle].weather = weather
        self.net.set_weather(vehicle, weather)

    def takeover(self, box: Box) -> None:
        """This machine connects under the vehicle's name; the broker closes the other one's connection."""
        for other in (self.boxes[box.vehicle], self.clones.get(box.vehicle)):
            if other is not None and other is not box and other.is_plugged:
                other.unplug()
        box.plug_in()

    def note_speech(self, box: Box) -> None:
        """Whether this machine of a cloned pair has a session at the end of its turn."""
        is_online = box.courier is not None and box.courier.state is LinkState.ONLINE
        if is_online and box.name not in self.truth.spoke[-1:]:
            self.truth.spoke.append(box.name)

    def bring(self, vehicle: VehicleId, wire: bytes) -> None:
        """The broker brings a whole wire file under the vehicle's name."""
        self.net.inject(Publish(Topic(vehicle, Way.UP, Lane.P2), encode(Items(Lane.P2, (wire,)))))

    def _see(self, at_s: float, message: Publish) -> None:
        self.trace.add(at_s, str(message.topic), message.payload)
        for tap in self.taps:
            tap(at_s, message)
        box = self.boxes.get(message.topic.vehicle)
        if box is not None and message.topic.way == "down":
            box.poke_later()

    # the fleet

    def _add_vehicle(self, vehicle: VehicleId) -> None:
        weather = self.rng.choice(LINKS)
        box = self._box(f"{vehicle}/1", vehicle, self.folder / vehicle, weather, self.rng.randbytes(32))
        box.abilities = self.rng.choice(RELEASES)
        box.make()
        self.enrol(box)
        self.boxes[vehicle] = box
        self.start(box)

    def enrol(self, box: Box) -> None:
        """A person carries the box's request to the hospital and the answer back."""
        hospital = self.county.hospital
        assert hospital is not None  # noqa: S101  # people wait until it is there
        with at_work(self.county.disk):
            granted = enrol(hospital, box.request())
        box.enrol(granted)

    def _box(self, name: str, vehicle: VehicleId, root: Path, weather: Weather, data_key: bytes) -> Box:
        box = Box(
            name,
            vehicle,
            root,
            net=self.net,
            weather=weather,
            data_key=data_key,
            random_bytes=self.rng.randbytes,
            ids=self.ids,
            on_killed=self._box_died,
        )
        box.on_refused = self.say
        return box

    def clone_of(self, box: Box, name: str) -> Box:
        """A second machine with the first one's disk as it is now."""
        clone = self._box(name, box.vehicle, self.folder / name.replace("/", "-"), box.weather, box.data_key)
        box.copy_to(clone.root)
        return clone

    def start(self, box: Box, *, login: bool = True) -> None:
        """Power, and somebody who logs in; a box that dies over it is tried again."""
        self.disturb(box.vehicle)
        is_started = box.is_on or box.do(box.power_on)
        if is_started and login and not box.is_open:
            is_started = box.do(box.login)
        if not is_started:
            self.net.after(60.0, lambda: self.start(box, login=login))

    def _box_died(self, box: Box) -> None:
        self.say(f"{box.name} dies")
        self.disturb(box.vehicle)
        if self.boxes.get(box.vehicle) is box:
            self.net.after(self.rng.uniform(5.0, 300.0), lambda: self.start(box))

    def _hospital_died(self) -> None:
        self.say("hospital dies")
        self.disturb()
        tries_s = FULL_TRIES_S if self.county.disk.is_full else TRIES_S
        is_whole = self.rng.random() < 0.5
        self.net.after(self.rng.uniform(*tries_s), lambda: self.start_hospital(is_whole=is_whole))

    def start_hospital(self, *, is_whole: bool = True) -> None:
        """Its power is back, or only the worker's process is there again."""
        self.disturb()
        if not self.county.is_on:
            self.county.start(is_whole=is_whole)

    # what people do

    def save(
        self,
        box: Box,
        kind: Kind,
        thing_id: str,
        payload: bytes,
        *,
        lane: Lane = Lane.P2,
        revision: int = 1,
        raw: bytes = b"",
        blob_lane: Lane | None = None,
    ) -> bool:
        """A nurse's Save, or a device's delivery; whether it was answered."""
        store = box.store
        if store is None:
            return False
        parts = [Made(box.vehicle, box.name, kind, thing_id, revision, sha256_hex(payload), self.now_s)]
        if raw:
            sha256 = sha256_hex(raw)
            parts.append(Made(box.vehicle, box.name, Kind.BLOB, sha256, 1, sha256, self.now_s))
        made = [self.truth.add(each) for each in parts]

        def keep() -> None:
            blobs = (store.blobs.keep(raw).sha256,) if raw else ()

            def put(conn: Connection) -> Record:
                return put_record(
                    conn,
                    record_id=thing_id,
                    kind=kind,
                    lane=lane,
                    payload=payload,
                    author=NURSE,
                    recorded_at=box.clock.now(),
                    expected_revision=revision - 1,
                    blobs=blobs,
                    blob_lane=blob_lane,
                )

            store.write(put)

        is_answered = box.do(keep)
        self.say(f"{box.name} saves {kind} {thing_id} {'yes' if is_answered else 'no'}")
        if is_answered:
            for each in made:
                each.is_promised, each.box = True, box.name
        box.poke()
        return is_answered

    def send_down(self, vehicle: VehicleId, kind: Kind, thing: object, thing_id: str) -> bool:
        """A doctor's or coordinator's message for one vehicle; whether the hospital took it."""
        hospital = self.county.hospital
        if hospital is None:
            return False
        payload = payload_of(thing)
        record = Record(
            id=RecordId(thing_id),
            revision=1,
            kind=kind,
            lane=Lane.P1,
            payload=payload,
            origin=Origin(hospital.settings.id, 1, len(self.truth.sent) + 1),
            author=DOCTOR,
            recorded_at=self.clock.now(),
        )
        is_taken = self.county.do(lambda: queue_for_vehicle(hospital, vehicle, record))
        self.say(f"hospital queues {kind} {thing_id} for {vehicle} {'yes' if is_taken else 'no'}")
        if is_taken:
            self.truth.sent.append(Sent(vehicle, kind, thing_id, 1, sha256_hex(payload), self.now_s))
        self.county.poke()
        return is_taken

    def is_online(self, vehicle: VehicleId) -> bool:
        """Whether its session stands, as the vehicle sees it."""
        box = self.boxes[vehicle]
        return box.courier is not None and box.courier.state is LinkState.ONLINE

    def run_for(self, seconds: float) -> None:
        """Let time pass."""
        until = self.now_s + seconds
        self.net.run(lambda: self.now_s >= until, seconds)

    def day_of(self, at_s: float) -> datetime:
        """The world's date then, Chinese time."""
        return (START + timedelta(seconds=at_s)).astimezone(CHINA)

    def close(self) -> None:
        """Everything off."""
        for box in (*self.boxes.values(), *self.clones.values()):
            box.power_off()
        self.county.stop()
