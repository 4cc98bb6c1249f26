"""A version of ours that a vehicle has and a restored database forgot stands in `issued` again (sync rule 3)."""

from typing import Final

import msgspec
from sqlalchemy import Connection, select, update

from clinic_records.consult import Retraction
from clinic_records.errors import RefusedInput
from clinic_records.record import Kind
from cloud_hospital.downlinks.issue import ALL, address_also, addressed
from cloud_hospital.store.locks import insert_new
from cloud_hospital.store.tables import issued
from sync.envelope import Header
from sync.messages.table import decode_payload

FOR_ALL: Final = frozenset({Kind.FORMULARY, Kind.PRICES})
"""Lists that were for every vehicle; the rest was for the one that gives it back, at least."""


def put_back_issued(connection: Connection, header: Header, payload: bytes, vehicle: str) -> None:
    """Remember it, in the caller's transaction; a version that is known stays as it is."""
    row: dict[str, object] = {
        "id": header.id,
        "revision": header.revision,
        "kind": header.kind,
        "sha256": header.sha256,
        "payload": payload,
        "author": None if header.author is None else msgspec.json.encode(header.author).decode(),
        "vehicles": msgspec.json.encode(list(ALL) if header.kind in FOR_ALL else [vehicle]).decode(),
        "made_at": header.recorded_ms,
        **_refers(connection, header.kind, payload),
    }
    if insert_new(connection, issued, row) is not None:
        _tell_retractions(connection, header.id, row)
        return
    version = (issued.c.id == header.id, issued.c.revision == header.revision)
    to = addressed(connection.execute(select(issued).where(*version)).one())
    if to and vehicle not in to:
        address_also(connection, header.id, vehicle)


def _tell_retractions(connection: Connection, id_: str, row: dict[str, object]) -> None:
    """A retraction that came back before its thing learns now what it is about."""
    query = select(issued.c.n, issued.c.payload).where(
        issued.c.kind == Kind.RETRACTION.value, issued.c.encounter.is_(None)
    )
    for there in connection.execute(query).all():
        if msgspec.json.decode(there.payload, type=Retraction).thing == id_:
            values = {"patient": row.get("patient"), "encounter": row.get("encounter")}
            connection.execute(update(issued).where(issued.c.n == there.n).values(**values))


def _refers(connection: Connection, kind: str, payload: bytes) -> dict[str, str | None]:
    """The patient and encounter it is about; a retraction is about what its thing was about, where that is known."""
    try:
        thing = decode_payload(kind, payload)
    except RefusedInput:
        return {}  # made by a newer program than this one
    if isinstance(thing, Retraction):
        row = connection.execute(select(issued.c.patient, issued.c.encounter).where(issued.c.id == thing.thing)).first()
        return {"patient": row.patient, "encounter": row.encounter} if row else {}
    return {name: getattr(thing, name, None) for name in ("patient", "encounter")}
