"""The audit journal: who did what, appended and never changed."""

from datetime import datetime

from clinic_records.clock import from_ms, to_ms
from vehicle_agent.store.driver import Connection


def add_entry(conn: Connection, topic: str, entry: bytes, at: datetime) -> None:
    """Append one entry, in the transaction of what it speaks of."""
    conn.execute("INSERT INTO audit (at, topic, entry) VALUES (?, ?, ?)", (to_ms(at), topic, entry))


def list_entries(conn: Connection, topic: str, *, limit: int = 200) -> list[tuple[datetime, bytes]]:
    """(at, entry), newest first."""
    rows = conn.execute("SELECT at, entry FROM audit WHERE topic = ? ORDER BY id DESC LIMIT ?", (topic, limit))
    return [(from_ms(at), bytes(entry)) for at, entry in rows]
