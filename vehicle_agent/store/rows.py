"""Rows of the records table and Record structs, one into the other."""

from typing import Any, Final

import msgspec

from clinic_records.clock import Origin, from_ms, to_ms
from clinic_records.ids import BlobHash, RecordId
from clinic_records.people import Author
from clinic_records.record import Kind, Lane, Record
from vehicle_agent.store.driver import Connection

COLUMNS: Final = (
    "kind, id, revision, lane, payload, prev_hash, vehicle, incarnation, seq, recorded_at, author, blobs, sha256"
)


def author_text(author: Author | None) -> str | None:
    """An author as the JSON text of a column."""
    return None if author is None else msgspec.json.encode(author).decode()


def author_of(text: str | None) -> Author | None:
    """The other way."""
    return None if text is None else msgspec.json.decode(text, type=Author)


def record_of(row: tuple[Any, ...]) -> Record:
    """A Record from a row of COLUMNS."""
    return Record(
        kind=Kind(row[0]),
        id=RecordId(row[1]),
        revision=row[2],
        lane=Lane(row[3]),
        payload=bytes(row[4]),
        prev_hash=row[5],
        origin=Origin(row[6], row[7], row[8]),
        recorded_at=from_ms(row[9]),
        author=author_of(row[10]),
        blobs=msgspec.json.decode(row[11], type=tuple[BlobHash, ...]),
    )


def insert_record(conn: Connection, record: Record, *, is_current: bool) -> None:
    """Add one version; an older current one steps back first."""
    if is_current:
        conn.execute(
            "UPDATE records SET is_current = 0 WHERE kind = ? AND id = ? AND is_current = 1", (record.kind, record.id)
        )
    conn.execute(
        f"INSERT INTO records ({COLUMNS}, is_current) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608  COLUMNS is a constant
        (
            record.kind.value,
            record.id,
            record.revision,
            record.lane.value,
            record.payload,
            record.prev_hash,
            record.origin.vehicle,
            record.origin.incarnation,
            record.origin.seq,
            to_ms(record.recorded_at),
            author_text(record.author),
            msgspec.json.encode(record.blobs).decode(),
            record.sha256,
            int(is_current),
        ),
    )
