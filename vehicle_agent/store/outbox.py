"""The outbox: everything that travels has one row here, made in the transaction that made the thing (law 2).

Rows are never deleted; a receipt gives a row its last state. `lane` is how urgent it is now, `spooled_lane` what
the spool was told; they differ only between a raise and the next commit's hook.
"""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from clinic_records.clock import Origin, from_ms, to_ms
from clinic_records.errors import NotFound, StoreError
from clinic_records.ids import BlobHash
from clinic_records.people import Author
from clinic_records.record import Kind, Lane, Record
from sync.ports import Receipt, Verdict
from vehicle_agent.store.driver import Connection
from vehicle_agent.store.rows import author_of, author_text

STATES: Final = {
    Verdict.APPLIED: "received",
    Verdict.DUPLICATE: "received",
    Verdict.HELD: "held",
    Verdict.REFUSED: "refused",
}
"""The state a verdict gives a row, here and in the spool."""

_COLUMNS: Final = "incarnation, seq, kind, id, revision, lane, sha256, size, recorded_at, author, state, wire_sha256"


class OutboxRow(msgspec.Struct, frozen=True):
    """One row: what must travel, and how far it is."""

    incarnation: int
    seq: int
    kind: Kind
    id: str
    revision: int
    lane: Lane
    sha256: BlobHash
    size: int
    recorded_at: datetime
    author: Author | None
    state: str
    wire_sha256: str | None


class DayFigures(msgspec.Struct, frozen=True):
    """last_seq, counts, root for a DayClosed record (see clinic_records.record.DayClosed)."""

    incarnation: int
    last_seq: int
    counts: dict[str, int]
    root: str


def begin_incarnation(conn: Connection, vehicle: str, incarnation: int) -> int:
    """Count in this incarnation from now on; a lower one than before is ignored. Returns the one in force.

    Raises:
        StoreError: the database belongs to another vehicle.
    """
    row = conn.execute("SELECT vehicle, incarnation FROM streams ORDER BY incarnation DESC LIMIT 1").fetchone()
    if row is not None and row[0] != vehicle:
        raise StoreError(f"the database belongs to vehicle {row[0]}, not to {vehicle}")
    if row is not None and row[1] >= incarnation:
        return int(row[1])
    conn.execute("INSERT INTO streams (incarnation, vehicle) VALUES (?, ?)", (incarnation, vehicle))
    return incarnation


def next_origin(conn: Connection) -> Origin:
    """The next number of the current incarnation; given back if the transaction is undone, so there is no gap."""
    row = conn.execute(
        "UPDATE streams SET last_seq = last_seq + 1 WHERE incarnation = (SELECT max(incarnation) FROM streams)"
        " RETURNING vehicle, incarnation, last_seq"
    ).fetchone()
    if row is None:
        raise StoreError("no incarnation was begun in this database")
    return Origin(*row)


def add_row(conn: Connection, record: Record, *, size: int) -> None:
    """The outbox row of a record just written."""
    _insert(conn, record.origin, record.kind, record.id, record.revision, record.lane, record.sha256, size,
            to_ms(record.recorded_at), author_text(record.author))  # fmt: skip


def is_kept(conn: Connection, sha256: BlobHash) -> bool:
    """Whether a blob's bytes are on this vehicle."""
    return conn.execute("SELECT 1 FROM blobs WHERE sha256 = ?", (sha256,)).fetchone() is not None


def add_blob(conn: Connection, sha256: BlobHash, *, lane: Lane, author: Author | None, recorded_at: datetime) -> None:
    """The outbox row of a kept blob, once; a blob that waits already is raised to `lane` where that is more urgent.

    Raises:
        NotFound: it was never kept.
    """
    kept = conn.execute("SELECT size FROM blobs WHERE sha256 = ?", (sha256,)).fetchone()
    if kept is None:
        raise NotFound(f"blob {sha256} was never kept on this vehicle")
    if conn.execute("SELECT 1 FROM outbox WHERE kind = ? AND id = ?", (Kind.BLOB, sha256)).fetchone():
        raise_lane(conn, Kind.BLOB, sha256, lane)
        return
    _insert(conn, next_origin(conn), Kind.BLOB, sha256, 1, lane, sha256, kept[0], to_ms(recorded_at),
            author_text(author))  # fmt: skip


def _insert(conn: Connection, origin: Origin, kind: Kind, *values: object) -> None:
    conn.execute(
        "INSERT INTO outbox (incarnation, seq, kind, id, revision, lane, sha256, size, recorded_at, author, state)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'queued')",
        (origin.incarnation, origin.seq, kind, *values),
    )


def raise_lane(conn: Connection, kind: Kind, record_id: str, lane: Lane) -> bool:
    """Move waiting rows of a thing (kind `blob`: id = its hash) to a more urgent lane; the spool follows after commit.

    False where it is unknown, ended, or already as urgent.
    """
    done = conn.execute(
        "UPDATE outbox SET lane = ? WHERE kind = ? AND id = ? AND lane > ?"
        " AND state IN ('queued', 'spooled', 'refused')",
        (lane, kind, record_id, lane),
    )
    return done.rowcount > 0


