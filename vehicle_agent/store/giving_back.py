"""What came down, as a record that goes up: for a hospital that was restored and forgot it (sync rule 3)."""

from datetime import datetime

from clinic_records.ids import RecordId
from clinic_records.record import Kind, Lane
from vehicle_agent.store.driver import Connection
from vehicle_agent.store.incoming import Incoming, Pending
from vehicle_agent.store.records import current, put_record
from vehicle_agent.store.store import Store


def give_back(store: Store, down: Incoming, item: Pending, now: datetime) -> None:
    """Record one envelope of the way down for the hospital, once; durable on return.

    Raises:
        RefusedInput: its file was changed, or it is larger than a record may be.
        OSError: its file is gone.
    """
    thing = down.give_back(item)

    def job(conn: Connection) -> None:
        if current(conn, Kind.RETURNED, item.wire_sha256) is not None:  # a crash came before it was noted
            return
        put_record(
            conn,
            record_id=RecordId(item.wire_sha256),
            kind=Kind.RETURNED,
            lane=Lane.P2,
            payload=thing,
            author=None,
            recorded_at=now,
        )

    store.write(job)
