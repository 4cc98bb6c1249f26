"""The hospital's own keys: one to sign with, and a keyring of those vehicles seal to.

`keys/hospital.key` (mode 600) holds them as JSON; `keyring` is newest first, and old keys stay as long as anything
sealed to them may still arrive (sync rule 22).
"""

import secrets
from dataclasses import dataclass
from pathlib import Path

import msgspec

from clinic_records.errors import ConfigError
from cloud_hospital.folder import HospitalFolder
from sync.durable import write_file
from sync.keys import OriginKeys, RecipientPrivate


class _File(msgspec.Struct, frozen=True):
    sign: bytes
    keyring: tuple[bytes, ...]
    pseudonym: bytes


@dataclass(frozen=True, slots=True)
class HospitalKeys:
    """Signing pair, and private recipient keys by key id; the first of them is announced to vehicles.

    `pseudonym` is the secret behind the pseudonyms of analytic rows: 32 random bytes.
    """

    sign: OriginKeys
    keyring: dict[str, RecipientPrivate]
    pseudonym: bytes

    @classmethod
    def create(cls, folder: HospitalFolder) -> "HospitalKeys":
        """Fresh keys, durable on return.

        Raises:
            ConfigError: there are keys already; they are never overwritten.
        """
        path = _path(folder)
        if path.exists():
            raise ConfigError(f"{path} exists; a hospital's identity is never overwritten")
        made = _File(
            OriginKeys.generate().to_bytes(), (RecipientPrivate.generate().to_bytes(),), secrets.token_bytes(32)
        )
        write_file(path, msgspec.json.encode(made))
        return cls.load(folder)

    @classmethod
    def load(cls, folder: HospitalFolder) -> "HospitalKeys":
        """The keys on disk.

        Raises:
            ConfigError: missing, damaged, or readable by others.
        """
        path = _path(folder)
        try:
            if path.stat().st_mode & 0o077:
                raise ConfigError(f"{path}: other users can read it; run `chmod 600 {path}`")
            file = msgspec.json.decode(path.read_bytes(), type=_File)
        except FileNotFoundError:
            raise ConfigError(f"{path} is missing; restore it from its escrow copy") from None
        except msgspec.MsgspecError as error:
            raise ConfigError(f"{path}: {error}; restore it from its escrow copy") from None
        keyring = [RecipientPrivate.from_bytes(raw) for raw in file.keyring]
        return cls(OriginKeys.from_bytes(file.sign), {key.key_id: key for key in keyring}, file.pseudonym)

    @property
    def announced(self) -> RecipientPrivate:
        """The key new envelopes are to be sealed to."""
        return next(iter(self.keyring.values()))


def _path(folder: HospitalFolder) -> Path:
    return folder.keys / "hospital.key"
