"""Everything the hospital makes is kept in `issued` first, then queued for vehicles; a crash between is made good.

A list's revision is at least the seconds since 2020: a database restored from a backup never gives a number again with
another content, whatever it has forgotten (sync rule 3).
"""

import uuid
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Row, func, insert, select, tuple_, update

from clinic_records.clock import Origin, from_ms, to_ms
from clinic_records.errors import AccessError, ClinicError, NotFound
from clinic_records.ids import RecordId, sha256_hex
from clinic_records.people import Author
from clinic_records.record import Kind, Record, encode_payload
from cloud_hospital.downlink import queue_for_vehicle
from cloud_hospital.hospital import Hospital
from cloud_hospital.store.engine import reading, writing
from cloud_hospital.store.tables import downlink, issued
from cloud_hospital.vehicles import active_vehicles
from sync.messages.kind import Maker
from sync.messages.ownership import must_be_made_by
from sync.messages.table import MESSAGES

ALL: Final = ()
"""Addressed to every vehicle, those enrolled later too."""

_NAMES: Final = uuid.UUID("0b0f7c52-7d0a-4f0e-8c63-5a0d6a1c7e94")
"""Our own namespace (RFC 9562, section 6.6) for ids of lists, which all their versions share."""
_FROM: Final = datetime(2020, 1, 1, tzinfo=UTC)


def list_id(hospital: Hospital, name: str) -> RecordId:
    """The one id of all versions of a list of this hospital."""
    return RecordId(str(uuid.uuid5(_NAMES, f"{hospital.settings.id}/{name}")))


def next_revision(last: int, now: datetime) -> int:
    """The revision after `last`; it fits 32 bits until 2088."""
    return max(last + 1, int((now - _FROM).total_seconds()))


def issue_list(
    hospital: Hospital, kind: Kind, thing: object, *, name: str, to: Sequence[str] = ALL, by: Author | None = None
) -> int:
    """A new version of a central list, queued for its vehicles; the same content again is the same version.

    Args:
        hospital: whose.
        kind: of `thing`.
        thing: the domain struct.
        name: which list of this hospital it is, for example `formulary`.
        to: vehicles; ALL: every one.
        by: who made it.

    Returns:
        Its revision.
    """
    payload, id_, now = encode_payload(thing), list_id(hospital, name), hospital.now()
    with writing(hospital.engine) as connection:
        query = select(issued.c.revision, issued.c.sha256).where(issued.c.id == id_)
        newest = connection.execute(query.order_by(issued.c.revision.desc()).limit(1)).first()
        if newest is not None and newest.sha256 == sha256_hex(payload):
            revision = int(newest.revision)
        else:
            revision = next_revision(newest.revision if newest else 0, now)
            _keep(connection, hospital, kind, id_, revision, payload, to, by)
    queue_issued(hospital, id_)
    return revision


def issue_message(
    hospital: Hospital,
    kind: Kind,
    thing: Any,
    *,
    to: Sequence[str],
    by: Author | None = None,
    patient: str | None = None,
    encounter: str | None = None,
) -> RecordId:
    """A message, made once, queued for the vehicles `to`.

    Raises:
        NotFound, AccessError: a vehicle is not enrolled or revoked; the message is kept, and waits for no one else.
    """
    with writing(hospital.engine) as connection:
        keep_message(connection, hospital, kind, thing, to=to, by=by, patient=patient, encounter=encounter)
    queue_issued(hospital, thing.id)
    return RecordId(thing.id)


def keep_message(
    connection: Connection,
    hospital: Hospital,
    kind: Kind,
    thing: Any,
    *,
    to: Sequence[str],
    by: Author | None = None,
    patient: str | None = None,
    encounter: str | None = None,
) -> None:
    """Keep a message in the caller's transaction; `queue_issued` after it, or the next look, sends it."""
    payload = encode_payload(thing)
    _keep(connection, hospital, kind, thing.id, 1, payload, to, by, patient=patient, encounter=encounter)


def _keep(
    connection: Connection,
    hospital: Hospital,
    kind: Kind,
    id_: str,
    revision: int,
    payload: bytes,
    to: Sequence[str],
    by: Author | None,
    **refers: str | None,
) -> None:
    must_be_made_by(Maker.HOSPITAL, kind, revision)
    row = {
        "id": id_,
        "revision": revision,
        "kind": kind.value,
        "sha256": sha256_hex(payload),
        "payload": payload,
        "author": None if by is None else msgspec.json.encode(by).decode(),
        "vehicles": msgspec.json.encode(list(to)).decode(),
        "made_at": to_ms(hospital.now()),
        **refers,
    }
    connection.execute(insert(issued).values(row))


