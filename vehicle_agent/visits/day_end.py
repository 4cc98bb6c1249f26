"""What makes the end of a day provable: the head of the audit goes up, and the day is said to be closed again."""

from typing import Final

import msgspec

from clinic_records.audit import AuditHead
from clinic_records.record import Kind
from sync.messages.table import MESSAGES
from vehicle_agent.store.audit import current_head
from vehicle_agent.store.driver import Connection
from vehicle_agent.store.records import list_current, put_record
from vehicle_agent.visits.versions import Act

_LANE: Final = MESSAGES[Kind.AUDIT_HEAD].lane


def put_audit_head(conn: Connection, new_id: str, act: Act) -> bool:
    """Let the hospital witness the newest entry of the audit; False where it was sent up already."""
    head = current_head(conn)
    last = list_current(conn, Kind.AUDIT_HEAD, newest_first=True, limit=1)
    if head is None or (last and msgspec.json.decode(last[0].payload, type=AuditHead) == head):
        return False
    put_record(
        conn,
        record_id=new_id,
        kind=Kind.AUDIT_HEAD,
        lane=_LANE,
        payload=head,
        author=act.author,
        recorded_at=act.now,
    )
    return True
