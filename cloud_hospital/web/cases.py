"""What the hospital's pages show: encounters with their patient, stop and recordings, whatever of it has come."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, select

from clinic_records.care import Encounter, Recording, Stop
from clinic_records.errors import NotFound
from clinic_records.people import Patient
from clinic_records.record import Kind
from cloud_hospital.feed.inline import inline_encounters
from cloud_hospital.feed.things import newest
from cloud_hospital.intake.payloads import decode_payload
from cloud_hospital.store.tables import blobs, entries, latest

SHOWN: Final = 200
"""Encounters on the list, newest first; the county's pull has all."""


@dataclass(frozen=True, slots=True)
class ReceivedRecording:
    """A recording's newest version; `has_raw` says that its raw bytes have come."""

    recording: Recording
    vehicle: str
    has_raw: bool


@dataclass(frozen=True, slots=True)
class Case:
    """One encounter as far as it has come."""

    encounter: Encounter
    vehicle: str
    patient: Patient | None
    stop: Stop | None
    recordings: list[ReceivedRecording]


def newest_cases(connection: Connection) -> list[Case]:
    """The SHOWN newest encounters."""
    query = select(latest.c.id).where(latest.c.kind == Kind.ENCOUNTER.value).order_by(latest.c.entry.desc())
    return _cases(connection, list(connection.execute(query.limit(SHOWN)).scalars()))


def one_case(connection: Connection, encounter: str) -> Case:
    """One encounter, also while it is known only from an urgent recording of it.

    Raises:
        NotFound: neither has come.
    """
    found = _cases(connection, [encounter])
    if not found:
        raise NotFound(f"encounter {encounter[:64]} has not come")
    return found[0]


def unbound_recordings(connection: Connection) -> list[ReceivedRecording]:
    """Recordings that belong to nobody yet, newest first."""
    query = (
        select(latest.c.vehicle, entries.c.payload)
        .join(entries, entries.c.n == latest.c.entry)
        .where(latest.c.kind == Kind.RECORDING.value, latest.c.encounter.is_(None))
        .order_by(latest.c.entry.desc())
        .limit(SHOWN)
    )
    return _received(connection, [(row.vehicle, row.payload) for row in connection.execute(query)])


def one_recording(connection: Connection, recording: str) -> ReceivedRecording:
    """One recording's newest version.

    Raises:
        NotFound: it has not come.
    """
    query = (
        select(latest.c.vehicle, entries.c.payload)
        .join(entries, entries.c.n == latest.c.entry)
        .where(latest.c.kind == Kind.RECORDING.value, latest.c.id == recording)
    )
    found = _received(connection, [(row.vehicle, row.payload) for row in connection.execute(query)])
    if not found:
        raise NotFound(f"recording {recording[:64]} has not come")
    return found[0]


def _cases(connection: Connection, ids: list[str]) -> list[Case]:
    encounters = newest(connection, Kind.ENCOUNTER, Encounter, ids)
    query = select(latest.c.id, latest.c.vehicle).where(latest.c.kind == Kind.ENCOUNTER.value, latest.c.id.in_(ids))
    of: dict[str, str] = {row.id: row.vehicle for row in connection.execute(query)}
    for id_, inline in inline_encounters(connection, [each for each in ids if each not in encounters]).items():
        encounters[id_], of[id_] = inline.encounter, inline.vehicle
    patients = newest(connection, Kind.PATIENT, Patient, [each.patient for each in encounters.values()])
    stops = newest(connection, Kind.STOP, Stop, [each.stop for each in encounters.values()])
    query = (
        select(latest.c.vehicle, entries.c.payload)
        .join(entries, entries.c.n == latest.c.entry)
        .where(latest.c.kind == Kind.RECORDING.value, latest.c.encounter.in_(list(encounters)))
        .order_by(latest.c.entry)
    )
    recordings: dict[str, list[ReceivedRecording]] = {}
    for each in _received(connection, [(row.vehicle, row.payload) for row in connection.execute(query)]):
        if each.recording.binding is not None:
            recordings.setdefault(each.recording.binding.encounter, []).append(each)
    return [
        Case(
            encounters[id_],
            of[id_],
            patients.get(encounters[id_].patient) or _inline_patient(recordings.get(id_, [])),
            stops.get(encounters[id_].stop),
            recordings.get(id_, []),
        )
        for id_ in ids
        if id_ in encounters
    ]


def _inline_patient(recordings: list[ReceivedRecording]) -> Patient | None:
    return next((each.recording.patient for each in recordings if each.recording.patient), None)


def _received(connection: Connection, rows: list[tuple[str, bytes]]) -> list[ReceivedRecording]:
    things = [(vehicle, decode_payload(Kind.RECORDING, payload)) for vehicle, payload in rows]
    found = [(vehicle, thing) for vehicle, thing in things if isinstance(thing, Recording)]
    hashes = [thing.reading.raw.sha256 for _, thing in found]
    query = select(blobs.c.vehicle, blobs.c.sha256).where(blobs.c.sha256.in_(hashes))
    here = {(row.vehicle, row.sha256) for row in connection.execute(query)}
    return [ReceivedRecording(thing, vehicle, (vehicle, thing.reading.raw.sha256) in here) for vehicle, thing in found]
