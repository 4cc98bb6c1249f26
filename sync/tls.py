"""TLS 1.3 with certificates of one's own authority on both sides; the client does not believe its clock.

A vehicle may wake up in 1970 or twenty years ahead. Its TLS library therefore checks no times; we refuse a broker only
whose certificate had ended before the last signed time of the hospital (sync rule 16, law 11). The hospital's own
clock is right, so brokers check vehicles' certificates as usual.
"""

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography import x509

from clinic_records.errors import AccessError, ConfigError

_NO_CHECK_TIME: Final = 0x200000
"""X509_V_FLAG_NO_CHECK_TIME, openssl/x509_vfy.h; Python has no name for it."""


@dataclass(frozen=True)
class Identity:
    """Files in PEM: whom we trust, and who we are. Read anew at every connection, so a renewed one counts at once.

    Attributes:
        authority: the root certificate, pinned.
        certificate: ours, and the issuing one behind it.
        key: ours.
    """

    authority: Path
    certificate: Path
    key: Path


@dataclass(frozen=True)
class ClientTls:
    """How a client speaks TLS; `floor` is a time known to have passed."""

    identity: Identity
    floor: Callable[[], datetime]


def _load(context: ssl.SSLContext, identity: Identity) -> ssl.SSLContext:
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    try:
        context.load_verify_locations(identity.authority)
        context.load_cert_chain(identity.certificate, identity.key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"TLS files of {identity.certificate}: {error}") from error
    return context


class _Closing(ssl.SSLSocket):
    """Closes itself where the handshake fails; paho would leave that to the garbage collector."""

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except BaseException:
            self.close()
            raise


def client_context(tls: ClientTls) -> ssl.SSLContext:
    """A context for connections to a broker; `check_times` does what it leaves out.

    Raises:
        ConfigError: a file is missing or is no such thing.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_flags |= _NO_CHECK_TIME
    context.sslsocket_class = _Closing
    return _load(context, tls.identity)


def check_times(peer: bytes | None, floor: datetime) -> None:
    """Return unless the broker's certificate (DER) had ended at `floor`.

    One that begins after it is taken: the floor only says which times have passed.

    Raises:
        AccessError: it had ended, or there is none.
    """
    if not peer:
        raise AccessError("the broker showed no certificate")
    until = x509.load_der_x509_certificate(peer).not_valid_after_utc
    if until < floor:
        raise AccessError(f"the broker's certificate ended {until:%Y-%m-%d}, and it is {floor:%Y-%m-%d} at least")


def server_context(identity: Identity) -> ssl.SSLContext:
    """A context for the embedded relay: only clients with a certificate of the authority, no resumed sessions.

    Raises:
        ConfigError: a file is missing or is no such thing.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.verify_mode = ssl.CERT_REQUIRED
    context.num_tickets = 0  # a resumed session would not show its certificate again
    return _load(context, identity)
