"""One vehicle's box: real store, spool, sealer and courier over files, and what kills, restores and clones do to it."""

import shutil
from collections.abc import Callable
from pathlib import Path

from benchmarks.simulation.clocks import WrongClock
from benchmarks.simulation.disk import CRASHES, Disk, InlineWriter, at_work
from benchmarks.simulation.mortal import Mortal
from clinic_records.errors import ClinicError, Conflict, NotFound
from clinic_records.ids import IdFactory, VehicleId
from sync.abilities import OURS
from sync.courier import PinnedHospital, VehicleCourier
from sync.enrolment import Enrolment, EnrolmentRequest
from sync.keys import OriginPublic
from sync.memory import MemoryNetwork, Weather
from vehicle_agent.store.derive import database_key
from vehicle_agent.store.folder import VehicleFolder
from vehicle_agent.store.keys import DeviceKeys
from vehicle_agent.store.merge.rule import Merging
from vehicle_agent.store.merge.table import merge
from vehicle_agent.store.outbox import begin_incarnation
from vehicle_agent.store.pinning import load_pinned, pin_hospital
from vehicle_agent.store.seal_job import seal_blob
from vehicle_agent.store.sealer import Sealer
from vehicle_agent.store.spool import Spool
from vehicle_agent.store.store import Store

KEEP_S = 1.0
"""Seconds between something that came and its way into the store (`vehicle_agent.services.sealing.LOOK_S`)."""


