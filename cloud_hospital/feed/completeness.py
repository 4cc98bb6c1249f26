"""What each vehicle still owes the hospital, said from what is known and never from what is hoped (sync rule 8)."""

import hashlib
from dataclasses import dataclass
from typing import Final

import msgspec
from sqlalchemy import Connection, func, select

from clinic_records.clock import from_ms
from clinic_records.record import DayClosed, Kind
from cloud_hospital.intake.payloads import decode_payload
from cloud_hospital.store.tables import arrivals, blobs, entries, entry_blobs, latest, vehicles

MAX_LISTED: Final = 200
"""Gaps and hashes listed by name for one vehicle; the counts are always exact."""


class VehicleStatement(msgspec.Struct, frozen=True):
    """One vehicle's completeness.

    Attributes:
        last_contact: when it was last heard, ISO 8601 UTC; empty = never.
        high_water: the highest number known of its newest stream.
        missing_seqs: how many numbers below have not come; `missing` lists them as [incarnation, first, last].
        is_day_closed: its newest known record is a signed end of the day, so nothing hides behind it.
        encounters_outstanding: encounter versions that day-closed counts and that are not here; None = unknown.
        blobs_missing, missing_blobs: raw bytes spoken of and not here; how many, and their SHA-256.
        patients_missing: patients referred to whose record is not here.
        held: envelopes a person must look at before they count.
        is_root_true: what came is, number for number, what the closed day's root was made of; None = not known yet,
            because the day is open or numbers are missing. False = a number was used twice, or a day was misstated:
            a person must look.
        is_complete: none of these, the day is closed, and its root is true.
    """

    vehicle: str
    last_contact: str
    high_water: int
    missing_seqs: int
    missing: list[tuple[int, int, int]]
    is_day_closed: bool
    encounters_outstanding: int | None
    blobs_missing: int
    missing_blobs: list[str]
    patients_missing: int
    held: int
    is_root_true: bool | None
    is_complete: bool


@dataclass(frozen=True, slots=True)
class _Stream:
    incarnation: int
    lowest: int
    highest: int


@dataclass(frozen=True, slots=True)
class _End:
    """The last day-closed of a stream and its own number."""

    seq: int
    day: DayClosed


def statements(connection: Connection) -> list[VehicleStatement]:
    """The statement of every enrolled vehicle, in order of their ids."""
    rows = connection.execute(select(vehicles.c.id, vehicles.c.last_contact).order_by(vehicles.c.id)).all()
    return [_statement(connection, row.id, row.last_contact) for row in rows]


def _statement(connection: Connection, vehicle: str, last_contact: int | None) -> VehicleStatement:
    streams = _streams(connection, vehicle)
    ends = _ends(connection, vehicle)
    missing = [gap for stream in streams for gap in _gaps(connection, vehicle, stream, ends.get(stream.incarnation))]
    newest = streams[-1] if streams else None
    end = ends.get(newest.incarnation) if newest else None
    is_closed = newest is not None and end is not None and end.seq == newest.highest
    outstanding = _outstanding(connection, vehicle, end) if is_closed and end else None
    lost = _missing_blobs(connection, vehicle)
    unknown_patients = _unknown_patients(connection, vehicle)
    held = _held(connection, vehicle)
    is_root_true = _is_root_true(connection, vehicle, end) if is_closed and end and not missing else None
    return VehicleStatement(
        vehicle=vehicle,
        last_contact="" if last_contact is None else from_ms(last_contact).isoformat(),
        high_water=max([newest.highest, end.day.last_seq if end else 0]) if newest else 0,
        missing_seqs=sum(last - first + 1 for _, first, last in missing),
        missing=missing[:MAX_LISTED],
        is_day_closed=is_closed,
        encounters_outstanding=outstanding,
        blobs_missing=len(lost),
        missing_blobs=lost[:MAX_LISTED],
        patients_missing=unknown_patients,
        held=held,
        is_root_true=is_root_true,
        is_complete=is_root_true is True and not (missing or outstanding or lost or unknown_patients or held),
    )


