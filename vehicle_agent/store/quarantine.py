"""Quarantine: what could not be taken, with its raw bytes, a reason, and a task until a person has looked (law 6)."""

from datetime import datetime

import msgspec

from clinic_records.ids import BlobHash
from vehicle_agent.store.driver import Connection


class Quarantined(msgspec.Struct, frozen=True):
    """One thing set aside. `meta` is what came with it (a Delivery as bytes ...)."""

    id: int
    at: datetime
    source: str
    reason: str
    blob: BlobHash
    meta: bytes
    open: bool


def quarantine(conn: Connection, *, at: datetime, source: str, reason: str, blob: BlobHash, meta: bytes = b"") -> int:
    """Set aside a kept blob; the same blob of the same source and reason again is the same task."""
    raise NotImplementedError


def list_quarantine(conn: Connection, *, only_open: bool = True, limit: int = 200) -> list[Quarantined]:
    """What was set aside, newest first."""
    raise NotImplementedError


def close_quarantine(conn: Connection, task: int) -> None:
    """A person has looked."""
    raise NotImplementedError
