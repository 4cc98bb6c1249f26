"""Escrow of the hospital's keys: a file under a passphrase, kept outside the house.

Without the private keys nothing that vehicles ever sealed can be read again. The file is JSON; its secret part is the
whole key file under AES-256-GCM (NIST SP 800-38D) with a key from Argon2id (RFC 9106, section 4, second recommended
option: 64 MiB, 3 passes, here with one lane).
"""

import secrets
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec
from argon2.low_level import Type, hash_secret_raw
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from clinic_records.clock import to_ms
from clinic_records.errors import ConfigError, Hint, RefusedInput
from cloud_hospital.folder import HospitalFolder
from cloud_hospital.keys import HospitalKeys, KeyFile, KeyPair, key_path, publish, stage
from sync.durable import write_file

FORMAT: Final = "mobile-clinic key escrow 1"
MIN_PASSPHRASE: Final = 12
"""Characters; the file leaves the house, and nothing but the passphrase protects it. Our choice."""
_MEMORY_KIB, _PASSES, _LANES = 64 * 1024, 3, 1
_SALT, _NONCE, _KEY = 16, 12, 32  # bytes


class Escrow(msgspec.Struct, frozen=True):
    """The file; `numbers` says which pairs are in it."""

    format: str
    hospital: str
    made: datetime
    numbers: tuple[int, ...]
    salt: bytes
    nonce: bytes
    sealed: bytes


def write_escrow(folder: HospitalFolder, hospital_id: str, path: Path, passphrase: str, now: datetime) -> Escrow:
    """Write all keys, the staged pair too, to `path`, read the copy back, then remember that there is one.

    Raises:
        RefusedInput: the passphrase is too short.
        ConfigError: `path` exists, lies among the keys themselves, or cannot be written.
    """
    if len(passphrase) < MIN_PASSPHRASE:
        raise RefusedInput(
            f"a passphrase of {len(passphrase)} characters; at least {MIN_PASSPHRASE}",
            hint=Hint(f"口令至少 {MIN_PASSPHRASE} 个字符。", f"Use at least {MIN_PASSPHRASE} characters."),
        )
    if path.exists() or folder.root in path.resolve().parents:
        raise ConfigError(f"{path}: an escrow copy is a new file outside {folder.root}")
    file = KeyFile.load(folder)
    kept = (*([file.staged] if file.staged else []), *file.pairs)
    numbers = tuple(each.number for each in kept)
    salt, nonce = secrets.token_bytes(_SALT), secrets.token_bytes(_NONCE)
    sealed = AESGCM(_key(passphrase, salt)).encrypt(nonce, msgspec.json.encode(file), _context(hospital_id, numbers))
    escrow = Escrow(FORMAT, hospital_id, now, numbers, salt, nonce, sealed)
    try:
        write_file(path, msgspec.json.format(msgspec.json.encode(escrow), indent=2) + b"\n")
        if read_escrow(path, passphrase) != file:
            raise ConfigError(f"{path}: what was written there reads otherwise; take another disk")
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    _mark(folder, file, to_ms(now))
    return escrow


def read_escrow(path: Path, passphrase: str) -> KeyFile:
    """The keys in an escrow file.

    Raises:
        RefusedInput: it is none, it was changed, or the passphrase is another.
    """
    try:
        escrow = msgspec.json.decode(path.read_bytes(), type=Escrow)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise RefusedInput(f"{path}: not an escrow file: {error}") from error
    if escrow.format != FORMAT:
        raise RefusedInput(f"{path}: {escrow.format!r}, this program reads {FORMAT!r}")
    cipher = AESGCM(_key(passphrase, escrow.salt))
    try:
        plain = cipher.decrypt(escrow.nonce, escrow.sealed, _context(escrow.hospital, escrow.numbers))
    except (InvalidTag, ValueError):
        raise RefusedInput(
            f"{path}: does not open: another passphrase, or the file was changed",
            hint=Hint("核对口令，或换一份副本。", "Check the passphrase, or take another copy."),
        ) from None
    return msgspec.json.decode(plain, type=KeyFile)


def rotate(folder: HospitalFolder, hospital_id: str, path: Path, passphrase: str, now: datetime) -> HospitalKeys:
    """New keys: staged, escrowed at `path`, then published. After a crash anywhere it can be run again.

    Raises:
        RefusedInput, ConfigError: as `write_escrow`; nothing was published.
    """
    stage(folder, now)
    write_escrow(folder, hospital_id, path, passphrase, now)
    return publish(folder, hospital_id, now)


def restore_keys(folder: HospitalFolder, hospital_id: str, path: Path, passphrase: str, now: datetime) -> HospitalKeys:
    """Bring the keys back from an escrow file. A pair that was staged in it was published a moment later, and is again.

    Raises:
        ConfigError: there are keys; they are never overwritten.
        RefusedInput: as `read_escrow`, or it is another hospital's.
    """
    if key_path(folder).exists():
        raise ConfigError(f"{key_path(folder)} exists; a hospital's identity is never overwritten")
    file = read_escrow(path, passphrase)
    if msgspec.json.decode(path.read_bytes(), type=Escrow).hospital != hospital_id:
        raise RefusedInput(f"{path}: these are the keys of another hospital than {hospital_id}")
    _mark(folder, file, to_ms(now))
    return publish(folder, hospital_id, now) if file.staged else HospitalKeys.load(folder)


def _mark(folder: HospitalFolder, file: KeyFile, now_ms: int) -> None:
    def marked(pair: KeyPair) -> KeyPair:
        return msgspec.structs.replace(pair, escrowed_ms=now_ms)

    staged = None if file.staged is None else marked(file.staged)
    msgspec.structs.replace(file, pairs=tuple(map(marked, file.pairs)), staged=staged).save(folder)


def _key(passphrase: str, salt: bytes) -> bytes:
    return hash_secret_raw(passphrase.encode(), salt, _PASSES, _MEMORY_KIB, _LANES, _KEY, Type.ID)


def _context(hospital_id: str, numbers: tuple[int, ...]) -> bytes:
    return msgspec.json.encode((FORMAT, hospital_id, numbers))
