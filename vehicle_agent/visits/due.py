"""Whom the next stop should see: people recalled by the hospital, and people told to come again."""

from datetime import date, datetime
from typing import NamedTuple

import msgspec

from clinic_records.care import Encounter
from clinic_records.clock import CHINA
from clinic_records.consult import Recall, RecallLevel
from clinic_records.people import Patient
from clinic_records.record import Kind
from vehicle_agent.store.driver import Connection
from vehicle_agent.store.merge.retractions import tombstones
from vehicle_agent.store.records import list_current
from vehicle_agent.visits.encounters import VOID
from vehicle_agent.visits.versions import find, listed

MOST = 5000
"""Encounters and recalls looked at: more than a vehicle sees in its retention window. Our choice."""
_ORDER = (RecallLevel.NOW, RecallLevel.TODAY, RecallLevel.ROUTINE, RecallLevel.NONE)


class Due(NamedTuple):
    """One person with every reason to be seen.

    Attributes:
        level: the most urgent recall; `none` where there is only a follow-up.
        due_on: the day of the follow-up; None where there is only a recall.
        reason: of the recall, or of the encounter that asked for the follow-up.
        since: when it was asked for.
    """

    patient: Patient
    level: RecallLevel
    due_on: date | None
    reason: str
    since: datetime


def due_at(conn: Connection, village: str, day: date) -> list[Due]:
    """Who is due at a village by `day` and was not seen since it was asked for, the most urgent first.

    A person whose village nobody wrote down stands on every list. What the vehicle does not have it cannot list: people
    and encounters of other vehicles come only as far as the hospital sent them.
    """
    encounters = [one.thing for one in listed(conn, Encounter, limit=MOST) if one.thing.status not in VOID]
    last_seen: dict[str, datetime] = {}
    for seen in encounters:
        last_seen[seen.patient] = max(last_seen.get(seen.patient, seen.started_at), seen.started_at)
    asked: dict[str, Due] = {}
    for one in encounters:
        is_due = one.follow_up_on is not None and one.follow_up_on <= day
        if is_due and last_seen[one.patient] == one.started_at:
            _add(conn, asked, one.patient, RecallLevel.NONE, one.follow_up_on, one.reason, one.started_at)
    graves = tombstones(conn)
    for record in list_current(conn, Kind.RECALL, limit=MOST):
        recall = msgspec.json.decode(record.payload, type=Recall)
        if (Kind.RECALL, recall.id) not in graves and not _is_seen_after(last_seen, recall):
            _add(conn, asked, recall.patient, recall.level, None, recall.reason, recall.at, recall.person)
    found = [due for due in asked.values() if not due.patient.village or due.patient.village.startswith(village)]
    return sorted(found, key=lambda due: (_ORDER.index(due.level), due.due_on or due.since.astimezone(CHINA).date()))


def _is_seen_after(last_seen: dict[str, datetime], recall: Recall) -> bool:
    seen = last_seen.get(recall.patient)
    return seen is not None and seen > recall.at


def _add(
    conn: Connection,
    asked: dict[str, Due],
    patient_id: str,
    level: RecallLevel,
    due_on: date | None,
    reason: str,
    since: datetime,
    person: Patient | None = None,
) -> None:
    known = find(conn, Patient, patient_id)
    patient = known.thing if known else person
    if patient is None:
        return
    before = asked.get(patient_id)
    if before is None:
        asked[patient_id] = Due(patient, level, due_on, reason, since)
        return
    first = min((before, Due(patient, level, due_on, reason, since)), key=lambda due: _ORDER.index(due.level))
    asked[patient_id] = first._replace(due_on=before.due_on or due_on)
