"""What is derived from the vault's 256-bit data key, one purpose each (HKDF-SHA256, RFC 5869)."""

import secrets
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from clinic_records.errors import StoreError
from sync.keys import RecipientPrivate

DATA_KEY_SIZE: Final = 32  # bytes


def new_data_key() -> bytes:
    """A fresh data key from the system's randomness."""
    return secrets.token_bytes(DATA_KEY_SIZE)


def derive(key: bytes, purpose: str, *, salt: bytes = b"") -> bytes:
    """32 bytes for one purpose.

    Raises:
        StoreError: `key` is not 32 bytes.
    """
    if len(key) != DATA_KEY_SIZE:
        raise StoreError(f"a data key has {DATA_KEY_SIZE} bytes, not {len(key)}")
    return HKDF(SHA256(), DATA_KEY_SIZE, salt, b"mobile-clinic/" + purpose.encode()).derive(key)


def database_key(data_key: bytes) -> bytes:
    """The raw key of clinic.db."""
    return derive(data_key, "database/v1")


def inbox_private(data_key: bytes) -> RecipientPrivate:
    """The private key that opens the inbox."""
    return RecipientPrivate.from_bytes(derive(data_key, "inbox/v1"))
