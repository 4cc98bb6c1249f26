"""A broker that lies: it repeats what it heard, invents receipts, credit, envelopes and greetings (sync rule 4)."""

from collections import deque
from collections.abc import Callable
from typing import Final

import msgspec

from benchmarks.simulation.world import World
from clinic_records.clock import Origin
from clinic_records.ids import RecordId, VehicleId
from clinic_records.record import Kind, Lane, Record
from sync.frames import Challenge, Greet, Have, Presence, Receipts, encode, sign
from sync.keys import OriginKeys
from sync.ports import Receipt, Verdict
from sync.seal import seal
from sync.topics import CREDIT, SESSION, Publish, Topic, Way

REMEMBERED: Final = 400
"""Messages it can repeat ..."""
REPEATED: Final = 60
"""... and how many at once."""
EAGER: Final = 0.04
"""The chance of a lie at each message of a vehicle."""


class Forger:
    """Sits at the broker of one world; between `from_s` and `until_s` lies of its own accord."""

    def __init__(self, world: World, from_s: float, until_s: float) -> None:
        self._world = world
        self._when_s = from_s, until_s
        self._rng = world.rng
        self._keys = OriginKeys.from_bytes(world.rng.randbytes(32))
        self._heard: deque[Publish] = deque(maxlen=REMEMBERED)
        world.taps.append(self._hear)

    def _hear(self, at_s: float, message: Publish) -> None:
        """Remember everything; now and then lie into a transfer that is under way, or right after a greeting."""
        self._heard.append(message)
        is_time = self._when_s[0] <= at_s < self._when_s[1]
        if is_time and message.topic.way is Way.UP and self._rng.random() < EAGER:
            vehicle = message.topic.vehicle
            lie = self._rng.choice((self._have, self._receipt, self._receipts_again))
            self._world.net.after(0.01, lambda: self._lie(vehicle, lie))

    def _lie(self, vehicle: VehicleId, lie: Callable[[VehicleId], None]) -> None:
        self._world.note("forged", vehicle)
        lie(vehicle)

    def _receipts_again(self, vehicle: VehicleId) -> None:
        """What the hospital said to this vehicle before, whatever session it was in."""
        said = {Topic(vehicle, Way.DOWN, channel) for channel in (SESSION, CREDIT)}
        for message in [each for each in self._heard if each.topic in said][-REPEATED:]:
            self._world.net.inject(message)

    def speak(self) -> None:
        """One lie."""
        vehicle = self._rng.choice(list(self._world.boxes))
        lie = self._rng.choice((self._repeat, self._repeat, self._receipt, self._have, self._record, self._nonsense))
        self._lie(vehicle, lie)

    def _say(self, vehicle: VehicleId, way: Way, payload: bytes, channel: str = SESSION) -> None:
        self._world.net.inject(Publish(Topic(vehicle, way, channel), payload))

    def _repeat(self, _vehicle: VehicleId) -> None:
        """Old messages once more, signed as they are."""
        for message in self._rng.sample(list(self._heard), min(20, len(self._heard))):
            self._world.net.inject(message)

    def _waiting(self, vehicle: VehicleId) -> list[str]:
        """Names of what the vehicle has not brought over: the broker sees them pass."""
        spool = self._world.boxes[vehicle].spool
        if spool is None:
            return []
        return [item.wire_sha256 for lane in Lane for item in spool.up.waiting(lane, -1, 20)]

    def _receipt(self, vehicle: VehicleId) -> None:
        """Everything is said to have arrived, under a key nobody pinned."""
        session = next((m.payload for m in reversed(self._heard) if m.topic == Topic(vehicle, Way.STATE)), b"")
        named = session.decode(errors="replace").partition('session":"')[2][:32]
        now, epoch = self._world.clock.now(), self._epoch(vehicle)
        receipts = tuple(
            Receipt(name, Verdict.APPLIED, epoch, number + 1, now) for number, name in enumerate(self._waiting(vehicle))
        )
        message = Receipts(vehicle, named, epoch, receipts[:50])
        self._say(vehicle, Way.DOWN, encode(sign(message, self._keys)))

    def _epoch(self, vehicle: VehicleId) -> str:
        spool = self._world.boxes[vehicle].spool
        return "" if spool is None else spool.session.load().epoch

    def _have(self, vehicle: VehicleId) -> None:
        """Credit for bytes that never arrived."""
        for name in self._waiting(vehicle)[:5]:
            self._say(vehicle, Way.DOWN, encode(Have(name, ((0, self._rng.randint(1, 2_000_000)),))))

    def _record(self, vehicle: VehicleId) -> None:
        """A record under the vehicle's name, sealed to the hospital's true key and signed by another."""
        hospital = self._world.county.hospital
        if hospital is None:
            return
        record = Record(
            id=RecordId(self._world.ids.new()),
            revision=1,
            kind=Kind.STOP,
            lane=Lane.P2,
            payload=b"{}",
            origin=Origin(vehicle, 1, self._rng.randint(1, 50)),
            author=None,
            recorded_at=self._world.clock.now(),
        )
        sealed = seal(record, keys=self._keys, recipient=hospital.keys.announced.public, created_ms=1)
        if sealed.data is not None:
            self._world.bring(vehicle, sealed.data)

    def _nonsense(self, vehicle: VehicleId) -> None:
        said = self._rng.choice(
            (encode(Greet()), encode(Challenge("00" * 16, "11" * 16)), self._rng.randbytes(40), b"")
        )
        self._say(vehicle, self._rng.choice((Way.DOWN, Way.UP)), said)
        self._say(vehicle, Way.STATE, msgspec.json.encode(Presence("22" * 16, is_online=True)), "")
