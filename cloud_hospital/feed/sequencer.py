"""Dense numbers for the county, handed out after commit by one sequencer at a time (sync rule 9).

A serial column is taken before its transaction commits, so a reader behind a cursor misses rows that commit late.
Here only committed rows of `feed_pending` are seen, one sequencer works under a lock, and its own commit makes number
and row visible together.
"""

from typing import Final

from sqlalchemy import Connection, Engine, delete, func, insert, select, text

from cloud_hospital.store.engine import is_postgresql, writing
from cloud_hospital.store.tables import feed, feed_pending

_ADVISORY_KEY: Final = 0x4D43_0002
"""Our own number for "sequencing the feed"; SQLite's writer is alone anyway."""
BATCH: Final = 1000
"""Rows numbered in one transaction."""


def sequence(engine: Engine) -> int:
    """Number everything committed so far; how many rows."""
    total = 0
    while True:
        with writing(engine) as connection:
            if is_postgresql(engine):
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_KEY})
            done = _sequence_some(connection)
        total += done
        if done < BATCH:
            return total


def _sequence_some(connection: Connection) -> int:
    query = select(feed_pending.c.n, feed_pending.c.entry).order_by(feed_pending.c.n).limit(BATCH)
    pending = connection.execute(query).all()
    if not pending:
        return 0
    last = connection.execute(select(func.coalesce(func.max(feed.c.feed_seq), 0))).scalar_one()
    rows = [{"feed_seq": last + place, "entry": row.entry} for place, row in enumerate(pending, start=1)]
    connection.execute(insert(feed), rows)
    connection.execute(delete(feed_pending).where(feed_pending.c.n.in_([row.n for row in pending])))
    return len(rows)
