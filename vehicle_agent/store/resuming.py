"""After a restoration: the box asks for its own newer records, and until they are here only what is new may be written.

A change to an older thing would be made from a version that is perhaps not the last one (sync rule 6). What is urgent
is written all the same (law 8): the hospital keeps both where two contents bear one revision.
"""

from typing import Final

import msgspec

from clinic_records.errors import Conflict, Hint
from clinic_records.record import Lane, Record
from clinic_records.resumption import StreamEnd
from vehicle_agent.store.driver import Connection
from vehicle_agent.store.settings import get_setting, put_setting

KEY: Final = "resuming"
_WAIT: Final = Hint(
    "本车数据恢复过，旧记录要等医院发回才能改；请新建诊次。",
    "This box was restored: what is older can be changed once the hospital has sent it back. Begin a new encounter.",
)


class Resuming(msgspec.Struct, frozen=True):
    """One life after a restoration: its question, and how much of the answer is here.

    Attributes:
        resumed: the question's id; empty while it is not asked.
        parts: of the answer; 0 until the first one comes.
        here: numbers of those merged.
        records: how many came back so far that were not here.
    """

    incarnation: int
    resumed: str = ""
    parts: int = 0
    here: tuple[int, ...] = ()
    records: int = 0

    @property
    def is_whole(self) -> bool:
        """Whether everything asked for has come."""
        return 0 < self.parts <= len(self.here)


def resuming(conn: Connection) -> Resuming | None:
    """The newest life; None where this box was never restored nor enrolled again."""
    raw = get_setting(conn, KEY)
    return None if raw is None else msgspec.json.decode(raw, type=Resuming)


def save_resuming(conn: Connection, state: Resuming) -> None:
    """Replace it, in the caller's transaction."""
    put_setting(conn, KEY, msgspec.json.encode(state))


def streams_before(conn: Connection, incarnation: int) -> tuple[StreamEnd, ...]:
    """How far this box had counted in each incarnation before this one."""
    rows = conn.execute("SELECT incarnation, last_seq FROM streams WHERE incarnation < ? ORDER BY 1", (incarnation,))
    return tuple(StreamEnd(*row) for row in rows)


def must_be_the_last_version(conn: Connection, before: Record, lane: Lane) -> None:
    """Return if `before` may be changed.

    Raises:
        Conflict: it was made before the restoration, and what is newer has not come back yet.
    """
    state = None if lane is Lane.P0 else resuming(conn)
    if state is None or state.is_whole or before.origin.incarnation >= state.incarnation:
        return
    if conn.execute("SELECT 1 FROM streams WHERE vehicle = ?", (before.origin.vehicle,)).fetchone():
        raise Conflict(f"{before.kind} {before.id} was made before this box was restored", hint=_WAIT)
