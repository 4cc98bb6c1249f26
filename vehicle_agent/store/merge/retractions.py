"""Tombstones: what the hospital has taken back, whether it came before or comes after (sync rule 2)."""

from collections.abc import Mapping
from typing import Final

import msgspec

from clinic_records.consult import Retraction
from clinic_records.errors import RefusedInput
from clinic_records.record import Kind, Record
from vehicle_agent.store.driver import Connection
from vehicle_agent.store.merge.rule import Merging
from vehicle_agent.store.records import put_foreign

RETRACTABLE: Final = frozenset({Kind.ANSWER, Kind.RECALL, Kind.PRESCRIPTION})


def retract(conn: Connection, record: Record, merging: Merging) -> tuple[str, ...]:
    """Keep the retraction and its tombstone; the thing itself, here or still to come, stays as it was sent."""
    del merging
    found = msgspec.json.decode(record.payload, type=Retraction)
    if found.kind not in RETRACTABLE:
        raise RefusedInput(f"a {found.kind[:32]} cannot be taken back, only {', '.join(sorted(RETRACTABLE))}")
    put_foreign(conn, record)
    conn.execute(
        "INSERT INTO tombstones (kind, id, retraction) VALUES (?, ?, ?) ON CONFLICT (kind, id) DO NOTHING",
        (found.kind, found.thing, record.id),
    )
    return ()


def tombstones(conn: Connection) -> Mapping[tuple[str, str], str]:
    """(kind, id) of everything taken back -> the id of its retraction."""
    rows = conn.execute("SELECT kind, id, retraction FROM tombstones")
    return {(kind, thing): retraction for kind, thing, retraction in rows}


def is_retracted(conn: Connection, kind: Kind, thing: str) -> bool:
    """Whether it was taken back."""
    found = conn.execute("SELECT 1 FROM tombstones WHERE kind = ? AND id = ?", (kind, thing)).fetchone()
    return found is not None
