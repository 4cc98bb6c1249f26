"""Keys of the enrolled vehicles: every one a box ever had, newest first, and how it learns to follow a rotation."""

from sqlalchemy import Connection, Engine, Select, delete, insert, select, update

from clinic_records.errors import AccessError
from cloud_hospital.hospital import Hospital
from cloud_hospital.store.engine import reading, writing
from cloud_hospital.store.tables import sessions, vehicle_keys, vehicles
from sync.keys import AnyOf, OriginPublic, RecipientKey
from sync.statements import KeyChain


def origins(engine: Engine) -> dict[str, AnyOf]:
    """Every signing key of every enrolled vehicle, the revoked ones too: who may have signed an envelope."""
    with reading(engine) as connection:
        newest = connection.execute(select(vehicles.c.id, vehicles.c.sign_public)).all()
        query = select(vehicle_keys.c.vehicle, vehicle_keys.c.sign_public).order_by(vehicle_keys.c.number.desc())
        former = connection.execute(query).all()
    keys = {row.id: [row.sign_public] for row in newest}
    for row in former:
        keys[row.vehicle].append(row.sign_public)
    return {vehicle: AnyOf(tuple(map(OriginPublic, raws))) for vehicle, raws in keys.items()}


def newest_key(engine: Engine, vehicle: str) -> OriginPublic | None:
    """Who speaks as `vehicle`; None where it is not enrolled."""
    with reading(engine) as connection:
        raw = connection.execute(select(vehicles.c.sign_public).where(vehicles.c.id == vehicle)).scalar_one_or_none()
    return None if raw is None else OriginPublic(raw)


def key_and_session(engine: Engine, vehicle: str) -> tuple[OriginPublic, bytes | None] | None:
    """Who speaks as `vehicle` and its session as it was saved last; None where it is not enrolled."""
    query = select(vehicles.c.sign_public, sessions.c.state).select_from(
        vehicles.outerjoin(sessions, sessions.c.vehicle == vehicles.c.id)
    )
    with reading(engine) as connection:
        row = connection.execute(query.where(vehicles.c.id == vehicle)).one_or_none()
    return None if row is None else (OriginPublic(row.sign_public), row.state)


def follow(hospital: Hospital, vehicle: str, statements: tuple[bytes, ...]) -> None:
    """Take over the newer keys a vehicle states; durable on return, idempotent.

    Raises:
        PeerRefused: a statement does not follow from the keys known here.
        BadFrame: one is no statement.
        AccessError: the vehicle is not enrolled, or revoked.
    """
    if vehicle in hospital.log.revoked():
        raise AccessError(f"vehicle {vehicle} is revoked; its keys stay as they are")
    with writing(hospital.engine) as connection:
        there = connection.execute(select(vehicles).where(vehicles.c.id == vehicle).with_for_update()).one_or_none()
        if there is None:
            raise AccessError(f"vehicle {vehicle} is not enrolled here")
        raws = connection.execute(_former(vehicle)).scalars().all()
        signers = tuple(map(OriginPublic, (there.sign_public, *raws)))
        known = KeyChain(vehicle, there.key_number, signers, (RecipientKey(there.box_public),))
        chain = known.extended(statements)
        if chain.number == known.number:
            return
        for number in range(known.number, chain.number):
            raw = chain.signers[chain.number - number].raw
            connection.execute(insert(vehicle_keys).values(vehicle=vehicle, number=number, sign_public=raw))
        values = {"sign_public": chain.newest.raw, "box_public": chain.boxes[0].raw, "key_number": chain.number}
        connection.execute(update(vehicles).where(vehicles.c.id == vehicle).values(**values))


def forget_former(connection: Connection, vehicle: str) -> None:
    """The vehicle has another box: what the old one signs is no longer believed."""
    connection.execute(delete(vehicle_keys).where(vehicle_keys.c.vehicle == vehicle))


def _former(vehicle: str) -> Select[tuple[bytes]]:
    query = select(vehicle_keys.c.sign_public).where(vehicle_keys.c.vehicle == vehicle)
    return query.order_by(vehicle_keys.c.number.desc())
