"""A restored box asks the hospital for its own newer records, once in each incarnation (sync rule 6)."""

from datetime import datetime
from typing import Final

import msgspec

from clinic_records.ids import RecordId
from clinic_records.record import Kind
from clinic_records.resumption import Resumed
from sync.messages.table import MESSAGES
from sync.ports import SessionState
from vehicle_agent.store.driver import Connection
from vehicle_agent.store.records import put_record
from vehicle_agent.store.resuming import Resuming, resuming, save_resuming, streams_before
from vehicle_agent.store.store import Store

FIRST: Final = 1
"""The incarnation of a box that was never enrolled before: it has nothing to ask for."""


def ask_back(store: Store, session: SessionState, new_id: str, now: datetime) -> Resuming | None:
    """Begin to wait, and ask as soon as the incarnation is granted and the hospital understands; durable on return.

    Returns:
        How far it is; None in a first life.
    """
    if store.incarnation == FIRST:
        return None
    state = store.read(resuming)
    is_begun = state is not None and state.incarnation == store.incarnation
    can_ask = not session.rejoin and session.peer is not None and Kind.RESUMED.value in session.peer.kinds
    if state is not None and is_begun and (state.resumed or not can_ask):
        return state

    def job(conn: Connection) -> Resuming:
        begun = Resuming(store.incarnation)
        if can_ask:
            thing = Resumed(RecordId(new_id), store.incarnation, streams_before(conn, store.incarnation))
            put_record(
                conn,
                record_id=thing.id,
                kind=Kind.RESUMED,
                lane=MESSAGES[Kind.RESUMED].lane,
                payload=thing,
                author=None,
                recorded_at=now,
            )
            begun = msgspec.structs.replace(begun, resumed=thing.id)
        save_resuming(conn, begun)
        return begun

    return store.write(job)