def _streams(connection: Connection, vehicle: str) -> list[_Stream]:
    query = (
        select(arrivals.c.incarnation, func.min(arrivals.c.seq).label("low"), func.max(arrivals.c.seq).label("high"))
        .where(arrivals.c.vehicle == vehicle)
        .group_by(arrivals.c.incarnation)
        .order_by(arrivals.c.incarnation)
    )
    return [_Stream(row.incarnation, row.low, row.high) for row in connection.execute(query)]


def _ends(connection: Connection, vehicle: str) -> dict[int, _End]:
    query = (
        select(entries.c.incarnation, entries.c.seq, entries.c.payload)
        .where(entries.c.kind == Kind.DAY_CLOSED.value, entries.c.vehicle == vehicle)
        .order_by(entries.c.seq)
    )
    found = {}
    for row in connection.execute(query):
        day = decode_payload(Kind.DAY_CLOSED, row.payload)
        if isinstance(day, DayClosed):
            found[row.incarnation] = _End(row.seq, day)
    return found


def _gaps(connection: Connection, vehicle: str, stream: _Stream, end: _End | None) -> list[tuple[int, int, int]]:
    following = func.lead(arrivals.c.seq).over(order_by=arrivals.c.seq).label("following")
    numbered = (
        select(arrivals.c.seq, following)
        .where(arrivals.c.vehicle == vehicle, arrivals.c.incarnation == stream.incarnation)
        .subquery()
    )
    query = select(numbered).where(numbered.c.following > numbered.c.seq + 1).order_by(numbered.c.seq)
    gaps = [(stream.incarnation, row.seq + 1, row.following - 1) for row in connection.execute(query)]
    if stream.lowest > 1:
        gaps.insert(0, (stream.incarnation, 1, stream.lowest - 1))
    if end is not None and end.day.last_seq > stream.highest:
        gaps.append((stream.incarnation, stream.highest + 1, end.day.last_seq))
    return gaps


def _outstanding(connection: Connection, vehicle: str, end: _End) -> int:
    query = select(func.count()).where(
        entries.c.kind == Kind.ENCOUNTER.value,
        entries.c.vehicle == vehicle,
        entries.c.incarnation == end.day.incarnation,
        entries.c.seq <= end.day.last_seq,
    )
    here = int(connection.execute(query).scalar_one())
    return max(0, end.day.counts.get(Kind.ENCOUNTER.value, 0) - here)


def _is_root_true(connection: Connection, vehicle: str, end: _End) -> bool:
    """Whether the hashes that came make the root the vehicle signed (see clinic_records.record.DayClosed)."""
    query = (
        select(arrivals.c.sha256)
        .where(
            arrivals.c.vehicle == vehicle,
            arrivals.c.incarnation == end.day.incarnation,
            arrivals.c.seq <= end.day.last_seq,
        )
        .order_by(arrivals.c.seq)
    )
    root = hashlib.sha256()
    for sha256 in connection.execute(query).scalars():
        root.update(sha256.encode())
    return root.hexdigest() == end.day.root


def _missing_blobs(connection: Connection, vehicle: str) -> list[str]:
    here = select(blobs.c.sha256).where(blobs.c.vehicle == vehicle)
    query = select(entry_blobs.c.sha256).where(entry_blobs.c.vehicle == vehicle, entry_blobs.c.sha256.not_in(here))
    return list(connection.execute(query.distinct().order_by(entry_blobs.c.sha256)).scalars())


def _unknown_patients(connection: Connection, vehicle: str) -> int:
    known = select(latest.c.id).where(latest.c.kind == Kind.PATIENT.value)
    query = select(func.count(func.distinct(latest.c.patient))).where(
        latest.c.vehicle == vehicle, latest.c.patient.is_not(None), latest.c.patient.not_in(known)
    )
    return int(connection.execute(query).scalar_one())


def _held(connection: Connection, vehicle: str) -> int:
    query = select(func.count()).where(arrivals.c.vehicle == vehicle, arrivals.c.verdict == "held")
    return int(connection.execute(query).scalar_one())
