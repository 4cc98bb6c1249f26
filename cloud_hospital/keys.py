"""The hospital's own keys: pairs to sign with and to be sealed to, numbered from 1, newest first.

`keys/hospital.key` (mode 600) holds them as JSON. Private keys are never removed: something sealed to an old one may
lie on a USB stick for longer than anybody remembers (sync rule 22). A new pair is `staged` first, then escrowed
(cloud_hospital/escrow.py), and only then published by a statement that the former key signs (sync/statements.py).
"""

import secrets
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path

import msgspec

from clinic_records.clock import to_ms
from clinic_records.errors import ConfigError
from cloud_hospital.folder import HospitalFolder
from sync.durable import write_file
from sync.keys import AnyOf, OriginKeys, RecipientPrivate
from sync.statements import KeyStatement, state_keys


class KeyPair(msgspec.Struct, frozen=True, omit_defaults=True):
    """One pair as it lies in the file.

    Attributes:
        number: from 1.
        sign, box: 32 raw bytes each, private.
        made_ms: milliseconds since 1970.
        statement: how it followed from the one before; empty for the first.
        escrowed_ms: when a copy of it was last written to an escrow file; 0 for never.
    """

    number: int
    sign: bytes
    box: bytes
    made_ms: int
    statement: bytes = b""
    escrowed_ms: int = 0

    @classmethod
    def fresh(cls, number: int, now: datetime) -> "KeyPair":
        """New keys from the system's randomness."""
        return cls(number, OriginKeys.generate().to_bytes(), RecipientPrivate.generate().to_bytes(), to_ms(now))


class KeyFile(msgspec.Struct, frozen=True, omit_defaults=True):
    """hospital.key: published pairs, newest first, and one that is not published yet."""

    pairs: tuple[KeyPair, ...]
    pseudonym: bytes
    staged: KeyPair | None = None

    def save(self, folder: HospitalFolder) -> None:
        """Durable on return."""
        write_file(key_path(folder), msgspec.json.encode(self))

    @classmethod
    def load(cls, folder: HospitalFolder) -> "KeyFile":
        """The file.

        Raises:
            ConfigError: missing, damaged, or readable by others.
        """
        path = key_path(folder)
        try:
            if path.stat().st_mode & 0o077:
                raise ConfigError(f"{path}: other users can read it; run `chmod 600 {path}`")
            return msgspec.json.decode(path.read_bytes(), type=cls)
        except FileNotFoundError:
            raise ConfigError(
                f"{path} is missing; bring it back with `clinic hospital keys restore` and its escrow copy"
            ) from None
        except msgspec.MsgspecError as error:
            raise ConfigError(f"{path}: {error}; move it away and restore it from its escrow copy") from None


@dataclass(frozen=True)
class HospitalKeys:
    """The published keys.

    `pseudonym` is the secret behind the pseudonyms of analytic rows: 32 random bytes.
    """

    pairs: tuple[KeyPair, ...]
    pseudonym: bytes

    @classmethod
    def create(cls, folder: HospitalFolder, now: datetime) -> "HospitalKeys":
        """Fresh keys, durable on return.

        Raises:
            ConfigError: there are keys already; they are never overwritten.
        """
        path = key_path(folder)
        if path.exists():
            raise ConfigError(f"{path} exists; a hospital's identity is never overwritten")
        KeyFile((KeyPair.fresh(1, now),), secrets.token_bytes(32)).save(folder)
        return cls.load(folder)

    @classmethod
    def load(cls, folder: HospitalFolder) -> "HospitalKeys":
        """The keys on disk.

        Raises:
            ConfigError: missing, damaged, or readable by others.
        """
        file = KeyFile.load(folder)
        return cls(file.pairs, file.pseudonym)

    @property
    def number(self) -> int:
        """Of the newest pair."""
        return self.pairs[0].number

    @cached_property
    def sign(self) -> OriginKeys:
        """What everything is signed with now."""
        return OriginKeys.from_bytes(self.pairs[0].sign)

    @cached_property
    def signers(self) -> AnyOf:
        """Every public signing key, newest first."""
        return AnyOf(tuple(OriginKeys.from_bytes(each.sign).public for each in self.pairs))

    @cached_property
    def keyring(self) -> dict[str, RecipientPrivate]:
        """Private recipient keys by key id, newest first."""
        keys = [RecipientPrivate.from_bytes(each.box) for each in self.pairs]
        return {key.key_id: key for key in keys}

    @property
    def announced(self) -> RecipientPrivate:
        """The key new envelopes are to be sealed to."""
        return next(iter(self.keyring.values()))

    @property
    def statements(self) -> tuple[bytes, ...]:
        """How the newest pair followed from the first, number 2 first."""
        return tuple(each.statement for each in reversed(self.pairs) if each.statement)


def stage(folder: HospitalFolder, now: datetime) -> KeyFile:
    """The file with a new pair in it that nobody knows yet; one that a crash left there is used. Durable on return."""
    file = KeyFile.load(folder)
    if file.staged is None:
        file = msgspec.structs.replace(file, staged=KeyPair.fresh(file.pairs[0].number + 1, now))
        file.save(folder)
    return file


def publish(folder: HospitalFolder, hospital_id: str, now: datetime) -> HospitalKeys:
    """Make the staged pair the newest, stated by the one before; durable on return.

    Raises:
        ConfigError: there is none, or it has no escrow copy.
    """
    file = KeyFile.load(folder)
    if file.staged is None or not file.staged.escrowed_ms:
        raise ConfigError("no new key pair with an escrow copy; run `clinic hospital keys rotate`")
    former, fresh = OriginKeys.from_bytes(file.pairs[0].sign), OriginKeys.from_bytes(file.staged.sign)
    box = RecipientPrivate.from_bytes(file.staged.box)
    said = KeyStatement(hospital_id, file.staged.number, fresh.public.raw, box.public.raw, to_ms(now))
    newest = msgspec.structs.replace(file.staged, statement=state_keys(said, former=former, fresh=fresh))
    KeyFile((newest, *file.pairs), file.pseudonym).save(folder)
    return HospitalKeys.load(folder)


def key_path(folder: HospitalFolder) -> Path:
    """Where the keys lie."""
    return folder.keys / "hospital.key"
