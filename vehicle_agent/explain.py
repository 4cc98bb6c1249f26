"""How one thing travels: its outbox rows in plain words."""

import msgspec

from vehicle_agent.store.driver import Connection
from vehicle_agent.store.outbox import rows_where


class Journey(msgspec.Struct, frozen=True):
    """One outbox row; `state` is queued, spooled, received, held or refused."""

    kind: str
    revision: int
    incarnation: int
    seq: int
    lane: str
    state: str
    size: int
    sha256: str
    wire_sha256: str


def explain(conn: Connection, thing: str) -> list[Journey]:
    """Every version of a record id or blob hash, in order; empty where nothing of that id was made here."""
    rows = sorted(rows_where(conn, "id = ?", (thing,)), key=lambda row: (row.incarnation, row.seq))
    return [
        Journey(
            kind=row.kind.value,
            revision=row.revision,
            incarnation=row.incarnation,
            seq=row.seq,
            lane=row.lane.value,
            state=row.state,
            size=row.size,
            sha256=row.sha256,
            wire_sha256=row.wire_sha256 or "",
        )
        for row in rows
    ]
