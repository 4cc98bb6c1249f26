"""Enrolled vehicles: their public keys, and enrolment itself."""

import secrets

import msgspec
from sqlalchemy import delete, insert, select, update

from clinic_records.clock import to_ms
from clinic_records.errors import AccessError, Conflict, Hint, NotFound
from cloud_hospital.broker.access import grant_access, withdraw_access
from cloud_hospital.broker.ports import ports_of
from cloud_hospital.hospital import Hospital
from cloud_hospital.store.engine import reading, writing
from cloud_hospital.store.streams import close_stream
from cloud_hospital.store.tables import downlink, sessions, vehicles
from cloud_hospital.vehicle_keys import forget_former
from sync.certificates import public_of
from sync.enrolment import Enrolment, EnrolmentRequest, sign
from sync.keys import RecipientKey
from sync.ports import SessionState


def active_vehicles(hospital: Hospital) -> list[str]:
    """Vehicles enrolled and not revoked, in order of their ids."""
    with reading(hospital.engine) as connection:
        ids = connection.execute(select(vehicles.c.id).order_by(vehicles.c.id)).scalars().all()
    revoked = hospital.log.revoked()
    return [each for each in ids if each not in revoked]


def box_key(hospital: Hospital, vehicle: str) -> RecipientKey:
    """Whom to seal to for `vehicle`.

    Raises:
        NotFound: it is not enrolled.
        AccessError: it is revoked.
    """
    with reading(hospital.engine) as connection:
        query = select(vehicles.c.box_public).where(vehicles.c.id == vehicle)
        raw = connection.execute(query).scalar_one_or_none()
    if raw is None:
        raise NotFound(f"vehicle {vehicle} is not enrolled; run `clinic hospital enrol-vehicle`")
    if vehicle in hospital.log.revoked():
        raise AccessError(
            f"vehicle {vehicle} is revoked",
            hint=Hint(
                f"{vehicle} 已停用，什么都不发给它。换一辆车，或登记它的新主机（--replace）。",
                f"{vehicle} is revoked and is sent nothing. Choose another, or enrol its new box (--replace).",
            ),
        )
    return RecipientKey(raw)


def enrol(hospital: Hospital, request: EnrolmentRequest, *, replace: bool = False) -> Enrolment:
    """Enrol the box of a checked request, or grant it its next incarnation; durable on return.

    Args:
        hospital: which one.
        request: from `sync.enrolment.decode_request`.
        replace: the vehicle has got another box; its old one is no longer believed, and its way down begins empty.

    Raises:
        Conflict: another box is enrolled under this vehicle's id, and `replace` was not said.
        AccessError: the vehicle is revoked.
        RefusedInput, PeerRefused: its certificate request is damaged, for another name, or another's.
    """
    vehicle = request.vehicle
    if request.tls_request:
        public_of(request.tls_request, vehicle)
    if vehicle in hospital.log.revoked():
        raise AccessError(f"vehicle {vehicle} is revoked; enrol its new box under another id")
    token = f"0.{secrets.token_hex(16)}"  # count zero of the session tokens, see sync/admission.py
    with writing(hospital.engine) as connection:
        there = connection.execute(select(vehicles).where(vehicles.c.id == vehicle).with_for_update()).one_or_none()
        public = {
            "sign_public": request.sign_public,
            "box_public": request.box_public,
            "key_number": request.key_number,
        }
        if there is None:
            connection.execute(insert(vehicles).values(id=vehicle, enrolled_at=to_ms(hospital.now()), **public))
        elif there.sign_public != request.sign_public and not replace:
            raise Conflict(f"another box is enrolled as {vehicle}; check it, then enrol again with --replace")
        else:
            connection.execute(update(vehicles).where(vehicles.c.id == vehicle).values(**public))
            if there.sign_public != request.sign_public:
                forget_former(connection, vehicle)
            if there.box_public != request.box_public:  # what waited is sealed to a box that nobody has any more
                connection.execute(delete(downlink).where(downlink.c.vehicle == vehicle))
            else:  # it is enrolled anew because its disk was restored or cloned: what it answered may be gone there
                is_kept = (downlink.c.verdict.is_not(None), downlink.c.cleared.is_(False))
                again = update(downlink).where(downlink.c.vehicle == vehicle, *is_kept)
                connection.execute(again.values(verdict=None, settled_at=None))
        raw = connection.execute(select(sessions.c.state).where(sessions.c.vehicle == vehicle)).scalar_one_or_none()
        incarnation = 1
        if raw is not None:
            before = msgspec.json.decode(raw, type=SessionState).incarnation
            close_stream(connection, vehicle, before, 0, to_ms(hospital.now()))
            incarnation = before + 1
        state = SessionState(token=token, epoch=hospital.log.current(), incarnation=incarnation)
        connection.execute(delete(sessions).where(sessions.c.vehicle == vehicle))
        connection.execute(insert(sessions).values(vehicle=vehicle, state=msgspec.json.encode(state)))
    keys, settings = hospital.keys, hospital.settings
    access = grant_access(hospital.premises, vehicle, request.tls_request)
    enrolment = Enrolment(
        vehicle=vehicle,
        vehicle_sign_public=request.sign_public,
        hospital_id=settings.id,
        hospital_name=settings.name,
        sign_public=keys.sign.public.raw,
        hpke_public=keys.announced.public.raw,
        key_id=keys.announced.key_id,
        broker_host=settings.broker_advertised,
        broker_port=settings.broker_advertised_port or ports_of(hospital.folder, settings).broker,
        username=vehicle,
        password=access.password,
        incarnation=incarnation,
        session_token=token,
        key_number=keys.number,
        former_sign_publics=tuple(each.raw for each in keys.signers.keys[1:]),
        statements=keys.statements,
        authority=access.authority,
        certificate=access.certificate,
        renewal_url=access.renewal_url,
        is_mqtt5=access.is_mqtt5,
        granted_ms=to_ms(hospital.now()),
    )
    return sign(enrolment, keys.sign)


def revoke(hospital: Hospital, vehicle: str, why: str) -> None:
    """Never trust `vehicle`'s box again: workers end its session, the broker its connection. Durable on return.

    Said again it does what a crash left undone.

    Raises:
        NotFound: it is not enrolled.
        AccessError: it was revoked already.
    """
    try:
        box_key(hospital, vehicle)
        hospital.log.revoke(vehicle, hospital.now(), why)
    finally:
        if vehicle in hospital.log.revoked():
            withdraw_access(hospital.premises, vehicle, why)
