"""The cloud hospital's machine: the real intake over the real records on SQLite, killed, restored, filled up."""

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.simulation.disk import CRASHES, Disk, at_work, watch_engine
from benchmarks.simulation.mortal import Mortal
from clinic_records.errors import ClinicError
from clinic_records.ids import IdFactory
from clinic_records.record import Lane
from cloud_hospital.epoch import EpochLog
from cloud_hospital.feed.epochs import keep_feed_epoch
from cloud_hospital.hospital import Hospital, init_hospital
from cloud_hospital.intake.worker import Intake
from cloud_hospital.keys import HospitalKeys
from cloud_hospital.settings import HospitalSettings, folder_of
from cloud_hospital.starts import begin_start
from cloud_hospital.store.engine import open_engine
from sync.endpoint import Endpoint
from sync.memory import ManualClock, MemoryNetwork
from sync.topics import CREDIT, Topic

SELDOM_S = 6 * 3600.0
"""Simulated seconds between two looks of an intake that nothing reached; a real one looks twice a second, but what it
finds was brought by a message, by another process or by a start, and each of these makes it look here."""
SOON_S = 0.5
"""Seconds until an intake that was woken looks (`cloud_hospital.intake.worker.LOOK_EVERY_S`)."""
QUIET = frozenset({*Lane, CREDIT})
"""What comes there leaves nothing for a look but the county's numbers, and those the judge lets be given."""
OUTSIDE = ("keys", "run")
"""What a backup leaves out: the epoch log and the keyring lie elsewhere (sync rule 3)."""


def make_template(folder: Path) -> None:
    """An empty hospital, its schema made once for all worlds."""
    init_hospital(folder, HospitalSettings(web_port=0, broker_port=0), ManualClock(datetime(2026, 3, 1, tzinfo=UTC)))


class _Looking:
    """The station, and a look of its intake soon after anything reached it."""

    def __init__(self, station: Endpoint, poke: Callable[[], None]) -> None:
        self._station = station
        self._poke = poke

    def on_message(self, topic: Topic, payload: bytes, now: float, *, waited_s: float = 0.0) -> None:
        self._station.on_message(topic, payload, now, waited_s=waited_s)
        if topic.channel not in QUIET:
            self._poke()

    def __getattr__(self, name: str) -> object:
        return getattr(self._station, name)

    @property
    def wake(self) -> Callable[[], None]:
        return self._station.wake

    @wake.setter
    def wake(self, wake: Callable[[], None]) -> None:
        self._station.wake = wake


class County:
    """One hospital. `hospital` lives from `start` until `die`."""

    def __init__(
        self, root: Path, template: Path, net: MemoryNetwork, ids: IdFactory, on_killed: Callable[[], None]
    ) -> None:
        shutil.copytree(template, root)
        self.root = root
        self.disk = Disk()
        self.ids = ids
        self.hospital: Hospital | None = None
        self.intake: Intake | None = None
        self.on_refused: Callable[[str], None] = lambda _: None
        self._net = net
        self._on_killed = on_killed
        self._mortal: Mortal | None = None
        self._is_poked = False
        self._starts = 0

    def start(self, *, is_whole: bool = True) -> None:
        """The intake starts, by itself or with the whole hospital: what was whole is answered, then it listens."""
        self.do(lambda: self._start(is_whole=is_whole))

    def _start(self, *, is_whole: bool) -> None:
        folder = folder_of(self.root)
        if is_whole:
            begin_start(folder)
        settings = HospitalSettings.load(folder)
        engine = open_engine(settings.url(folder))
        watch_engine(engine)
        log = EpochLog(folder.epoch_log)
        self._starts += 1
        self.hospital = Hospital(folder, settings, HospitalKeys.load(folder), engine, log, self._net.clock, self.ids)
        keep_feed_epoch(engine, log.current(), self._net.clock.now())
        self.intake = Intake(self.hospital)
        self.intake.sweep()
        self._mortal = Mortal(_Looking(self.intake.station, self.poke), self.disk, self.die)  # type: ignore[arg-type]
        self._net.start_station(self._mortal)
        self._look_again(self._starts)

    @property
    def is_on(self) -> bool:
        """Whether the intake runs."""
        return self.intake is not None

    def do(self, action: Callable[[], object]) -> bool:
        """Let the hospital do something by itself; False where it was refused or died over it."""
        try:
            with at_work(self.disk):
                action()
        except CRASHES:
            self.die()
            return False
        except ClinicError as error:
            self.on_refused(f"hospital: {error}")
            return False
        return True

    def poke(self) -> None:
        """Another process changed something: the intake looks soon."""
        if not self._is_poked:
            self._is_poked = True
            self._net.after(SOON_S, self._look)

    def _look(self) -> None:
        self._is_poked = False
        intake = self.intake
        if intake is not None:
            self.do(lambda: intake.look() and intake.station.wake())

    def _look_again(self, start: int) -> None:
        if self.is_on and start == self._starts:
            self.poke()
            self._net.after(SELDOM_S, lambda: self._look_again(start))

    def die(self) -> None:
        """The power is gone; only files stay. A world that wants it starts it again."""
        if self.is_on:
            self.stop()
            self._on_killed()

    def stop(self) -> None:
        """As `die`, and nobody starts it again by itself."""
        if self._mortal is not None:
            self._mortal.die()
        self._net.start_station(None)
        self.disk.kill_at = 0
        if self.hospital is not None:
            self.hospital.engine.dispose()
        self.hospital = self.intake = self._mortal = None

    def copy_to(self, target: Path) -> None:
        """A backup of records and files, without what lies outside it."""
        if target.exists():
            shutil.rmtree(target)
        shutil.copytree(self.root, target, ignore=shutil.ignore_patterns(*OUTSIDE))

    def restore_from(self, source: Path) -> None:
        """Put a backup in the place of records and files; the intake is off."""
        for path in self.root.iterdir():
            if path.name not in OUTSIDE:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        shutil.copytree(source, self.root, dirs_exist_ok=True)
