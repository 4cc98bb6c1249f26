"""The box's own keys: they work without anybody logged in."""

import os
import secrets
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from clinic_records.clock import to_ms
from clinic_records.errors import ConfigError, StoreError
from sync.enrolment import EnrolmentRequest, sign
from sync.keys import OriginKeys, RecipientPrivate
from sync.statements import KeyStatement, state_keys
from vehicle_agent.store.durable import fsync_folder, temp_file, write_file

_SECRET_SIZE: Final = 32  # bytes, as long as the key it helps to protect


class _File(msgspec.Struct, frozen=True, omit_defaults=True):
    """The key file: JSON, raw keys in base64."""

    sign: bytes
    box: bytes
    secret: bytes
    former_boxes: tuple[bytes, ...] = ()
    statements: tuple[bytes, ...] = ()


@dataclass(frozen=True)
class DeviceKeys:
    """What makes this box this box.

    Attributes:
        sign: the origin's signing key.
        box: the key that what comes down is sealed to.
        device_secret: mixed into every PIN slot, so a slots file alone is not enough to try PINs.
        former_boxes: what was sealed to them may still come.
        statements: how `sign` and `box` followed from the enrolled keys (sync/statements.py), number 2 first.
    """

    sign: OriginKeys
    box: RecipientPrivate
    device_secret: bytes = field(repr=False)
    former_boxes: tuple[RecipientPrivate, ...] = ()
    statements: tuple[bytes, ...] = ()

    @property
    def recipients(self) -> dict[str, RecipientPrivate]:
        """All keys that what comes down may be sealed to, by key id."""
        return {key.key_id: key for key in (self.box, *self.former_boxes)}

    @classmethod
    def create(cls, path: Path) -> "DeviceKeys":
        """Make new keys at `path` (mode 600), whole or not at all.

        Raises:
            StoreError: there are keys already; a box never changes its identity in silence.
        """
        keys = cls(OriginKeys.generate(), RecipientPrivate.generate(), secrets.token_bytes(_SECRET_SIZE))
        content = _File(keys.sign.to_bytes(), keys.box.to_bytes(), keys.device_secret)
        with temp_file(path.parent) as (handle, temp):
            handle.write(msgspec.json.encode(content))
            handle.flush()
            os.fsync(handle.fileno())
            try:
                os.link(temp, path)  # unlike a rename, refuses to replace
            except FileExistsError:
                raise StoreError(f"{path}: this box has its keys already") from None
        fsync_folder(path.parent)
        return keys

    @classmethod
    def load(cls, path: Path) -> "DeviceKeys":
        """Read them.

        Raises:
            ConfigError: missing, damaged, or readable by others.
        """
        try:
            mode = path.stat().st_mode
            content = msgspec.json.decode(path.read_bytes(), type=_File)
        except FileNotFoundError:
            raise ConfigError(f"{path}: this box has no keys; run `clinic vehicle init`") from None
        except (msgspec.MsgspecError, UnicodeDecodeError, OSError) as error:
            raise ConfigError(f"{path}: the box's keys cannot be read: {error}") from error
        if mode & 0o077:
            raise ConfigError(f"{path}: others may read the box's keys (mode {mode & 0o777:o}); run `chmod 600` on it")
        if len(content.secret) != _SECRET_SIZE:
            raise ConfigError(f"{path}: secret has {len(content.secret)} bytes, not {_SECRET_SIZE}")
        return cls(
            OriginKeys.from_bytes(content.sign),
            RecipientPrivate.from_bytes(content.box),
            content.secret,
            tuple(RecipientPrivate.from_bytes(each) for each in content.former_boxes),
            content.statements,
        )

    def rotated(self, path: Path, vehicle: str, now: datetime) -> "DeviceKeys":
        """New keys that follow from these, durable at `path` on return; the next greeting tells them the hospital."""
        sign_, box = OriginKeys.generate(), RecipientPrivate.generate()
        number = len(self.statements) + 2
        said = KeyStatement(vehicle, number, sign_.public.raw, box.public.raw, to_ms(now))
        keys = DeviceKeys(
            sign_,
            box,
            self.device_secret,
            (self.box, *self.former_boxes),
            (*self.statements, state_keys(said, former=self.sign, fresh=sign_)),
        )
        content = _File(
            sign_.to_bytes(),
            box.to_bytes(),
            keys.device_secret,
            tuple(each.to_bytes() for each in keys.former_boxes),
            keys.statements,
        )
        write_file(path, msgspec.json.encode(content))
        return keys

    def request(self, vehicle: str, tls_request: bytes = b"") -> EnrolmentRequest:
        """What this box asks a hospital with; `tls_request` as TlsFiles makes it."""
        number = len(self.statements) + 1
        request = EnrolmentRequest(vehicle, self.sign.public.raw, self.box.public.raw, number, tls_request)
        return sign(request, self.sign)
