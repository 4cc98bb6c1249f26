"""The depot's pre-load: the people of each village a vehicle will visit in a month, first stop first.

A slice travels in parts that are usable by themselves; a part that is queued already is not queued again, so the
command may be run every evening. What waits for a village no longer on the plan is taken out of the queue.
"""

import re
from datetime import date, datetime, time
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Row, delete, select

from clinic_records.clock import CHINA, Origin, from_ms
from clinic_records.errors import BadFrame, Hint, NotFound, RefusedInput
from clinic_records.ids import PatientId, RecordId, sha256_hex
from clinic_records.patient_slice import PatientSlice, SlicePerson
from clinic_records.people import Author, Patient
from clinic_records.record import Kind, Lane, Record, encode_payload
from cloud_hospital.downlink import queue_for_vehicle, wire_path
from cloud_hospital.downlinks.issue import list_id, next_revision
from cloud_hospital.hospital import Hospital
from cloud_hospital.intake.payloads import decode_payload
from cloud_hospital.store.engine import reading, writing
from cloud_hospital.store.tables import downlink, entries, latest
from schedules.folder import PlanFolder
from schedules.publish import in_force

PEOPLE: Final = 200
"""People of one part: some 60 KB before compression, a few seconds at 64 kbit/s. Our choice."""
SOON_DAYS: Final = 7
"""Stops within so many days travel in P2, later ones in P3."""
_MONTH: Final = re.compile(r"20\d\d-(0[1-9]|1[0-2])")


class VillagePlan(msgspec.Struct, frozen=True):
    """One village of the pre-load: when the vehicle is there first, how many people, and what was queued now."""

    village: str
    first_stop: date
    people: int
    parts: int
    queued: int


class Preloaded(msgspec.Struct, frozen=True):
    """What a pre-load did, villages in order of their first stop; `dropped` envelopes had become stale."""

    vehicle: str
    month: str
    villages: tuple[VillagePlan, ...]
    dropped: int


class _Header(msgspec.Struct):
    author: Author | None
    recorded_ms: int
    prev_hash: str = ""


def preload(hospital: Hospital, vehicle: str, month: str) -> Preloaded:
    """Queue the people of the month's villages for `vehicle`. Durable on return.

    Raises:
        RefusedInput: `month` is not like 2026-12.
        NotFound: no published schedule sends it anywhere in what is left of that month, or it is not enrolled.
        AccessError: it is revoked.
    """
    if not _MONTH.fullmatch(month):
        raise RefusedInput(f"month {month!r}: write it like 2026-12", hint=Hint("月份写成 2026-12", "Write 2026-12"))
    stops = _first_stops(hospital, vehicle, month)
    if not stops:
        raise NotFound(
            f"{vehicle} has no stop left in {month}",
            hint=Hint("先发布这个月的班表。", "Publish that month's schedule first."),
        )
    people = _people_of(hospital, frozenset(stops))
    wanted: dict[str, int] = {}
    villages = []
    for village, first_stop in sorted(stops.items(), key=lambda each: (each[1], each[0])):
        parts = _parts(people.get(village, []))
        queued = 0
        for number, part in enumerate(parts, 1):
            thing = PatientSlice(month, village, number, len(parts), _today(hospital), part)
            record_id, revision, is_new = _queue(hospital, vehicle, thing, first_stop)
            wanted[record_id] = revision
            queued += is_new
        villages.append(VillagePlan(village, first_stop, sum(map(len, parts)), len(parts), queued))
    return Preloaded(vehicle, month, tuple(villages), _drop_stale(hospital, vehicle, wanted))


def _first_stops(hospital: Hospital, vehicle: str, month: str) -> dict[str, date]:
    """Villages of the month's visits from today on, each with its first day."""
    folder = PlanFolder(hospital.folder.root)
    versions = folder.versions()
    today = hospital.now().astimezone(CHINA).date()
    stops: dict[str, date] = {}
    visits = {each for plan in versions for each in plan.visits}
    for visit in sorted(visits, key=lambda each: (each.date, each.visit_id)):
        plan = in_force(versions, visit.date)
        is_theirs = visit.vehicle_id == vehicle and f"{visit.date:%Y-%m}" == month and visit.date >= today
        if is_theirs and plan is not None and visit in plan.visits:
            stops.setdefault(visit.village, visit.date)
    return stops


