"""How far a record or a blob has travelled."""

from typing import Final

import msgspec

from vehicle_agent.store.driver import Connection
from vehicle_agent.store.outbox import rows_where

WAYS: Final = ("refused", "held", "queued", "sending", "received")
"""How far a thing may have travelled, the least far first."""


def ways(conn: Connection, ids: list[str], sending: frozenset[str]) -> dict[str, str]:
    """How far the newest version of each record or blob has travelled; a row ended stays ended."""
    wanted = msgspec.json.encode(ids).decode()
    rows = rows_where(conn, "id IN (SELECT value FROM json_each(?))", (wanted,))
    found = {}
    for row in sorted(rows, key=lambda row: row.revision):
        under_way = "sending" if row.wire_sha256 in sending else "queued"
        found[row.id] = under_way if row.state in {"queued", "spooled"} else row.state
    return found