def made_under(connection: Connection, id_: str) -> Row[Any]:
    """The message of an id, its row held until the transaction ends: nobody else addresses it or takes it back.

    Raises:
        NotFound: nothing of that id was made here.
    """
    row = connection.execute(select(issued).where(issued.c.id == id_).with_for_update()).first()
    if row is None:
        raise NotFound(f"nothing with id {id_[:64]} was made here")
    return row


def address_also(connection: Connection, id_: str, vehicle: str) -> None:
    """Address a message to one more vehicle, in the caller's transaction; `queue_issued` sends it.

    Raises:
        NotFound: nothing of that id was made here.
    """
    row = made_under(connection, id_)
    to = list(dict.fromkeys([*addressed(row), vehicle]))
    values = {"vehicles": msgspec.json.encode(to).decode()}
    connection.execute(update(issued).where(issued.c.n == row.n).values(values))


def addressed(row: Row[Any]) -> list[str]:
    """The vehicles a row of `issued` is for; none: every one."""
    return msgspec.json.decode(row.vehicles, type=list[str])


def queue_issued(hospital: Hospital, id_: str) -> None:
    """Queue the newest version of one thing for each of its vehicles that does not have it in its queue.

    Raises:
        NotFound, AccessError: one of them is not enrolled or revoked; the others have it in their queues.
    """
    with reading(hospital.engine) as connection:
        query = select(issued).where(issued.c.id == id_).order_by(issued.c.revision.desc()).limit(1)
        row = connection.execute(query).one()
    refused: ClinicError | None = None
    for vehicle in addressed(row) or active_vehicles(hospital):
        try:
            queue_for_vehicle(hospital, vehicle, record_of(hospital, row))
        except (NotFound, AccessError) as error:
            refused = error
    if refused is not None:
        raise refused


def queue_missing(hospital: Hospital) -> int:
    """Queue whatever a crash, a new vehicle or a new box left unqueued; how many envelopes that were."""
    active = active_vehicles(hospital)
    newest = select(issued.c.id, func.max(issued.c.revision)).group_by(issued.c.id)
    with reading(hospital.engine) as connection:
        version = tuple_(issued.c.id, issued.c.revision)
        rows = connection.execute(select(issued).where(version.in_(newest)).order_by(issued.c.n)).all()
        query = select(downlink.c.vehicle, downlink.c.id, downlink.c.revision)
        queued = {(each.vehicle, each.id, each.revision) for each in connection.execute(query)}
    missing = [
        (vehicle, row)
        for row in rows
        for vehicle in (addressed(row) or active)
        if vehicle in active and (vehicle, row.id, row.revision) not in queued
    ]
    for vehicle, row in missing:
        queue_for_vehicle(hospital, vehicle, record_of(hospital, row))
    return len(missing)


def record_of(hospital: Hospital, row: Row[Any]) -> Record:
    """The record of a row of `issued`."""
    kind = Kind(row.kind)
    return Record(
        id=RecordId(row.id),
        revision=row.revision,
        kind=kind,
        lane=MESSAGES[kind].lane,
        payload=row.payload,
        origin=Origin(hospital.settings.id, 1, row.n),
        author=None if row.author is None else msgspec.json.decode(row.author, type=Author),
        recorded_at=from_ms(row.made_at),
    )


def payloads_of(connection: Connection, kinds: Iterable[Kind], **refers: str) -> list[tuple[Kind, bytes]]:
    """What was made of these kinds about a `patient` or an `encounter`, oldest first."""
    query = select(issued.c.kind, issued.c.payload).where(
        issued.c.kind.in_([kind.value for kind in kinds]), *(issued.c[name] == value for name, value in refers.items())
    )
    return [(Kind(row.kind), row.payload) for row in connection.execute(query.order_by(issued.c.n))]


def newest_list(hospital: Hospital, name: str) -> bytes | None:
    """The payload of a list's newest version; None where none was made."""
    query = select(issued.c.payload).where(issued.c.id == list_id(hospital, name))
    with reading(hospital.engine) as connection:
        found = connection.execute(query.order_by(issued.c.revision.desc()).limit(1)).scalar()
    return found if found is None else bytes(found)
