"""Keys of the wire: who made an envelope (Ed25519) and who may open it (HPKE over X25519).

Ed25519 is RFC 8032. HPKE is RFC 9180 in base mode with DHKEM(X25519, HKDF-SHA256), HKDF-SHA256 and AES-256-GCM: a
fresh ephemeral key for each wrapped content key, so one leaked key of a vehicle opens nothing it sent (sync rule 22).
Every signature names its domain, so bytes signed for one purpose are never valid for another.
"""

from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Final, Protocol

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from clinic_records.errors import BadFrame, ConfigError, PeerRefused
from clinic_records.ids import sha256_hex

SIGNATURE_SIZE: Final = 64
"""Bytes of an Ed25519 signature (RFC 8032, section 5.1.6)."""
RAW_KEY_SIZE: Final = 32
"""Bytes of every raw key here (RFC 8032, section 5.1.5; RFC 7748, section 5)."""

_SUITE: Final = hpke.Suite(hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)


class Domain(StrEnum):
    """What a signature is for."""

    WIRE = "wire/v1"
    SESSION = "session/v1"
    ENROLMENT = "enrolment/v1"
    BUNDLE = "bundle/v1"
    KEYS = "keys/v1"
    CHALLENGE = "challenge/v1"


def _statement(domain: Domain, message: bytes) -> bytes:
    return b"mobile-clinic/" + domain.encode() + b"\0" + message


def _checked(raw: bytes, what: str) -> bytes:
    if len(raw) != RAW_KEY_SIZE:
        raise ConfigError(f"{what}: {len(raw)} bytes where a raw key has {RAW_KEY_SIZE}")
    return raw


class Verifier(Protocol):
    """One public key, or all that may have signed."""

    def verify(self, domain: Domain, message: bytes, signature: bytes) -> None:
        """Return if the signature is right.

        Raises:
            PeerRefused: it is not.
        """


@dataclass(frozen=True)
class OriginPublic:
    """The public half of an origin's signing key: 32 raw bytes."""

    raw: bytes

    def __post_init__(self) -> None:
        _checked(self.raw, "Ed25519 public key")

    @cached_property
    def _key(self) -> Ed25519PublicKey:
        return Ed25519PublicKey.from_public_bytes(self.raw)

    def verify(self, domain: Domain, message: bytes, signature: bytes) -> None:
        """Return if `signature` is this key's over `message` for `domain`.

        Raises:
            PeerRefused: it is not.
        """
        try:
            self._key.verify(signature, _statement(domain, message))
        except InvalidSignature:
            raise PeerRefused(f"signature for {domain} is not by key {self.raw.hex()[:16]}") from None


@dataclass(frozen=True)
class AnyOf:
    """Every key an origin ever had, newest first: what was sealed before a rotation may still be on its way."""

    keys: tuple[OriginPublic, ...]

    def verify(self, domain: Domain, message: bytes, signature: bytes) -> None:
        """Return if one of them signed.

        Raises:
            PeerRefused: none did.
        """
        for key in self.keys:
            with suppress(PeerRefused):
                key.verify(domain, message, signature)
                return
        names = ", ".join(key.raw.hex()[:16] for key in self.keys)
        raise PeerRefused(f"signature for {domain} is by none of the keys {names}")


class OriginKeys:
    """An origin's signing key pair."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.public = OriginPublic(private.public_key().public_bytes_raw())

    @classmethod
    def generate(cls) -> "OriginKeys":
        """A fresh pair from the system's randomness."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def from_bytes(cls, raw: bytes) -> "OriginKeys":
        """The pair of a private key's 32 raw bytes.

        Raises:
            ConfigError: another length.
        """
        return cls(Ed25519PrivateKey.from_private_bytes(_checked(raw, "Ed25519 private key")))

    def to_bytes(self) -> bytes:
        """The private key's 32 raw bytes."""
        return self._private.private_bytes_raw()

    def sign(self, domain: Domain, message: bytes) -> bytes:
        """The 64-byte signature over `message` for `domain`."""
        return self._private.sign(_statement(domain, message))


@dataclass(frozen=True)
class RecipientKey:
    """Whom something is sealed to: 32 raw bytes of an X25519 public key; `key_id` is the start of their SHA-256."""

    raw: bytes

    def __post_init__(self) -> None:
        _checked(self.raw, "X25519 public key")

    @cached_property
    def key_id(self) -> str:
        """16 hex digits that name the key in a header."""
        return sha256_hex(self.raw)[:16]

    def wrap(self, secret: bytes, info: bytes) -> bytes:
        """`secret` sealed to this key: 32 bytes of ephemeral key, then ciphertext and tag. `info` binds the context."""
        return _SUITE.encrypt(secret, X25519PublicKey.from_public_bytes(self.raw), info)


class Unwraps(Protocol):
    """What opens wrapped content keys."""

    def unwrap(self, wrapped: bytes, info: bytes) -> bytes:
        """The content key.

        Raises:
            BadFrame: it was wrapped to somebody else, for another context, or changed.
        """


@dataclass(frozen=True)
class KnownKey:
    """A content key that somebody gave who could unwrap it; whether it is the right one shows when it is used."""

    key: bytes

    def unwrap(self, wrapped: bytes, info: bytes) -> bytes:  # noqa: ARG002 - as every Unwraps
        """The key given."""
        return self.key


class RecipientPrivate:
    """The private half of a RecipientKey."""

    def __init__(self, private: X25519PrivateKey) -> None:
        self._private = private
        self.public = RecipientKey(private.public_key().public_bytes_raw())

    @property
    def key_id(self) -> str:
        """As the public half's."""
        return self.public.key_id

    @classmethod
    def generate(cls) -> "RecipientPrivate":
        """A fresh key from the system's randomness."""
        return cls(X25519PrivateKey.generate())

    @classmethod
    def from_bytes(cls, raw: bytes) -> "RecipientPrivate":
        """The key of 32 raw bytes (any 32 are valid, RFC 7748, section 5).

        Raises:
            ConfigError: another length.
        """
        return cls(X25519PrivateKey.from_private_bytes(_checked(raw, "X25519 private key")))

    def to_bytes(self) -> bytes:
        """The 32 raw bytes."""
        return self._private.private_bytes_raw()

    def unwrap(self, wrapped: bytes, info: bytes) -> bytes:
        """The secret that was wrapped to this key with this `info`.

        Raises:
            BadFrame: it was wrapped to another key, for another context, or changed.
        """
        try:
            return _SUITE.decrypt(wrapped, self._private, info)
        except (InvalidTag, ValueError) as error:
            raise BadFrame(f"wrapped key does not open with key {self.key_id}") from error
