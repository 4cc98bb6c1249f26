"""X.509 as both ends need it: a box's key and request, and how long a certificate may be used.

Keys are ECDSA P-256, which every broker's TLS takes; what is believed rests on Ed25519 signatures, not on these.
A request is PKCS #10 (RFC 2986), so it proves that the box holds the key; certificates are RFC 5280.
"""

from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from clinic_records.errors import ConfigError, PeerRefused, RefusedInput
from clinic_records.ids import sha256_hex

REQUEST_LIMIT: Final = 4096
"""Bytes of a request; a real one has about 200."""
RENEW_AFTER: Final = 1 / 3
"""Part of its life after which a certificate is renewed (sync rule 16)."""

TlsKey = ec.EllipticCurvePrivateKey


def new_key() -> TlsKey:
    """A fresh key from the system's randomness."""
    return ec.generate_private_key(ec.SECP256R1())


def key_to_pem(key: TlsKey) -> bytes:
    """PKCS #8, not encrypted: the file is for its owner only."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def key_from_pem(pem: bytes) -> TlsKey:
    """The key in a file.

    Raises:
        ConfigError: it holds no P-256 key.
    """
    try:
        key = load_pem_private_key(pem, None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ConfigError(f"TLS key: {error}") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ConfigError("TLS key: not an ECDSA key")
    return key


def fingerprint(public: ec.EllipticCurvePublicKey) -> str:
    """SHA-256 over the public key (SubjectPublicKeyInfo), 64 hex digits: which key, whatever the certificate."""
    return sha256_hex(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def subject(name: str) -> x509.Name:
    """The subject of whoever is called `name`."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def request_for(name: str, key: TlsKey) -> bytes:
    """A request in DER for a certificate that names `name`, signed by `key`."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject(name))
    made = builder.sign(key, SHA256(), ecdsa_deterministic=True)  # the same request again when repeated (RFC 6979)
    return made.public_bytes(Encoding.DER)


def public_of(request: bytes, name: str) -> ec.EllipticCurvePublicKey:
    """The public key of a checked request for `name`; nothing else in the request is believed.

    Raises:
        RefusedInput: it is no request, or of another kind of key.
        PeerRefused: it is for another name, or whoever made it does not hold the key.
    """
    if len(request) > REQUEST_LIMIT:
        raise RefusedInput(f"certificate request of {len(request)} bytes; at most {REQUEST_LIMIT}")
    try:
        read = x509.load_der_x509_csr(request)
        public = read.public_key()
        is_signed = read.is_signature_valid
    except (ValueError, UnsupportedAlgorithm, InvalidSignature, x509.InvalidVersion) as error:
        raise RefusedInput(f"certificate request: {error}", raw=request) from None
    if not isinstance(public, ec.EllipticCurvePublicKey) or not isinstance(public.curve, ec.SECP256R1):
        raise RefusedInput("certificate request: not a P-256 key", raw=request)
    if not is_signed:
        raise PeerRefused("certificate request: not signed by the key in it")
    if read.subject != subject(name):
        raise PeerRefused(f"certificate request: for {read.subject.rfc4514_string()!r}, not for {name}")
    return public


def leaf(chain_pem: bytes) -> x509.Certificate:
    """The first certificate of a chain.

    Raises:
        ConfigError: there is none.
    """
    try:
        return x509.load_pem_x509_certificate(chain_pem)
    except (ValueError, x509.InvalidVersion) as error:
        raise ConfigError(f"certificate: {error}") from error


def renew_at(certificate: x509.Certificate) -> datetime:
    """When it is time to ask for the next one."""
    life: timedelta = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    return certificate.not_valid_before_utc + life * RENEW_AFTER