class Box:
    """A machine. `spool` and `courier` live from `power_on`, `store` from `login`, until `die`."""

    def __init__(
        self,
        name: str,
        vehicle: VehicleId,
        root: Path,
        *,
        net: MemoryNetwork,
        weather: Weather,
        data_key: bytes,
        random_bytes: Callable[[int], bytes],
        ids: IdFactory,
        on_killed: Callable[["Box"], None],
    ) -> None:
        self.name = name
        self.vehicle = vehicle
        self.weather = weather
        self.disk = Disk()
        self.clock = WrongClock(net.clock)
        self.ids = ids
        self.data_key = data_key
        self.spool: Spool | None = None
        self.courier: VehicleCourier | None = None
        self.store: Store | None = None
        self.sealer: Sealer | None = None
        self.not_merged = 0
        self.abilities = OURS
        self.on_refused: Callable[[str], None] = lambda _: None
        self.is_plugged = False
        self._folder = VehicleFolder(root)
        self._net = net
        self._random_bytes = random_bytes
        self._on_killed = on_killed
        self._mortal: Mortal | None = None
        self._is_poked = False

    @property
    def root(self) -> Path:
        """The folder that a backup copies."""
        return self._folder.root

    def make(self) -> None:
        """The folder and the box's own keys."""
        self._folder.create()
        DeviceKeys.create(self._folder.device_key)

    def enrol(self, enrolment: Enrolment) -> None:
        """A person brings what the hospital granted; it holds from the next start."""
        with at_work(self.disk):
            pin_hospital(self._folder.hospital, enrolment)

    def request(self) -> EnrolmentRequest:
        """What the box asks a hospital with."""
        return DeviceKeys.load(self._folder.device_key).request(self.vehicle)

    def power_on(self, *, plugs_in: bool = True) -> None:
        """The agent starts; nobody has logged in, but the courier speaks already (sync rule 5)."""
        pinned = load_pinned(self._folder.hospital)
        keys = DeviceKeys.load(self._folder.device_key)
        spool = self.spool = Spool(self._folder.spool, keys=keys, hospital=pinned, clock=self.clock)
        spool.up.sweep()
        self.courier = VehicleCourier(
            self.vehicle,
            keys=keys.sign,
            hospital=PinnedHospital(pinned.hospital_id, OriginPublic(pinned.sign_public), pinned.key_number),
            statements=keys.statements,
            outbound=spool.up,
            inbound=spool.down,
            sessions=spool.session,
            clock=self.clock,
            random_bytes=self._random_bytes,
            abilities=self.abilities,
            on_trusted_time=self.clock.raise_floor,
            on_incarnation=self._adopt,
        )
        self._mortal = Mortal(self.courier, self.disk, self.die)
        if plugs_in:
            self.plug_in()

    def plug_in(self) -> None:
        """Its connection is the vehicle's one at the broker from now on."""
        if self._mortal is not None:
            self.is_plugged = True
            self._net.attach(self.vehicle, self._mortal, self.weather)

    def unplug(self) -> None:
        """The broker closed its connection: another machine came with the same name."""
        self.is_plugged = False
        if self._mortal is not None:
            self._mortal.on_disconnected()

    def ask_to_rejoin(self) -> None:
        """The operator who restored this box's backup says so, before it starts."""
        keys, pinned = DeviceKeys.load(self._folder.device_key), load_pinned(self._folder.hospital)
        with at_work(self.disk):
            spool = Spool(self._folder.spool, keys=keys, hospital=pinned, clock=self.clock)
            spool.session.ask_to_rejoin(self.clock.now())
            spool.close()

    def login(self) -> None:
        """Somebody opens the store."""
        assert self.spool is not None  # noqa: S101
        self.store = Store.open(
            self._folder.database,
            self._folder.blobs,
            database_key(self.data_key),
            vehicle=self.vehicle,
            incarnation=self.spool.session.load().incarnation,
            writes=InlineWriter,
        )
        keys = DeviceKeys.load(self._folder.device_key)
        self.sealer = Sealer(self.store, self.spool, keys=keys, clock=self.clock)
        self.sealer.reconcile()
        self.poke()

    def _adopt(self, incarnation: int) -> None:
        if self.store is not None:
            self.store.write(lambda conn: begin_incarnation(conn, self.vehicle, incarnation))

    def do(self, action: Callable[[], object]) -> bool:
        """Let the box do something by itself; False where it was refused or died over it."""
        try:
            with at_work(self.disk):
                action()
        except CRASHES:
            self.die()
            return False
        except ClinicError as error:
            self.on_refused(f"{self.name}: {error}")
            return False
        return True

    @property
    def is_on(self) -> bool:
        """Whether the agent runs."""
        return self.spool is not None

    @property
    def is_open(self) -> bool:
        """Whether somebody has logged in."""
        return self.store is not None

    def poke(self) -> None:
        """Something was saved or came: tell the courier, and keep what came soon."""
        if self.courier is not None:
            self.courier.notify()
        self.poke_later()

    def poke_later(self) -> None:
        """Something came: keep it soon."""
        if not self._is_poked and self.store is not None:
            self._is_poked = True
            self._net.after(KEEP_S, self._keep)

    def _keep(self) -> None:
        self._is_poked = False
        if self.store is not None:
            self.do(self.keep_what_came)

    def keep_what_came(self) -> None:
        """One round of `vehicle_agent.services.sealing`: reconcile, receipts, downlink, big blobs."""
        sealer, spool, store = self.sealer, self.spool, self.store
        assert sealer is not None  # noqa: S101
        assert spool is not None  # noqa: S101
        assert store is not None  # noqa: S101
        sealer.failures.clear()
        sealer.seal_late()
        sealer.merge_receipts()
        sealer.reseal()
        for item in spool.down.downlink_pending():
            record = spool.down.downlink_open(item)
            merging = Merging(store.vehicle, self.clock.now(), self.ids.new)
            try:
                doubts = store.write(lambda conn, record=record, merging=merging: merge(conn, record, merging))  # type: ignore[misc]
            except Conflict as error:
                doubts = (str(error),)
            self.not_merged += len(doubts)
            spool.down.downlink_merged(item)
        for job in sealer.jobs():
            sealer.finish(job, seal_blob(job))
        if self.courier is not None:
            self.courier.notify()

    def holds(self, wire_sha256: str) -> bool:
        """Whether an envelope can be read here now."""
        assert self.spool is not None  # noqa: S101
        try:
            return bool(self.spool.up.read(wire_sha256, 0, 1))
        except NotFound:
            return False

    def die(self) -> None:
        """The power is gone; only files stay."""
        if self._mortal is not None:
            self._mortal.die()
        if self.is_on:
            self._leave()
            self._on_killed(self)

    def power_off(self) -> None:
        """As `die`, and nobody starts it again by itself."""
        if self._mortal is not None:
            self._mortal.die()
        if self.is_on:
            self._leave()

    def _leave(self) -> None:
        if self.is_plugged:
            self._net.detach(self.vehicle)
        self.is_plugged = False
        self.disk.kill_at = 0
        if self.store is not None:
            self.store.close()
        if self.spool is not None:
            self.spool.close()
        self.spool = self.courier = self.store = self.sealer = self._mortal = None

    def copy_to(self, target: Path) -> None:
        """What a backup or a clone has: every file as it lies there now."""
        if target.exists():
            shutil.rmtree(target)
        shutil.copytree(self.root, target, ignore=shutil.ignore_patterns("*.lock"))

    def restore_from(self, source: Path) -> None:
        """Put a backup in the place of the files; the box is off."""
        shutil.rmtree(self.root)
        shutil.copytree(source, self.root)
