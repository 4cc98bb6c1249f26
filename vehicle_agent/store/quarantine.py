"""Quarantine: what could not be taken, with its raw bytes, a reason, and a task until a person has looked (law 6)."""

from datetime import datetime

import msgspec

from clinic_records.clock import from_ms, to_ms
from clinic_records.errors import NotFound
from clinic_records.ids import BlobHash
from vehicle_agent.store.driver import Connection


class Quarantined(msgspec.Struct, frozen=True):
    """One thing set aside. `meta` is what came with it (a Delivery as bytes ...)."""

    task: int
    at: datetime
    source: str
    reason: str
    blob: BlobHash
    meta: bytes
    is_open: bool


def quarantine(conn: Connection, *, at: datetime, source: str, reason: str, blob: BlobHash, meta: bytes = b"") -> int:
    """Set aside a kept blob and return its task; the same blob, source and reason again is the same task, open again.

    Raises:
        NotFound: the blob was never kept, so its raw bytes would be lost.
    """
    if conn.execute("SELECT 1 FROM blobs WHERE sha256 = ?", (blob,)).fetchone() is None:
        raise NotFound(f"blob {blob} was never kept on this vehicle")
    conn.execute(
        "INSERT INTO quarantine (at, source, reason, blob, meta) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (source, reason, blob) DO UPDATE SET is_open = 1, at = excluded.at",
        (to_ms(at), source, reason, blob, meta),
    )
    row = conn.execute(
        "SELECT id FROM quarantine WHERE source = ? AND reason = ? AND blob = ?", (source, reason, blob)
    ).fetchone()
    return int(row[0])


def list_quarantine(conn: Connection, *, only_open: bool = True, limit: int = 200) -> list[Quarantined]:
    """What was set aside, newest first."""
    rows = conn.execute(
        "SELECT id, at, source, reason, blob, meta, is_open FROM quarantine"
        " WHERE is_open >= ? ORDER BY id DESC LIMIT ?",
        (int(only_open), limit),
    )
    return [_quarantined(row) for row in rows]


def find_quarantine(conn: Connection, task: int) -> Quarantined:
    """One task.

    Raises:
        NotFound: there is none of this number.
    """
    row = conn.execute(
        "SELECT id, at, source, reason, blob, meta, is_open FROM quarantine WHERE id = ?", (task,)
    ).fetchone()
    if row is None:
        raise NotFound(f"no quarantine task {task}")
    return _quarantined(row)


def _quarantined(row: tuple[int, int, str, str, str, bytes, int]) -> Quarantined:
    task, at, source, reason, blob, meta, is_open = row
    return Quarantined(task, from_ms(at), source, reason, BlobHash(blob), bytes(meta), bool(is_open))


def close_quarantine(conn: Connection, task: int) -> None:
    """A person has looked.

    Raises:
        NotFound: no such task.
    """
    if conn.execute("UPDATE quarantine SET is_open = 0 WHERE id = ?", (task,)).rowcount == 0:
        raise NotFound(f"no quarantine task {task}")


def close_understood(conn: Connection, blob: BlobHash) -> None:
    """These bytes were understood after all: the device's tasks about them are done."""
    conn.execute("UPDATE quarantine SET is_open = 0 WHERE blob = ? AND is_open = 1 AND source <> 'hospital'", (blob,))
