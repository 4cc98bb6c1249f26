"""Identifiers: made where the thing is made, never reused.

UUID version 7 as RFC 9562, section 5.7: 48 bits of Unix milliseconds, then 74 random bits, so ids sort by
birth without a counter that a restored disk could repeat. Time and randomness are passed in, so a simulation
makes the same ids again.
"""

import hashlib
import re
import secrets
import time
import uuid
from collections.abc import Callable
from typing import NewType

from clinic_records.errors import RefusedInput

PatientId = NewType("PatientId", str)
EncounterId = NewType("EncounterId", str)
StopId = NewType("StopId", str)
RecordId = NewType("RecordId", str)
VehicleId = NewType("VehicleId", str)
DeviceId = NewType("DeviceId", str)
BlobHash = NewType("BlobHash", str)
"""SHA-256 of a blob's original bytes, 64 lower-case hex digits."""

_VEHICLE = re.compile(r"[A-Z0-9][A-Z0-9_-]{0,31}")
_HASH = re.compile(r"[0-9a-f]{64}")


def uuid7(unix_ms: int, random_bits: int) -> str:
    """The UUIDv7 of `unix_ms` milliseconds and the low 74 of `random_bits`, in canonical text."""
    value = (unix_ms & ((1 << 48) - 1)) << 80
    value |= 0x7 << 76 | ((random_bits >> 62) & 0xFFF) << 64
    value |= 0b10 << 62 | (random_bits & ((1 << 62) - 1))
    return str(uuid.UUID(int=value))


class IdFactory:
    """Makes ids from a millisecond clock and a source of random bits."""

    def __init__(
        self,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        random_bits: Callable[[int], int] = secrets.randbits,
    ) -> None:
        self._now_ms = now_ms
        self._random_bits = random_bits

    def new(self) -> str:
        """A fresh UUIDv7."""
        return uuid7(self._now_ms(), self._random_bits(74))


def sha256_hex(data: bytes) -> BlobHash:
    """SHA-256 of `data` as 64 hex digits."""
    return BlobHash(hashlib.sha256(data).hexdigest())


def blob_hash(text: str) -> BlobHash:
    """`text` as a BlobHash.

    Raises:
        RefusedInput: it is not 64 lower-case hex digits (a path could hide in it).
    """
    if not _HASH.fullmatch(text):
        raise RefusedInput(f"not a SHA-256 in 64 hex digits: {text[:80]!r}")
    return BlobHash(text)


def vehicle_id(text: str) -> VehicleId:
    """`text` as a VehicleId: A-Z, 0-9, `-`, `_`, at most 32, so it can stand in a topic and a folder name.

    Raises:
        RefusedInput: it has other characters.
    """
    if not _VEHICLE.fullmatch(text):
        raise RefusedInput(f"vehicle id {text[:40]!r}: use 1 to 32 of A-Z, 0-9, '-' and '_', for example V03")
    return VehicleId(text)
