"""People of the next villages: each part is merged by itself, so search finds whoever has come."""

from datetime import datetime
from typing import NamedTuple

import msgspec

from clinic_records.clock import from_ms, to_ms
from clinic_records.errors import BadFrame, Conflict
from clinic_records.ids import RecordId
from clinic_records.patient_slice import PatientSlice, SlicePerson
from clinic_records.people import Patient
from clinic_records.record import Kind, Lane, Record
from sync.messages.table import decode_payload
from vehicle_agent.store.driver import Connection
from vehicle_agent.store.merge.rule import Merging
from vehicle_agent.store.records import put_foreign


class VillageSlice(NamedTuple):
    """How much of a village has come: parts of how many, how many people, and as of when (the oldest part)."""

    village: str
    month: str
    parts_here: int
    parts: int
    people: int
    as_of: datetime


def merge_slice(conn: Connection, record: Record, merging: Merging) -> tuple[str, ...]:
    """Keep every person's version that is not here; one that contradicts ours is told and ours stays (law 4).

    Raises:
        BadFrame: a person in it is none, or another than it says.
    """
    del merging
    found = msgspec.json.decode(record.payload, type=PatientSlice)
    people = [_record_of(person) for person in found.people]
    doubts = tuple(filter(None, (_keep(conn, person) for person in people)))
    conn.execute(
        "INSERT INTO slices (village, month, part, parts, people, as_of, revision) VALUES (?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (village, month, part) DO UPDATE SET parts = excluded.parts, people = excluded.people,"
        " as_of = excluded.as_of, revision = excluded.revision WHERE excluded.revision > slices.revision",
        (found.village, found.month, found.part, found.parts, len(people), to_ms(found.as_of), record.revision),
    )
    return doubts


def village_slices(conn: Connection) -> list[VillageSlice]:
    """Villages of the newest month that has come for each."""
    rows = conn.execute(
        "SELECT village, month, count(*), max(parts), sum(people), min(as_of) FROM slices AS s WHERE month ="
        " (SELECT max(month) FROM slices WHERE village = s.village) GROUP BY village, month ORDER BY village"
    )
    return [
        VillageSlice(village, month, here, parts, people, from_ms(as_of))
        for village, month, here, parts, people, as_of in rows
    ]


def _record_of(person: SlicePerson) -> Record:
    payload = person.payload.encode()
    thing = decode_payload(Kind.PATIENT, payload)
    if not isinstance(thing, Patient) or thing.id != person.id or person.revision < 1:
        raise BadFrame(f"slice: the version of person {person.id} is of another person", raw=payload)
    return Record(
        id=RecordId(person.id),
        revision=person.revision,
        kind=Kind.PATIENT,
        lane=Lane.P2,
        payload=payload,
        origin=person.origin,
        author=person.author,
        recorded_at=person.recorded_at,
        prev_hash=person.prev_hash,
    )


def _keep(conn: Connection, person: Record) -> str:
    """Empty, or what a person must look at."""
    try:
        put_foreign(conn, person)
    except Conflict as error:
        return str(error)
    return ""
