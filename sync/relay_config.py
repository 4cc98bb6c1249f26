"""The embedded relay's file: where it listens and who may connect. Reread when it changes: enrolling needs no restart.

Passwords are made by us from 256 random bits, never chosen by people; one SHA-256 of such a password is as strong as
any slow hash, and a county's vehicles reconnecting at once do not hold up the relay.
"""

import hashlib
import hmac
import os
import secrets
import sys
from pathlib import Path

import msgspec

from clinic_records.errors import ConfigError
from clinic_records.ids import sha256_hex


def new_password() -> str:
    """A random broker password: 43 characters of base64url."""
    return secrets.token_urlsafe(32)


class RelayConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file. `users`: user name -> SHA-256 of its password in hex; `hospital` names the one who may everything."""

    hospital: str
    users: dict[str, str]
    host: str = "127.0.0.1"
    port: int = 0

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
        """Write the file so that a reader sees the old one or the new one; for the owner only."""
        temporary = path.with_name(path.name + ".new")
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
            out.write(msgspec.json.format(msgspec.json.encode(self), indent=2))
            out.flush()
            os.fsync(out.fileno())
        temporary.replace(path)

    def with_user(self, user: str, password: str) -> "RelayConfig":
        """The same with one more user, or a new password for one."""
        return msgspec.structs.replace(self, users=self.users | {user: sha256_hex(password.encode())})

    def without_user(self, user: str) -> "RelayConfig":
        """The same without one."""
        return msgspec.structs.replace(self, users={name: each for name, each in self.users.items() if name != user})

    def is_password(self, user: str, password: str) -> bool:
        """Whether this is that user's; takes as long for an unknown user."""
        kept = self.users.get(user, "")
        return hmac.compare_digest(kept, hashlib.sha256(password.encode()).hexdigest())


def relay_command(path: Path) -> list[str]:
    """How to start the relay on that file; it prints one JSON line `{"ready": true, "port": N}` when it listens."""
    return [sys.executable, "-m", "sync.relay", "--config", str(path)]