def mark_spooled(conn: Connection, incarnation: int, seq: int, wire_sha256: str, lane: Lane) -> None:
    """The spool has it, under this name and in this lane."""
    conn.execute(
        "UPDATE outbox SET wire_sha256 = ?, spooled_lane = ?,"
        " state = CASE state WHEN 'queued' THEN 'spooled' ELSE state END WHERE incarnation = ? AND seq = ?",
        (wire_sha256, lane, incarnation, seq),
    )


def set_verdict(conn: Connection, incarnation: int, seq: int, wire_sha256: str, receipt: Receipt | None) -> None:
    """A receipt's verdict on a row; None where the hospital was rolled back and the row is offered again."""
    conn.execute(
        "UPDATE outbox SET wire_sha256 = ?, state = ?, receipt = ? WHERE incarnation = ? AND seq = ?",
        (
            wire_sha256,
            "spooled" if receipt is None else STATES[receipt.verdict],
            None if receipt is None else msgspec.json.encode(receipt).decode(),
            incarnation,
            seq,
        ),
    )


def mark_resealed(conn: Connection, incarnation: int, seq: int, wire_sha256: str) -> None:
    """A refused row was sealed anew and lies in the spool under this name."""
    conn.execute(
        "UPDATE outbox SET wire_sha256 = ?, state = 'spooled', receipt = NULL"
        " WHERE incarnation = ? AND seq = ? AND state = 'refused'",
        (wire_sha256, incarnation, seq),
    )


def requeue(conn: Connection, keys: Iterable[tuple[int, int]]) -> None:
    """The spool no longer has these unended rows (incarnation, seq): they are to be sealed anew."""
    conn.executemany(
        "UPDATE outbox SET state = 'queued', wire_sha256 = NULL, spooled_lane = NULL, receipt = NULL"
        " WHERE incarnation = ? AND seq = ? AND state IN ('spooled', 'refused')",
        list(keys),
    )


def refusals(conn: Connection) -> dict[tuple[int, int], str]:
    """(incarnation, seq) of every refused row -> the receipt's reason."""
    rows = conn.execute("SELECT incarnation, seq, receipt FROM outbox WHERE state = 'refused' ORDER BY 1, 2")
    return {(incarnation, seq): msgspec.json.decode(receipt, type=Receipt).reason for incarnation, seq, receipt in rows}


def outbox_states(conn: Connection, kind: Kind, ids: Sequence[str]) -> dict[str, str]:
    """For each id, the state of its newest row: queued, spooled, received, held or refused."""
    rows = conn.execute(
        "SELECT id, state FROM outbox WHERE kind = ? AND id IN (SELECT value FROM json_each(?)) ORDER BY revision",
        (kind, msgspec.json.encode(list(ids)).decode()),
    )
    return dict(rows.fetchall())


def rows_where(conn: Connection, condition: str, values: Sequence[Any] = (), limit: int = 1000) -> list[OutboxRow]:
    """Rows that meet an SQL condition of this package, most urgent and oldest first."""
    query = f"SELECT {_COLUMNS} FROM outbox WHERE {condition} ORDER BY lane, incarnation, seq LIMIT ?"  # noqa: S608  literals of this package
    rows = conn.execute(query, (*values, limit))
    return [_row(*row) for row in rows]


def _row(
    incarnation: int, seq: int, kind: str, record_id: str, revision: int, lane: str, sha256: str, size: int,
    recorded_at: int, author: str | None, state: str, wire_sha256: str | None,
) -> OutboxRow:  # fmt: skip
    """One row of _COLUMNS, in their order."""
    return OutboxRow(
        incarnation=incarnation,
        seq=seq,
        kind=Kind(kind),
        id=record_id,
        revision=revision,
        lane=Lane(lane),
        sha256=BlobHash(sha256),
        size=size,
        recorded_at=from_ms(recorded_at),
        author=author_of(author),
        state=state,
        wire_sha256=wire_sha256,
    )


def day_figures(conn: Connection) -> DayFigures:
    """Figures of everything made in the current incarnation so far, blobs among them.

    `root` is SHA-256 over the content hashes as lower-case hex text, joined without a separator in order of seq.
    """
    incarnation, last_seq = conn.execute(
        "SELECT incarnation, last_seq FROM streams ORDER BY incarnation DESC LIMIT 1"
    ).fetchone()
    counts: dict[str, int] = {}
    root = hashlib.sha256()
    for kind, sha256 in conn.execute(
        "SELECT kind, sha256 FROM outbox WHERE incarnation = ? ORDER BY seq", (incarnation,)
    ):
        counts[kind] = counts.get(kind, 0) + 1
        root.update(sha256.encode())
    return DayFigures(incarnation, last_seq, counts, root.hexdigest())
