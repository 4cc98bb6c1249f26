"""What of a hospital is there without its database: folder, settings, certificates, log of revocations."""

from dataclasses import dataclass
from datetime import datetime

from clinic_records.clock import Clock
from cloud_hospital.authority.authority import Authority
from cloud_hospital.epoch import EpochLog
from cloud_hospital.folder import HospitalFolder
from cloud_hospital.settings import HospitalSettings


@dataclass(frozen=True)
class Premises:
    """Enough to keep a broker, also while the database is away."""

    folder: HospitalFolder
    settings: HospitalSettings
    clock: Clock

    def now(self) -> datetime:
        """The hospital's time, UTC."""
        return self.clock.now()

    @property
    def authority(self) -> Authority:
        """Who issues certificates here."""
        return Authority(self.folder.authority)

    @property
    def log(self) -> EpochLog:
        """Epochs and revocations."""
        return EpochLog(self.folder.epoch_log)
