"""An opened hospital: folder, settings, keys and records together."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from clinic_records.clock import Clock, SystemClock
from clinic_records.errors import ConfigError
from clinic_records.ids import IdFactory
from cloud_hospital.authority.authority import Authority
from cloud_hospital.epoch import EpochLog
from cloud_hospital.feed.epochs import keep_feed_epoch
from cloud_hospital.folder import HospitalFolder
from cloud_hospital.keys import HospitalKeys
from cloud_hospital.premises import Premises
from cloud_hospital.settings import HospitalSettings, folder_of
from cloud_hospital.store.engine import database_gone, open_engine
from cloud_hospital.store.migrate import migrate


@dataclass(frozen=True)
class Hospital:
    """What every process of a hospital works with.

    Attributes:
        unforgiven: (vehicle, wire hash) -> attempts at opening it that ended in this process without the database.
    """

    folder: HospitalFolder
    settings: HospitalSettings
    keys: HospitalKeys
    engine: Engine
    log: EpochLog
    clock: Clock
    ids: IdFactory
    unforgiven: Counter[tuple[str, str]] = field(default_factory=Counter, compare=False)

    def now(self) -> datetime:
        """The hospital's time, UTC."""
        return self.clock.now()

    @property
    def premises(self) -> Premises:
        """What is there without the database."""
        return Premises(self.folder, self.settings, self.clock)


@contextmanager
def open_hospital(directory: Path, clock: Clock | None = None) -> Iterator[Hospital]:
    """The hospital in `directory`, its database brought to this program's schema.

    Raises:
        ConfigError: not initialised, damaged, or of a newer program.
        StoreError: the database is not there, or ended within the block.
    """
    folder = folder_of(directory)
    settings = HospitalSettings.load(folder)
    clock = clock or SystemClock()
    engine = open_engine(settings.url(folder))
    try:
        migrate(engine)
        log = EpochLog(folder.epoch_log)
        keep_feed_epoch(engine, log.current(), clock.now())
        yield Hospital(folder, settings, HospitalKeys.load(folder), engine, log, clock, IdFactory())
    except OperationalError as error:
        raise database_gone(error) from error
    finally:
        engine.dispose()


def init_hospital(directory: Path, settings: HospitalSettings, clock: Clock | None = None) -> None:
    """Make a new hospital: folders, settings, keys, first epoch, database.

    Raises:
        ConfigError: there is one already.
    """
    folder = HospitalFolder(directory.resolve())
    if folder.settings.exists():
        raise ConfigError(f"{directory} is a hospital's folder already; choose another")
    folder.make()
    now = (clock or SystemClock()).now()
    HospitalKeys.create(folder, now)
    EpochLog(folder.epoch_log).begin(now, "init")
    Authority.create(folder.authority, settings.id, now)
    settings.save(folder)  # last of the files: its presence says that the rest is there
    with open_hospital(directory, clock):
        pass
