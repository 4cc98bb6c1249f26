"""One pull of the county: rows behind its cursor, the next cursor, and what is still missing."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Row, select

from clinic_records.care import Encounter, Recording, Stop
from clinic_records.ids import EncounterId
from clinic_records.people import Patient
from clinic_records.record import Kind
from cloud_hospital.feed.completeness import VehicleStatement, statements
from cloud_hospital.feed.county import CountyRow, Fed, county_row, is_counted, pseudonyms
from cloud_hospital.feed.cursor import Cursor, check_cursor, parse_cursor
from cloud_hospital.feed.sequencer import sequence
from cloud_hospital.feed.things import newest
from cloud_hospital.hospital import Hospital
from cloud_hospital.intake.payloads import decode_payload
from cloud_hospital.store.engine import reading
from cloud_hospital.store.tables import entries, entry_blobs, feed, latest
from cloud_hospital.tokens import Purpose

MAX_LIMIT: Final = 5000
"""Rows of one pull."""


class Pull(msgspec.Struct, frozen=True):
    """The answer to one pull.

    Attributes:
        next: the cursor for the next pull.
        has_more: rows wait behind `next` already.
        statement: what each vehicle still owes, as known when the rows were read.
    """

    rows: list[CountyRow]
    next: str
    has_more: bool
    statement: list[VehicleStatement]


def pull(hospital: Hospital, since: str, limit: int, purpose: Purpose) -> Pull:
    """Rows behind `since`, at most `limit`, as this purpose may see them.

    Raises:
        RefusedInput: `since` is no cursor.
        StaleCursor: it is of a feed restored since.
    """
    sequence(hospital.engine)
    epoch = hospital.log.current()
    cursor = parse_cursor(since, epoch)
    with reading(hospital.engine) as connection:
        check_cursor(connection, cursor, epoch)
        fed = _fed(connection, cursor.feed_seq, min(limit, MAX_LIMIT))
        last = fed[-1].feed_seq if fed else cursor.feed_seq
        has_more = (
            connection.execute(select(feed.c.feed_seq).where(feed.c.feed_seq > last).limit(1)).first() is not None
        )
        statement = statements(connection)
    alias = pseudonyms(hospital.keys.pseudonym, purpose)
    rows = [county_row(each, purpose, alias) for each in fed]
    return Pull(rows, str(Cursor(epoch, last)), has_more, statement)


def _fed(connection: Connection, after: int, limit: int) -> list[Fed]:
    query = (
        select(feed.c.feed_seq, entries)
        .join(entries, entries.c.n == feed.c.entry)
        .where(feed.c.feed_seq > after)
        .order_by(feed.c.feed_seq)
        .limit(limit)
    )
    rows = connection.execute(query).all()
    things = [decode_payload(row.kind, row.payload) for row in rows]
    recordings = [thing for thing in things if isinstance(thing, Recording)]
    bound = [each.binding.encounter for each in recordings if each.binding]
    encounters = newest(connection, Kind.ENCOUNTER, Encounter, bound)
    for each in recordings:
        if each.encounter is not None:
            encounters.setdefault(each.encounter.id, each.encounter)
    shown = [*encounters.values(), *(thing for thing in things if isinstance(thing, Encounter))]
    stops = newest(connection, Kind.STOP, Stop, [each.stop for each in shown])
    patients = newest(connection, Kind.PATIENT, Patient, _patient_ids(things))
    for each in recordings:
        if each.patient is not None:
            patients.setdefault(each.patient.id, each.patient)
    with_ecg = _with_ecg(connection, [thing.id for thing in things if isinstance(thing, Encounter)])
    blobs = _blobs(connection, [row.n for row in rows])
    return [
        _one(row, thing, encounters, stops, patients, with_ecg, blobs.get(row.n, ()))
        for row, thing in zip(rows, things, strict=True)
        if isinstance(thing, Encounter | Recording)
    ]


def _one(
    row: Row[Any],
    thing: Encounter | Recording,
    encounters: dict[str, Encounter],
    stops: dict[str, Stop],
    patients: dict[str, Patient],
    with_ecg: frozenset[str],
    blobs: tuple[str, ...],
) -> Fed:
    encounter: Encounter | None
    if isinstance(thing, Encounter):
        encounter, patient_id = thing, thing.patient
    elif thing.binding is not None:
        encounter, patient_id = encounters.get(thing.binding.encounter), thing.binding.patient
    else:
        encounter, patient_id = None, None
    return Fed(
        feed_seq=row.feed_seq,
        vehicle=row.vehicle,
        id=row.id,
        revision=row.revision,
        blobs=blobs,
        thing=thing,
        encounter=encounter,
        stop=stops.get(encounter.stop) if encounter else None,
        patient=patients.get(patient_id) if patient_id else None,
        has_ecg=encounter is not None and encounter.id in with_ecg,
    )


def _patient_ids(things: Sequence[object]) -> list[str]:
    ids = [str(thing.patient) for thing in things if isinstance(thing, Encounter)]
    return ids + [str(each.binding.patient) for each in things if isinstance(each, Recording) and each.binding]


def _with_ecg(connection: Connection, ids: Sequence[EncounterId]) -> frozenset[str]:
    """Encounters among `ids` with an ECG that counts, as of now."""
    query = (
        select(latest.c.encounter, entries.c.payload)
        .join(entries, entries.c.n == latest.c.entry)
        .where(latest.c.kind == Kind.RECORDING.value, latest.c.encounter.in_(sorted(set(ids))))
    )
    found = set()
    for row in connection.execute(query):
        thing = decode_payload(Kind.RECORDING, row.payload)
        if isinstance(thing, Recording) and thing.reading.modality == "ecg" and is_counted(thing):
            found.add(row.encounter)
    return frozenset(found)


def _blobs(connection: Connection, rows: Sequence[int]) -> dict[int, tuple[str, ...]]:
    query = select(entry_blobs.c.entry, entry_blobs.c.sha256).where(entry_blobs.c.entry.in_(sorted(set(rows))))
    found: dict[int, tuple[str, ...]] = {}
    for row in connection.execute(query.order_by(entry_blobs.c.entry, entry_blobs.c.sha256)):
        found[row.entry] = (*found.get(row.entry, ()), row.sha256)
    return found
