"""The hospital's folder on disk: where everything lies."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class HospitalFolder:
    """Paths inside one HOSPITAL_DIR."""

    root: Path

    @property
    def settings(self) -> Path:
        """hospital.toml."""
        return self.root / "hospital.toml"

    @property
    def keys(self) -> Path:
        """Private keys, epoch log, broker passwords; kept out of the database's backups."""
        return self.root / "keys"

    @property
    def epoch_log(self) -> Path:
        """Append-only log of epochs and revocations."""
        return self.keys / "epoch.log"

    @property
    def broker_users(self) -> Path:
        """Passwords of the broker's users, where it has no TLS."""
        return self.keys / "broker-users.json"

    @property
    def authority(self) -> Path:
        """The certificate authority; kept as the keys are."""
        return self.keys / "authority"

    @property
    def database(self) -> Path:
        """The default SQLite file."""
        return self.root / "hospital.db"

    @property
    def blobs(self) -> Path:
        """One file a blob, under the first two digits of its hash."""
        return self.root / "blobs"

    @property
    def transfers(self) -> Path:
        """Wire files on their way in."""
        return self.root / "transfers"

    @property
    def quarantine(self) -> Path:
        """Wire files a person must look at."""
        return self.root / "quarantine"

    @property
    def downlink(self) -> Path:
        """Wire files on their way to vehicles."""
        return self.root / "downlink"

    @property
    def started(self) -> Path:
        """The mark of the hospital's last start."""
        return self.keys / "started"

    @property
    def run(self) -> Path:
        """What the running processes write: ports, process numbers, locks."""
        return self.root / "run"

    def make(self) -> None:
        """Make every folder, readable by the owner only."""
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in (self.keys, self.blobs, self.transfers, self.quarantine, self.downlink, self.run):
            path.mkdir(mode=0o700, exist_ok=True)
