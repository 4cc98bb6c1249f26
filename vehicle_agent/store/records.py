"""Records in the database: append-only versions, one of them current. All functions take an open connection."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from clinic_records.clock import from_ms, to_ms
from clinic_records.errors import Conflict, NotFound, RefusedInput
from clinic_records.ids import BlobHash, RecordId
from clinic_records.people import Author
from clinic_records.record import Kind, Lane, Record, encode_payload
from vehicle_agent.store.driver import Connection
from vehicle_agent.store.outbox import add_blob, add_row, is_kept, next_origin
from vehicle_agent.store.resuming import must_be_the_last_version
from vehicle_agent.store.rows import COLUMNS, insert_record, record_of

_PAYLOAD_LIMIT: Final = 1024 * 1024  # bytes; curves and pictures are blobs, a record is a page of JSON
_SELECT: Final = f"SELECT {COLUMNS} FROM records"  # noqa: S608  COLUMNS is a constant
_FIELD: Final = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*")


def put_record(
    conn: Connection,
    *,
    record_id: str,
    kind: Kind,
    lane: Lane,
    payload: object,
    author: Author | None,
    recorded_at: datetime,
    expected_revision: int = 0,
    blobs: Sequence[BlobHash] = (),
    blob_lane: Lane | None = None,
) -> Record:
    """Write the next version of a thing and its outbox rows, with the next gapless seq, in the caller's transaction.

    Args:
        conn: the writer's connection, inside a job.
        record_id: the thing's id, made where the thing was made.
        kind: what the payload is.
        lane: how urgent this version is.
        payload: the domain struct, or its payload bytes as `encode_payload` made them.
        author: who did it; None where no person did.
        recorded_at: the vehicle's time, UTC.
        expected_revision: the current revision the change was made from; 0 for a new thing.
        blobs: what it speaks of; each must have been kept by Blobs. A blob not yet in the outbox gets its row here.
        blob_lane: lane of those blobs (`lane` where not given); one already waiting in a lesser lane is raised.

    Raises:
        Conflict: `expected_revision` is not the current one, or perhaps not the last one: the box was restored.
        NotFound: a blob was never kept.
        RefusedInput: the payload is larger than 1 MiB.
    """
    data = payload if isinstance(payload, bytes) else encode_payload(payload)
    if len(data) > _PAYLOAD_LIMIT:
        raise RefusedInput(f"{kind} {record_id}: payload of {len(data)} bytes, more than {_PAYLOAD_LIMIT}")
    before = current(conn, kind, record_id)
    found = 0 if before is None else before.revision
    if found != expected_revision:
        raise Conflict(f"{kind} {record_id}: current revision is {found}, the change was made from {expected_revision}")
    if before is not None:
        must_be_the_last_version(conn, before, lane)
    record = Record(
        id=RecordId(record_id),
        revision=found + 1,
        kind=kind,
        lane=lane,
        payload=data,
        origin=next_origin(conn),
        author=author,
        recorded_at=from_ms(to_ms(recorded_at)),
        prev_hash="" if before is None else before.sha256,
        blobs=tuple(blobs),
    )
    insert_record(conn, record, is_current=True)
    add_row(conn, record, size=len(data))
    for sha256 in record.blobs:
        if before is not None and sha256 in before.blobs and not is_kept(conn, sha256):
            continue  # the hospital has it since before this box was restored
        add_blob(conn, sha256, lane=blob_lane or lane, author=author, recorded_at=recorded_at)
    return record


def put_foreign(conn: Connection, record: Record) -> bool:
    """Keep a record that another origin made (the way down); no outbox row. False where it is already here.

    It becomes current when its revision is the highest of its id.

    Raises:
        Conflict: the same id and revision is here with other content (law 3).
    """
    row = conn.execute(
        "SELECT sha256 FROM records WHERE kind = ? AND id = ? AND revision = ?",
        (record.kind, record.id, record.revision),
    ).fetchone()
    if row is not None:
        if row[0] != record.sha256:
            raise Conflict(
                f"{record.kind} {record.id} revision {record.revision}: two contents, {row[0]} and {record.sha256}"
            )
        return False
    newest = current(conn, record.kind, record.id)
    insert_record(conn, record, is_current=newest is None or newest.revision < record.revision)
    return True


def current(conn: Connection, kind: Kind, record_id: str) -> Record | None:
    """The current version."""
    row = conn.execute(f"{_SELECT} WHERE kind = ? AND id = ? AND is_current = 1", (kind, record_id)).fetchone()
    return None if row is None else record_of(row)


def get_version(conn: Connection, kind: Kind, record_id: str, revision: int) -> Record:
    """One version.

    Raises:
        NotFound: there is no such version.
    """
    row = conn.execute(f"{_SELECT} WHERE kind = ? AND id = ? AND revision = ?", (kind, record_id, revision)).fetchone()
    if row is None:
        raise NotFound(f"{kind} {record_id}: no revision {revision}")
    return record_of(row)


def history(conn: Connection, kind: Kind, record_id: str) -> list[Record]:
    """All versions, oldest first."""
    rows = conn.execute(f"{_SELECT} WHERE kind = ? AND id = ? ORDER BY revision", (kind, record_id))
    return [record_of(row) for row in rows]


def list_current(
    conn: Connection,
    kind: Kind,
    *,
    where: Mapping[str, str | int | bool | None] | None = None,
    contains: Mapping[str, str] | None = None,
    newest_first: bool = False,
    limit: int = 1000,
) -> list[Record]:
    """Current versions of a kind, by birth of their ids.

    Args:
        conn: any connection of the store.
        kind: what to list.
        where: payload field (dotted: `binding.encounter`) -> value it must equal; None = absent or null.
        contains: payload field -> text it must contain; any one of them suffices (search).
        newest_first: turn the order round.
        limit: at most so many.
    """
    terms = ["kind = ?", "is_current = 1"]
    values: list[object] = [kind]
    for field, value in (where or {}).items():
        terms.append(f"{_extract(field)} IS ?")
        values.append(value)
    if contains:
        terms.append("(" + " OR ".join(f"instr({_extract(field)}, ?) > 0" for field in contains) + ")")
        values.extend(contains.values())
    order = "DESC" if newest_first else "ASC"
    query = f"{_SELECT} WHERE {' AND '.join(terms)} ORDER BY id {order} LIMIT ?"
    rows = conn.execute(query, (*values, limit))
    return [record_of(row) for row in rows]


def _extract(field: str) -> str:
    if not _FIELD.fullmatch(field):
        raise RefusedInput(f"not a payload field: {field!r}")
    return f"json_extract(json, '$.{field}')"
