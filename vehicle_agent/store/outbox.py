"""The outbox: everything that travels has one row here, made in the transaction that made the thing (law 2).

Rows are never deleted; a receipt gives a row its last state.
"""

from clinic_records.ids import BlobHash
from clinic_records.record import Kind, Lane
from vehicle_agent.store.driver import Connection


def raise_lane(conn: Connection, kind: Kind, record_id: str, lane: Lane) -> bool:
    """Move a waiting row (kind `blob`: id = its hash) to a more urgent lane; the spool follows after the commit.

    False where it is unknown, ended, or already as urgent.
    """
    raise NotImplementedError


def outbox_states(conn: Connection, kind: Kind, ids: list[str]) -> dict[str, str]:
    """For each id, the state of its newest row: queued, spooled, received, held or refused."""
    raise NotImplementedError


def blobs_states(conn: Connection, hashes: list[BlobHash]) -> dict[str, str]:
    """The same for blobs."""
    return outbox_states(conn, Kind.BLOB, list(hashes))


class DayFigures:
    """last_seq, counts, root for a DayClosed record (see clinic_records.record.DayClosed)."""

    last_seq: int
    counts: dict[str, int]
    root: str


def day_figures(conn: Connection) -> DayFigures:
    """Figures of everything made in the current incarnation so far."""
    raise NotImplementedError
