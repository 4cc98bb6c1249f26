"""The names of everything inside one vehicle's folder."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class VehicleFolder:
    """VEHICLE_DIR and the paths in it; only `create` touches the disk."""

    root: Path

    @property
    def settings(self) -> Path:
        """`vehicle.toml`."""
        return self.root / "vehicle.toml"

    @property
    def keys(self) -> Path:
        """Folder of keys, slots and the pinned hospital."""
        return self.root / "keys"

    @property
    def device_key(self) -> Path:
        """The box's own keys, readable without login."""
        return self.keys / "device.key"

    @property
    def hospital(self) -> Path:
        """The pinned hospital."""
        return self.keys / "hospital.json"

    @property
    def tls(self) -> Path:
        """Key and certificates for the broker, readable without login."""
        return self.keys / "tls"

    @property
    def slots(self) -> Path:
        """PIN slots and the recovery slot."""
        return self.keys / "slots.json"

    @property
    def vault_public(self) -> Path:
        """The vault's X25519 public key: the inbox seals to it before anybody logs in."""
        return self.keys / "vault.pub"

    @property
    def database(self) -> Path:
        """The encrypted database."""
        return self.root / "clinic.db"

    @property
    def blobs(self) -> Path:
        """Sealed blob files."""
        return self.root / "blobs"

    @property
    def inbox(self) -> Path:
        """Sealed device deliveries."""
        return self.root / "inbox"

    @property
    def dicom(self) -> Path:
        """What the DICOM node remembers of steps and commitments: UIDs and states, no patient."""
        return self.root / "dicom"

    @property
    def spool(self) -> Path:
        """Envelopes on their way; works with the device key alone."""
        return self.root / "spool"

    @property
    def run(self) -> Path:
        """Sockets and ports of the running agent."""
        return self.root / "run"

    @property
    def agent_socket(self) -> Path:
        """The agent's control socket."""
        return self.run / "agent.sock"

    def create(self) -> None:
        """Make the folders that are missing, for the owner alone (mode 700)."""
        for folder in (self.root, self.keys, self.blobs, self.inbox, self.spool, self.run):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.chmod(0o700)  # it may have been there before
