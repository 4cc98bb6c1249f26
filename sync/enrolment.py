"""Enrolment: how a vehicle's box and a hospital come to know each other's keys, by a file a person carries.

The box writes an EnrolmentRequest with its public keys; the hospital answers with an Enrolment that names the box
it is for and is signed by the hospital. The vehicle pins what it finds there and trusts nothing else from then on.
Files are JSON; keys and signatures are base64 (msgspec's form of bytes).
"""

from typing import Final, TypeVar

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from clinic_records.errors import PeerRefused, RefusedInput
from clinic_records.ids import vehicle_id

_REQUEST_DOMAIN: Final = b"mobile-clinic enrolment request v1\x00"
_ENROLMENT_DOMAIN: Final = b"mobile-clinic enrolment v1\x00"
_FILE_LIMIT: Final = 64 * 1024  # bytes; a real file has about 1 KiB
_KEY_SIZE: Final = 32  # Ed25519 (RFC 8032, 5.1.5) and X25519 (RFC 7748, 5) public keys, raw


class EnrolmentRequest(msgspec.Struct, frozen=True):
    """What the box asks with; `signature` proves that it holds the key behind `sign_public`."""

    vehicle: str
    sign_public: bytes
    box_public: bytes
    signature: bytes = b""


class Enrolment(msgspec.Struct, frozen=True):
    """What the hospital grants to one box.

    Attributes:
        vehicle, vehicle_sign_public: the box this is for; another box refuses it.
        hospital_id, hospital_name: the identity the vehicle pins.
        sign_public: the hospital's Ed25519 key, of receipts, sessions and the way down.
        hpke_public, key_id: the hospital's X25519 key that envelopes are sealed to, and its name in the keyring.
        incarnation: granted number of this box's stream, from 1 (sync rule 6).
        session_token: the first HELLO presents it (sync rule 7).
    """

    vehicle: str
    vehicle_sign_public: bytes
    hospital_id: str
    hospital_name: str
    sign_public: bytes
    hpke_public: bytes
    key_id: str
    broker_host: str
    broker_port: int
    username: str
    password: str
    incarnation: int
    session_token: str
    signature: bytes = b""


_Form = TypeVar("_Form", EnrolmentRequest, Enrolment)


def _signed_part(thing: EnrolmentRequest | Enrolment, domain: bytes) -> bytes:
    return domain + msgspec.msgpack.encode(msgspec.structs.replace(thing, signature=b""))


def sign_request(request: EnrolmentRequest, key: Ed25519PrivateKey) -> EnrolmentRequest:
    """The request with its proof of possession."""
    return msgspec.structs.replace(request, signature=key.sign(_signed_part(request, _REQUEST_DOMAIN)))


def sign_enrolment(enrolment: Enrolment, key: Ed25519PrivateKey) -> Enrolment:
    """The enrolment signed by the hospital whose key it announces."""
    return msgspec.structs.replace(enrolment, signature=key.sign(_signed_part(enrolment, _ENROLMENT_DOMAIN)))


def _check(thing: EnrolmentRequest | Enrolment, domain: bytes, what: str) -> None:
    try:
        Ed25519PublicKey.from_public_bytes(thing.sign_public).verify(thing.signature, _signed_part(thing, domain))
    except (InvalidSignature, ValueError):
        raise PeerRefused(f"{what}: the signature does not belong to the key in it; ask for the file again") from None


def decode_request(data: bytes) -> EnrolmentRequest:
    """A checked request from its file.

    Raises:
        RefusedInput: it is not such a file.
        PeerRefused: its signature is wrong.
    """
    request = _decode(data, EnrolmentRequest, "enrolment request")
    vehicle_id(request.vehicle)
    if len(request.box_public) != _KEY_SIZE:
        raise RefusedInput(f"enrolment request: box_public has {len(request.box_public)} bytes, not {_KEY_SIZE}")
    _check(request, _REQUEST_DOMAIN, "enrolment request")
    return request


def decode_enrolment(data: bytes, *, vehicle: str, vehicle_sign_public: bytes) -> Enrolment:
    """A checked enrolment for this box from its file.

    Raises:
        RefusedInput: it is not such a file.
        PeerRefused: its signature is wrong, or it was made for another box.
    """
    enrolment = _decode(data, Enrolment, "enrolment")
    for field in ("sign_public", "hpke_public"):
        if len(getattr(enrolment, field)) != _KEY_SIZE:
            raise RefusedInput(f"enrolment: {field} has {len(getattr(enrolment, field))} bytes, not {_KEY_SIZE}")
    _check(enrolment, _ENROLMENT_DOMAIN, "enrolment")
    if enrolment.vehicle != vehicle or enrolment.vehicle_sign_public != vehicle_sign_public:
        raise PeerRefused(f"enrolment is for the box of {enrolment.vehicle}, not for this box of {vehicle}")
    return enrolment


def encode(thing: EnrolmentRequest | Enrolment) -> bytes:
    """The file's bytes: indented JSON, so that a person can read whom it names."""
    return msgspec.json.format(msgspec.json.encode(thing), indent=2) + b"\n"


def _decode(data: bytes, kind: type[_Form], what: str) -> _Form:
    if len(data) > _FILE_LIMIT:
        raise RefusedInput(f"{what}: {len(data)} bytes, more than {_FILE_LIMIT}")
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise RefusedInput(f"{what}: not such a file: {error}", raw=data) from None
