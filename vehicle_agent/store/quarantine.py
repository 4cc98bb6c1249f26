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
    """Set aside a kept blob and return its task; the same blob of the same source and reason is the same task.

    Raises:
        NotFound: the blob was never kept, so its raw bytes would be lost.
    """
    if conn.execute("SELECT 1 FROM blobs WHERE sha256 = ?", (blob,)).fetchone() is None:
        raise NotFound(f"blob {blob} was never kept on this vehicle")
    conn.execute(
        "INSERT INTO quarantine (at, source, reason, blob, meta) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (source, reason, blob) DO NOTHING",
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
    return [
        Quarantined(task, from_ms(at), source, reason, blob, bytes(meta), bool(is_open))
        for task, at, source, reason, blob, meta, is_open in rows
    ]


def close_quarantine(conn: Connection, task: int) -> None:
    """A person has looked.

    Raises:
        NotFound: no such task.
    """
    if conn.execute("UPDATE quarantine SET is_open = 0 WHERE id = ?", (task,)).rowcount == 0:
        raise NotFound(f"no quarantine task {task}")
