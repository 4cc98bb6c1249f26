"""What stands in each kind of certificate (RFC 5280): a table of builders."""

import ipaddress
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import ExtendedKeyUsageOID

from sync.certificates import TlsKey, subject

ROOT_LIFE: Final = timedelta(days=25 * 365)
ISSUING_LIFE: Final = timedelta(days=10 * 365)
SERVER_LIFE: Final = timedelta(days=365)
"""Also of the workers' certificates; both are renewed by the running hospital."""
EARLIER: Final = timedelta(hours=1)
"""How long before now a certificate begins: another machine's clock may be behind."""

_CA_USAGE: Final = x509.KeyUsage(
    digital_signature=False, content_commitment=False, key_encipherment=False, data_encipherment=False,
    key_agreement=False, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
)  # fmt: skip
_LEAF_USAGE: Final = x509.KeyUsage(
    digital_signature=True, content_commitment=False, key_encipherment=False, data_encipherment=False,
    key_agreement=False, key_cert_sign=False, crl_sign=False, encipher_only=False, decipher_only=False,
)  # fmt: skip


def _builder(
    name: str, public: EllipticCurvePublicKey, issuer: x509.Certificate | None, now: datetime, life: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject(name))
        .issuer_name(subject(name) if issuer is None else issuer.subject)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - EARLIER)
        .not_valid_after(now + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def authority_certificate(
    name: str, key: TlsKey, *, issuer: x509.Certificate | None, signer: TlsKey, now: datetime, life: timedelta
) -> x509.Certificate:
    """The root (no issuer) or the issuing authority below it."""
    below = 1 if issuer is None else 0
    built = _builder(name, key.public_key(), issuer, now, life)
    built = built.add_extension(x509.BasicConstraints(ca=True, path_length=below), critical=True)
    built = built.add_extension(_CA_USAGE, critical=True)
    return built.add_extension(_issuer_key(signer), critical=False).sign(signer, SHA256())


def leaf_certificate(
    name: str,
    public: EllipticCurvePublicKey,
    *,
    issuer: x509.Certificate,
    signer: TlsKey,
    now: datetime,
    life: timedelta,
    hosts: Iterable[str] = (),
) -> x509.Certificate:
    """A broker's certificate, for `hosts`, or without any a client's: neither passes for the other."""
    hosts = sorted(set(hosts))
    use = ExtendedKeyUsageOID.SERVER_AUTH if hosts else ExtendedKeyUsageOID.CLIENT_AUTH
    built = _builder(name, public, issuer, now, min(life, issuer.not_valid_after_utc - now))
    built = built.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    built = built.add_extension(_LEAF_USAGE, critical=True)
    built = built.add_extension(x509.ExtendedKeyUsage([use]), critical=True)
    built = built.add_extension(_issuer_key(signer), critical=False)
    if hosts:
        built = built.add_extension(x509.SubjectAlternativeName([_host(each) for each in hosts]), critical=False)
    return built.sign(signer, SHA256())


def _issuer_key(signer: TlsKey) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())


def _host(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)
