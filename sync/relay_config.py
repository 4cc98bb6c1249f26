"""The embedded relay's file: where it listens and who may connect. Reread when it changes, without a restart."""

import hmac
import sys
from pathlib import Path

import msgspec
from cryptography import x509

from clinic_records.errors import ConfigError
from sync.durable import write_file
from sync.tls import Identity


class RelayTls(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Paths of PEM files: whose clients are taken, who the relay is, and which certificates are void."""

    authority: str
    certificate: str
    key: str
    crl: str

    @property
    def identity(self) -> Identity:
        """As whom the relay speaks TLS."""
        return Identity(Path(self.authority), Path(self.certificate), Path(self.key))

    def void_serials(self) -> frozenset[int]:
        """Serial numbers of the certificates that count no more.

        Raises:
            ConfigError: the list is missing or damaged.
        """
        try:
            crl = x509.load_pem_x509_crl(Path(self.crl).read_bytes())
        except (OSError, ValueError) as error:
            raise ConfigError(f"relay: {self.crl}: {error}") from error
        return frozenset(each.serial_number for each in crl)


class RelayConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file, for its owner only.

    Attributes:
        hospital_user: who may everything; every other user is a vehicle by its id.
        users: user name -> password; with `tls` unused.
        tls: with it, the common name of a client's certificate is its user.
        host, port: where to listen; 0 takes a free port and says which on the readiness line.
    """

    hospital_user: str
    users: dict[str, str]
    host: str = "127.0.0.1"
    port: int = 0
    tls: RelayTls | None = None

    @classmethod
    def load(cls, path: Path) -> "RelayConfig":
        """Read the file.

        Raises:
            ConfigError: it is missing or says something else.
        """
        try:
            return msgspec.json.decode(path.read_bytes(), type=cls)
        except (OSError, msgspec.MsgspecError, ValueError) as error:
            raise ConfigError(f"relay configuration {path}: {error}") from error

    def save(self, path: Path) -> None:
        """Write the file so that a reader sees the old one or the new one."""
        write_file(path, msgspec.json.format(msgspec.json.encode(self), indent=2))

    def is_password(self, user: str, password: str) -> bool:
        """Whether this is that user's; takes as long for an unknown user."""
        kept = self.users.get(user, "")
        return hmac.compare_digest(kept.encode(), password.encode()) and bool(kept)


def relay_command(path: Path) -> list[str]:
    """How to start the relay on that file; it prints one JSON line `{"ready": true, "port": N}` when it listens."""
    return [sys.executable, "-m", "sync.relay", "--config", str(path)]
