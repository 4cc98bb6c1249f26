"""Urgent recordings on their way to a pair of eyes: sent, received by the hospital, and seen by a named person.

A receipt says that the hospital's machine has it, never that anybody looked (law 6). What nobody has seen for two
minutes is to be phoned; the numbers are on the vehicle.
"""

from datetime import datetime, timedelta
from typing import Final

import msgspec

from clinic_records.care import Recording
from clinic_records.clock import from_ms, to_ms
from clinic_records.consult import Seen
from clinic_records.errors import NotFound
from clinic_records.people import Author
from clinic_records.record import Kind, Lane
from vehicle_agent.store.audit import add_entry
from vehicle_agent.store.driver import Connection
from vehicle_agent.store.records import list_current
from vehicle_agent.store.settings import get_setting, put_setting
from vehicle_agent.visits.versions import find
from vehicle_agent.visits.views import UrgentView
from vehicle_agent.visits.ways import WAYS, ways

UNSEEN_S: Final = 120.0
"""Law 6: unseen for so long, and the page says to phone."""
SHOWN: Final = timedelta(hours=24)
"""How long an urgent one that was phoned about stays on the pages; one that was seen goes an hour after it was. One
that nobody has seen and nobody has phoned about stays however old it is (law 6)."""
SEEN_SHOWN: Final = timedelta(hours=1)
_PHONED: Final = "urgent.phoned."
_CONCERNING: Final = f"""
SELECT id, min(recorded_at) FROM outbox AS o
WHERE o.kind = '{Kind.RECORDING}' AND o.lane = '{Lane.P0}' AND (o.recorded_at > ? OR NOT (
    EXISTS (SELECT 1 FROM records AS s WHERE s.kind = '{Kind.SEEN}' AND json_extract(s.json, '$.thing') = o.id)
    OR EXISTS (SELECT 1 FROM settings WHERE key = '{_PHONED}' || o.id)))
GROUP BY id ORDER BY 2
"""  # noqa: S608  literals of this package, so that the index of urgent ones serves


class Phoned(msgspec.Struct, frozen=True):
    """Somebody was reached by phone about an urgent recording."""

    recording: str
    by: Author
    at: datetime
    note: str


def urgent(conn: Connection, now: datetime, sending: frozenset[str]) -> list[UrgentView]:
    """Everything marked urgent that still concerns the nurse, oldest first.

    Args:
        conn: any connection of the store.
        now: the vehicle's time.
        sending: wire hashes under way just now.
    """
    rows = conn.execute(_CONCERNING, (to_ms(now - SHOWN),)).fetchall()
    views = [_view(conn, recording, from_ms(marked), now, sending) for recording, marked in rows]
    return [view for view in views if view is not None and (view.seen_at is None or now - view.seen_at < SEEN_SHOWN)]


def seen_of(conn: Connection, thing: str) -> Seen | None:
    """The first person at the hospital who has seen it."""
    found = [
        msgspec.json.decode(record.payload, type=Seen)
        for record in list_current(conn, Kind.SEEN, where={"thing": thing, "kind": Kind.RECORDING.value})
    ]
    return min(found, key=lambda seen: seen.at, default=None)


def phoned(conn: Connection, recording: str, note: str, by: Author, at: datetime) -> None:
    """A person was reached by phone: the page stops asking, and it is written down who and when.

    Raises:
        NotFound: no such recording.
    """
    if find(conn, Recording, recording) is None:
        raise NotFound(f"no recording {recording[:80]} on this vehicle")
    entry = msgspec.json.encode(Phoned(recording, by, at, note.strip()))
    put_setting(conn, _PHONED + recording, entry)
    add_entry(conn, "phoned", entry, at)


def _view(
    conn: Connection, recording_id: str, at: datetime, now: datetime, sending: frozenset[str]
) -> UrgentView | None:
    version = find(conn, Recording, recording_id)
    if version is None or not version.thing.urgent:
        return None
    found = version.thing
    raw = found.reading.raw.sha256
    far = ways(conn, [recording_id, raw], sending)
    seen, kept = seen_of(conn, recording_id), get_setting(conn, _PHONED + recording_id)
    call = msgspec.json.decode(kept, type=Phoned) if kept else None
    age_s = max(0.0, (now - at).total_seconds())
    return UrgentView(
        recording=recording_id,
        encounter=found.binding.encounter if found.binding else "",
        patient_name=found.patient.name if found.patient else "",
        modality=found.reading.modality,
        at=at,
        age_s=age_s,
        way=min((far.get(recording_id, "queued"), far.get(raw, "queued")), key=WAYS.index),
        seen_by=seen.by.name if seen else "",
        seen_at=seen.at if seen else None,
        phoned_by=call.by.name if call else "",
        needs_call=seen is None and call is None and age_s >= UNSEEN_S,
    )
