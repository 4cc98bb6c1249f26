"""Streams of numbers that ended: a vehicle's older incarnations (sync rule 6)."""

from sqlalchemy import Connection, func, select

from cloud_hospital.store.locks import insert_new
from cloud_hospital.store.tables import arrivals, closed_streams


def close_stream(connection: Connection, vehicle: str, incarnation: int, last_seq: int, at_ms: int) -> None:
    """End a stream at the last number seen, or at `last_seq` where the vehicle itself knows of more. Idempotent."""
    query = select(func.coalesce(func.max(arrivals.c.seq), 0)).where(
        arrivals.c.vehicle == vehicle, arrivals.c.incarnation == incarnation
    )
    seen = int(connection.execute(query).scalar_one())
    row: dict[str, object] = {
        "vehicle": vehicle,
        "incarnation": incarnation,
        "last_seq": max(seen, last_seq),
        "closed_at": at_ms,
    }
    insert_new(connection, closed_streams, row)


def is_beyond_the_end(connection: Connection, vehicle: str, incarnation: int, seq: int) -> bool:
    """Whether this number was used after its stream had been closed: by a clone, or before the disk was lost."""
    query = select(closed_streams.c.last_seq).where(
        closed_streams.c.vehicle == vehicle, closed_streams.c.incarnation == incarnation
    )
    last = connection.execute(query).scalar_one_or_none()
    return last is not None and seq > last