def _people_of(hospital: Hospital, villages: frozenset[str]) -> dict[str, list[SlicePerson]]:
    """The newest version of everybody whose address begins with one of the villages, by village, oldest id first."""
    found: dict[str, list[SlicePerson]] = {}
    query = (
        select(entries)
        .join(latest, latest.c.entry == entries.c.n)
        .where(latest.c.kind == Kind.PATIENT.value)
        .order_by(entries.c.id)
    )
    with reading(hospital.engine) as connection:
        for row in connection.execution_options(yield_per=500).execute(query):
            village = _village_of(row, villages)
            if village:
                found.setdefault(village, []).append(_person(row))
    return found


def _village_of(row: Row[Any], villages: frozenset[str]) -> str:
    try:
        thing = decode_payload(Kind.PATIENT, row.payload)
    except BadFrame:
        return ""
    if not isinstance(thing, Patient) or not thing.village:
        return ""
    return max((village for village in villages if village and thing.village.startswith(village)), key=len, default="")


def _person(row: Row[Any]) -> SlicePerson:
    header = msgspec.json.decode(row.header, type=_Header)
    return SlicePerson(
        id=PatientId(row.id),
        revision=row.revision,
        payload=row.payload.decode(),
        origin=Origin(row.vehicle, row.incarnation, row.seq),
        recorded_at=from_ms(header.recorded_ms),
        prev_hash=header.prev_hash,
        author=header.author,
    )


def _parts(people: list[SlicePerson]) -> list[tuple[SlicePerson, ...]]:
    """In order of birth of their ids: new people come at the end, and the parts before stay as they were."""
    return [tuple(people[at : at + PEOPLE]) for at in range(0, len(people), PEOPLE)]


def _queue(hospital: Hospital, vehicle: str, thing: PatientSlice, first_stop: date) -> tuple[str, int, bool]:
    """Queue a part unless its content is the newest one queued: its id, revision, and whether it is new."""
    payload = encode_payload(thing)
    id_ = list_id(hospital, f"slice/{vehicle}/{thing.month}/{thing.village}/{thing.part}")
    with reading(hospital.engine) as connection:
        newest = _newest(connection, vehicle, id_)
    if newest is not None and newest.sha256 == sha256_hex(payload):
        return id_, newest.revision, False
    now = hospital.now()
    revision = next_revision(newest.revision if newest else 0, now)
    is_soon = (first_stop - now.astimezone(CHINA).date()).days <= SOON_DAYS
    record = Record(
        id=RecordId(id_),
        revision=revision,
        kind=Kind.PATIENT_SLICE,
        lane=Lane.P2 if is_soon else Lane.P3,
        payload=payload,
        origin=Origin(hospital.settings.id, 1, revision),
        author=None,
        recorded_at=now,
    )
    queue_for_vehicle(hospital, vehicle, record)
    return id_, revision, True


def _newest(connection: Connection, vehicle: str, id_: str) -> Row[Any] | None:
    query = select(downlink).where(downlink.c.vehicle == vehicle, downlink.c.id == id_)
    return connection.execute(query.order_by(downlink.c.revision.desc()).limit(1)).first()


def _drop_stale(hospital: Hospital, vehicle: str, wanted: dict[str, int]) -> int:
    """Take slices that wait and are not wanted any more out of the queue, rows first; how many.

    After the new ones were queued: a queue whose last number comes again would not be looked at.
    """
    mine = (downlink.c.vehicle == vehicle, downlink.c.kind == Kind.PATIENT_SLICE.value, downlink.c.verdict.is_(None))
    with writing(hospital.engine) as connection:
        rows = connection.execute(select(downlink).where(*mine)).all()
        stale = [row for row in rows if wanted.get(row.id) != row.revision]
        for row in stale:
            connection.execute(delete(downlink).where(downlink.c.n == row.n))
    for row in stale:
        wire_path(hospital.folder, vehicle, row.wire_sha256).unlink(missing_ok=True)
    return len(stale)


def _today(hospital: Hospital) -> datetime:
    """The beginning of the hospital's day in China, so that the same content on one day is the same slice."""
    return datetime.combine(hospital.now().astimezone(CHINA).date(), time(), CHINA)
