"""Renewing a vehicle's certificate, also one that has ended (sync rule 16).

The request proves twice who asks: by the box's signing key, and by the key of the certificate. The answer is signed by
the hospital, names the request and tells the time. Nothing in either is secret, so they may travel without TLS, whose
certificate has perhaps ended.
"""

from typing import Final, TypeVar

import msgspec

from clinic_records.errors import RefusedInput
from clinic_records.ids import vehicle_id
from sync.keys import AnyOf, Domain, OriginKeys, OriginPublic

MESSAGE_LIMIT: Final = 16 * 1024
"""Bytes of a request or an answer; real ones have about 0.5 and 2 KiB."""


class RenewalRequest(msgspec.Struct, frozen=True):
    """Please renew; `tls_request` is a PKCS #10 by the certificate's key, `nonce` 32 hex digits by chance."""

    vehicle: str
    tls_request: bytes
    nonce: str
    signature: bytes = b""


class Renewed(msgspec.Struct, frozen=True):
    """The next certificate with the issuing one behind it, PEM; `time_ms` milliseconds since 1970."""

    vehicle: str
    nonce: str
    certificate: str
    time_ms: int
    signature: bytes = b""


_Message = TypeVar("_Message", RenewalRequest, Renewed)


def _signed_part(thing: RenewalRequest | Renewed) -> bytes:
    """The struct's own name stands in front, so that neither passes for the other, nor for an enrolment."""
    name = type(thing).__name__.encode() + b"\0"
    return name + msgspec.msgpack.encode(msgspec.structs.replace(thing, signature=b""))


def sign_renewal(thing: _Message, keys: OriginKeys) -> _Message:
    """The same with its signature."""
    return msgspec.structs.replace(thing, signature=keys.sign(Domain.ENROLMENT, _signed_part(thing)))


def read_request(data: bytes) -> RenewalRequest:
    """A request, not yet believed.

    Raises:
        RefusedInput: it is none.
    """
    request = _decode(data, RenewalRequest)
    vehicle_id(request.vehicle)
    return request


def believe(thing: RenewalRequest | Renewed, public: OriginPublic | AnyOf) -> None:
    """Return if `public` signed it.

    Raises:
        PeerRefused: it did not.
    """
    public.verify(Domain.ENROLMENT, _signed_part(thing), thing.signature)


def read_renewed(data: bytes, request: RenewalRequest, public: OriginPublic | AnyOf) -> Renewed:
    """The answer to `request`, believed.

    Raises:
        RefusedInput: it is none, or an answer to another request: an old one that came late.
        PeerRefused: another signed it.
    """
    renewed = _decode(data, Renewed)
    believe(renewed, public)
    if (renewed.vehicle, renewed.nonce) != (request.vehicle, request.nonce):
        raise RefusedInput("the renewal answers another request")
    return renewed


def _decode(data: bytes, kind: type[_Message]) -> _Message:
    if len(data) > MESSAGE_LIMIT:
        raise RefusedInput(f"{kind.__name__}: {len(data)} bytes, more than {MESSAGE_LIMIT}")
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise RefusedInput(f"{kind.__name__}: {error}", raw=data) from None
