"""Enrolment: how a vehicle's box and a hospital come to know each other's keys, by a file a person carries.

The box writes an EnrolmentRequest with its public keys; the hospital answers with an Enrolment that names the box
it is for and is signed by the hospital. The vehicle pins what it finds there and trusts nothing else from then on.
Files are JSON; keys and signatures are base64 (msgspec's form of bytes).
"""

from typing import Final, TypeVar

import msgspec

from clinic_records.errors import PeerRefused, RefusedInput
from clinic_records.ids import vehicle_id
from sync.keys import RAW_KEY_SIZE, Domain, OriginKeys, OriginPublic, RecipientKey
from sync.statements import KeyChain

_FILE_LIMIT: Final = 64 * 1024  # bytes; a real file has about 1 KiB


class EnrolmentRequest(msgspec.Struct, frozen=True):
    """What the box asks with; `signature` proves that it holds the key behind `sign_public`.

    `key_number` counts the box's own rotations, from 1. `tls_request` asks for a certificate (sync/certificates.py);
    without it the box can only use a broker without TLS.
    """

    vehicle: str
    sign_public: bytes
    box_public: bytes
    key_number: int = 1
    tls_request: bytes = b""
    signature: bytes = b""


class Enrolment(msgspec.Struct, frozen=True):
    """What the hospital grants to one box.

    Attributes:
        vehicle, vehicle_sign_public: the box this is for; another box refuses it.
        hospital_id, hospital_name: the identity the vehicle pins.
        sign_public: the hospital's Ed25519 key, of receipts, sessions and the way down.
        hpke_public, key_id: the hospital's X25519 key that envelopes are sealed to, and its name in the keyring.
        password: empty where a certificate lets the box in.
        incarnation: granted number of this box's stream, from 1 (sync rule 6).
        session_token: the first HELLO presents it (sync rule 7).
        key_number: which of the hospital's key pairs these are (sync/statements.py).
        former_sign_publics: signing keys before this one, newest first: envelopes by them may still come.
        statements: how this key followed from the first, so that a box that pinned an older one believes it.
        authority: the root certificate of the hospital's authority, PEM; empty: the broker has no TLS.
        certificate: the box's own with the issuing one behind it, PEM.
        renewal_url: where the certificate is renewed.
        is_mqtt5: whether the broker speaks MQTT 5.
        granted_ms: the hospital's time, milliseconds since 1970: the first time known to have passed.
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
    key_number: int = 1
    former_sign_publics: tuple[bytes, ...] = ()
    statements: tuple[bytes, ...] = ()
    authority: str = ""
    certificate: str = ""
    renewal_url: str = ""
    is_mqtt5: bool = False
    granted_ms: int = 0
    signature: bytes = b""

    def chain(self) -> KeyChain:
        """The hospital's keys as they were at the enrolment.

        Raises:
            ConfigError: a key of another length.
        """
        signers = tuple(OriginPublic(each) for each in (self.sign_public, *self.former_sign_publics))
        return KeyChain(self.hospital_id, self.key_number, signers, (RecipientKey(self.hpke_public),))


_Form = TypeVar("_Form", EnrolmentRequest, Enrolment)


def _signed_part(thing: EnrolmentRequest | Enrolment) -> bytes:
    """The struct's own name stands in front, so a request never passes for an enrolment."""
    name = type(thing).__name__.encode() + b"\0"
    return name + msgspec.msgpack.encode(msgspec.structs.replace(thing, signature=b""))


def sign(thing: _Form, keys: OriginKeys) -> _Form:
    """The same with its signature: by the box on a request, by the hospital on an enrolment."""
    return msgspec.structs.replace(thing, signature=keys.sign(Domain.ENROLMENT, _signed_part(thing)))


def decode_request(data: bytes) -> EnrolmentRequest:
    """A checked request from its file.

    Raises:
        RefusedInput: it is not such a file.
        PeerRefused: its signature is wrong.
    """
    request = _decode(data, EnrolmentRequest, "enrolment request")
    vehicle_id(request.vehicle)
    _check_keys("enrolment request", request, "sign_public", "box_public")
    OriginPublic(request.sign_public).verify(Domain.ENROLMENT, _signed_part(request), request.signature)
    return request


def decode_enrolment(data: bytes, *, vehicle: str, vehicle_sign_public: bytes) -> Enrolment:
    """A checked enrolment for this box from its file.

    Raises:
        RefusedInput: it is not such a file.
        PeerRefused: its signature is wrong, or it was made for another box.
    """
    enrolment = _decode(data, Enrolment, "enrolment")
    _check_keys("enrolment", enrolment, "sign_public", "hpke_public")
    OriginPublic(enrolment.sign_public).verify(Domain.ENROLMENT, _signed_part(enrolment), enrolment.signature)
    if enrolment.vehicle != vehicle or enrolment.vehicle_sign_public != vehicle_sign_public:
        raise PeerRefused(f"this enrolment was made for another box ({enrolment.vehicle}); ask for one for {vehicle}")
    if enrolment.key_id != RecipientKey(enrolment.hpke_public).key_id:
        raise RefusedInput(f"enrolment: key_id {enrolment.key_id} does not name the hpke_public in it")
    return enrolment


def encode(thing: EnrolmentRequest | Enrolment) -> bytes:
    """The file's bytes: indented JSON, so that a person can read whom it names."""
    return msgspec.json.format(msgspec.json.encode(thing), indent=2) + b"\n"


def _check_keys(what: str, thing: EnrolmentRequest | Enrolment, *fields: str) -> None:
    for field in fields:
        if len(getattr(thing, field)) != RAW_KEY_SIZE:
            raise RefusedInput(f"{what}: {field} has {len(getattr(thing, field))} bytes, not {RAW_KEY_SIZE}")


def _decode(data: bytes, kind: type[_Form], what: str) -> _Form:
    if len(data) > _FILE_LIMIT:
        raise RefusedInput(f"{what}: {len(data)} bytes, more than {_FILE_LIMIT}")
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise RefusedInput(f"{what}: not such a file: {error}", raw=data) from None
