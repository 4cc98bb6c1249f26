"""PIN slots: who may open the vault, and a recovery slot for the hospital.

A slot wraps the data key with AES-256-GCM under HKDF(Argon2id(PIN, salt), device secret). Argon2id is RFC 9106 with
64 MiB, 3 passes, 1 lane: 0.36 s a try on the reference box. A short PIN is weak by itself; the device secret makes
the slots file useless without the box, and tries are counted on the disk before a PIN is looked at.
"""

import secrets
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec
from argon2.low_level import Type, hash_secret_raw
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from clinic_records.clock import from_ms, to_ms
from clinic_records.errors import AccessError, ConfigError, Hint, RefusedInput, StoreError
from clinic_records.people import Author, Role
from sync.keys import RecipientKey, RecipientPrivate
from vehicle_agent.store.derive import DATA_KEY_SIZE, derive
from vehicle_agent.store.durable import write_file

TRIES: Final = 5
WAIT: Final = timedelta(seconds=60)
"""After TRIES wrong PINs in a row, between any two further tries."""

_MEMORY_KIB, _PASSES, _LANES = 64 * 1024, 3, 1  # RFC 9106, section 4, second recommendation, with one lane
_SALT: Final = 16  # bytes, RFC 9106, section 3.1
_NONCE: Final = 12  # bytes, NIST SP 800-38D, section 5.2.1.1
_PIN_LENGTHS: Final = range(4, 65)
_RECOVERY: Final = b"mobile-clinic/recovery/v1"


class _Slot(msgspec.Struct, frozen=True):
    person: Author
    salt: bytes
    nonce: bytes
    wrapped: bytes
    failed: int = 0
    failed_ms: int = 0


class _Recovery(msgspec.Struct, frozen=True):
    key_id: str
    wrapped: bytes


class _File(msgspec.Struct, frozen=True):
    recovery: _Recovery
    slots: dict[str, _Slot] = {}


def check_pin(pin: str) -> None:
    """Whether a slot can be made with it; asked before anything that cannot be done twice.

    Raises:
        RefusedInput: it is shorter than 4 or longer than 64 characters.
    """
    if len(pin) not in _PIN_LENGTHS:
        raise RefusedInput(
            f"a PIN has {_PIN_LENGTHS.start} to {_PIN_LENGTHS.stop - 1} characters, not {len(pin)}",
            hint=Hint("口令至少 4 位。", "The PIN needs at least 4 characters."),
        )


class Slots:
    """The slots file. Every change is durable before the method returns. Safe from any thread of one process."""

    def __init__(self, path: Path, device_secret: bytes, now: Callable[[], datetime]) -> None:
        self._path = path
        self._secret = device_secret
        self._now = now
        self._lock = threading.Lock()

    def create(self, data_key: bytes, recovery: RecipientKey) -> None:
        """A new file with the recovery slot only: the hospital can open it with its private key.

        Raises:
            StoreError: there is one already; replacing it would lose the data key.
        """
        if self._path.exists():
            raise StoreError(f"{self._path}: this vault has its slots already")
        self._save(_File(_Recovery(recovery.key_id, recovery.wrap(data_key, _RECOVERY))))

    def add(self, staff: str, name: str, role: Role, pin: str, data_key: bytes) -> Author:
        """Add or replace one person's slot.

        Raises:
            RefusedInput: the PIN is shorter than 4 or longer than 64 characters.
        """
        check_pin(pin)
        person = Author(staff, name, role)
        salt, nonce = secrets.token_bytes(_SALT), secrets.token_bytes(_NONCE)
        wrapped = AESGCM(self._slot_key(staff, pin, salt)).encrypt(nonce, data_key, _bound_to(person))
        with self._lock:
            file = self._load()
            self._save(msgspec.structs.replace(file, slots={**file.slots, staff: _Slot(person, salt, nonce, wrapped)}))
        return person

    def unlock(self, staff: str, pin: str) -> tuple[Author, bytes]:
        """The person and the data key.

        Raises:
            AccessError: unknown person, wrong PIN, or too many tries (the hint says how long to wait).
        """
        with self._lock:
            file = self._load()
            slot = file.slots.get(staff)
            if slot is None:
                raise AccessError(f"{staff}: no PIN for this person on this vehicle", hint=_WRONG)
            if to_ms(self._now()) < slot.failed_ms:  # the clock was set back: the wait starts anew, it does not end
                slot = msgspec.structs.replace(slot, failed_ms=to_ms(self._now()))
                self._save(msgspec.structs.replace(file, slots={**file.slots, staff: slot}))
            self._refuse_in_wait(slot)
            # counted before the PIN is looked at: pulling the plug gives no free try
            slot = msgspec.structs.replace(slot, failed=slot.failed + 1, failed_ms=to_ms(self._now()))
            self._save(msgspec.structs.replace(file, slots={**file.slots, staff: slot}))
            try:
                key = AESGCM(self._slot_key(staff, pin, slot.salt)).decrypt(
                    slot.nonce, slot.wrapped, _bound_to(slot.person)
                )
            except InvalidTag:
                left = max(0, TRIES - slot.failed)
                raise AccessError(f"{staff}: wrong PIN; {left} tries left before a wait", hint=_WRONG) from None
            slot = msgspec.structs.replace(slot, failed=0, failed_ms=0)
            self._save(msgspec.structs.replace(file, slots={**file.slots, staff: slot}))
        return slot.person, key

    def people(self) -> list[Author]:
        """Who has a slot, by staff id."""
        slots = self._load().slots
        return [slots[staff].person for staff in sorted(slots)]

    def recover(self, private: RecipientPrivate) -> bytes:
        """The data key, by the hospital's private key.

        Raises:
            BadFrame: it is another key.
        """
        return private.unwrap(self._load().recovery.wrapped, _RECOVERY)

    def _refuse_in_wait(self, slot: _Slot) -> None:
        if slot.failed < TRIES:
            return
        since = self._now() - from_ms(slot.failed_ms)
        if since < WAIT:
            rest_s = -(-(WAIT - since) // timedelta(seconds=1))
            raise AccessError(
                f"{slot.person.staff}: {slot.failed} wrong PINs; wait {rest_s} s",
                hint=Hint(f"输错太多次，请等 {rest_s} 秒再试。", f"Too many wrong PINs; wait {rest_s} seconds."),
            )

    def _slot_key(self, staff: str, pin: str, salt: bytes) -> bytes:
        stretched = hash_secret_raw(pin.encode(), salt, _PASSES, _MEMORY_KIB, _LANES, DATA_KEY_SIZE, Type.ID)
        return derive(stretched, f"slot/v1/{staff}", salt=self._secret)

    def _load(self) -> _File:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=_File)
        except FileNotFoundError:
            raise ConfigError(f"{self._path}: this vehicle has no PIN slots; run `clinic vehicle init`") from None
        except (msgspec.MsgspecError, UnicodeDecodeError, OSError) as error:
            raise ConfigError(f"{self._path}: PIN slots cannot be read: {error}") from error

    def _save(self, file: _File) -> None:
        write_file(self._path, msgspec.json.encode(file))


_WRONG: Final = Hint("工号或口令不对。", "Staff number or PIN is wrong.")


def _bound_to(person: Author) -> bytes:
    """Associated data of a slot: nobody gets another name or role by editing the file."""
    return msgspec.msgpack.encode(person)
