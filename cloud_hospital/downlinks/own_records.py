"""A restored box gets its own records back that are newer than its backup (sync rule 6).

The answer follows from the question alone: what this vehicle had made in earlier streams when the question came. So a
crash between two parts is made good by asking again; the first part is queued last and says that all are.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, and_, func, not_, or_, select

from clinic_records.clock import Origin, from_ms, to_ms
from clinic_records.errors import AccessError, Hint, NotFound
from clinic_records.ids import BlobHash, RecordId
from clinic_records.people import Author
from clinic_records.record import Kind, Lane, Record, encode_payload
from clinic_records.resumption import OwnRecord, OwnRecords, Resumed
from cloud_hospital.downlink import queue_for_vehicle
from cloud_hospital.downlinks.issue import list_id
from cloud_hospital.hospital import Hospital
from cloud_hospital.store.engine import reading, writing
from cloud_hospital.store.locks import insert_new
from cloud_hospital.store.tables import downlink, entries, homecomings, sessions
from sync.messages.table import MESSAGES
from sync.ports import SessionState

PART_BYTES: Final = 128 * 1024
"""Payload bytes of one part: some 100 records, 40 KB on the wire. Our choice."""
NEW_DISK: Final = timedelta(days=30)
"""A box that has nothing of its own gets so much of its last time: what may be open or due. Our choice."""
STAY_HERE: Final = frozenset({Kind.RETURNED, Kind.AUDIT_HEAD, Kind.RESUMED})
"""Kinds that are of use to the hospital alone."""


class _Header(msgspec.Struct):
    lane: Lane
    recorded_ms: int
    prev_hash: str = ""
    author: Author | None = None
    blobs: tuple[BlobHash, ...] = ()


def questions(connection: Connection) -> tuple[int, int]:
    """A mark that changes when another box asks."""
    query = select(func.count(), func.coalesce(func.max(entries.c.n), 0)).where(entries.c.kind == Kind.RESUMED.value)
    row = connection.execute(query).one()
    return int(row[0]), int(row[1])


class Question(msgspec.Struct, frozen=True):
    """A box asks and has no answer yet; `is_allowed`: a person let it have one."""

    vehicle: str
    resumed: str
    incarnation: int
    since: datetime
    is_allowed: bool


def open_questions(connection: Connection, hospital: Hospital) -> list[Question]:
    """Every box that asks and has no whole answer in its queue, in order of their names.

    Only the first question of an incarnation counts. Where the incarnation came with an enrolment, whoever enrolled the
    box let it ask; one that the box took by itself, as a thief could with a stolen one, waits for `give_back`.
    """
    asked = connection.execute(select(entries).where(entries.c.kind == Kind.RESUMED.value).order_by(entries.c.n.desc()))
    first = {(row.vehicle, row.incarnation): row for row in asked}
    newest = {vehicle: first[vehicle, incarnation] for vehicle, incarnation in sorted(first)}
    allowed = set(connection.execute(select(homecomings.c.resumed)).scalars())
    return [
        Question(
            vehicle=vehicle,
            resumed=row.id,
            incarnation=row.incarnation,
            since=from_ms(row.received_at),
            is_allowed=row.id in allowed or _was_enrolled_so(connection, vehicle, row.incarnation),
        )
        for vehicle, row in newest.items()
        if not _is_answered(connection, hospital, row)
    ]


def give_back(hospital: Hospital, vehicle: str, by: Author) -> int:
    """A named person lets a restored box have its own records again; how many parts were queued. Durable on return.

    Raises:
        NotFound: that vehicle does not ask.
    """
    with reading(hospital.engine) as connection:
        asked = [each for each in open_questions(connection, hospital) if each.vehicle == vehicle]
    if not asked:
        raise NotFound(
            f"{vehicle[:32]} does not ask for its records, or has its answer",
            hint=Hint("车恢复后要先联网登录一次。", "A restored vehicle must have had coverage and a login first."),
        )
    row = {
        "resumed": asked[0].resumed,
        "vehicle": vehicle,
        "by": msgspec.json.encode(by).decode(),
        "at": to_ms(hospital.now()),
    }
    with writing(hospital.engine) as connection:
        insert_new(connection, homecomings, row)
    return queue_own_records(hospital)


def queue_own_records(hospital: Hospital) -> int:
    """Answer every box that asks and may; how many parts were queued. Durable on return."""
    with reading(hospital.engine) as connection:
        allowed = [each.resumed for each in open_questions(connection, hospital) if each.is_allowed]
        rows = connection.execute(select(entries).where(entries.c.id.in_(allowed)).order_by(entries.c.n)).all()
    return sum(_answer(hospital, row) for row in rows)


def _was_enrolled_so(connection: Connection, vehicle: str, incarnation: int) -> bool:
    raw = connection.execute(select(sessions.c.state).where(sessions.c.vehicle == vehicle)).scalar_one_or_none()
    state = SessionState() if raw is None else msgspec.json.decode(raw, type=SessionState)
    return not state.rejoin and state.incarnation == incarnation


def _part_id(hospital: Hospital, resumed: str, part: int) -> RecordId:
    return list_id(hospital, f"own/{resumed}/{part}")


def _is_answered(connection: Connection, hospital: Hospital, row: Row[Any]) -> bool:
    first = (downlink.c.vehicle == row.vehicle, downlink.c.id == _part_id(hospital, row.id, 1))
    return connection.execute(select(downlink.c.n).where(*first)).first() is not None


def _answer(hospital: Hospital, row: Row[Any]) -> int:
    asked = msgspec.json.decode(row.payload, type=Resumed)
    with reading(hospital.engine) as connection:
        found = connection.execution_options(yield_per=500).execute(_newer(row, asked))
        parts = list(_parts(_own(each) for each in found)) or [()]
    now = hospital.now()
    for part in range(len(parts), 0, -1):
        thing = OwnRecords(row.vehicle, RecordId(row.id), part, len(parts), parts[part - 1])
        try:
            queue_for_vehicle(hospital, row.vehicle, _record(hospital, thing, now))
        except (NotFound, AccessError):
            return 0  # not enrolled, or revoked: it gets nothing any more
    return len(parts)


def _newer(row: Row[Any], asked: Resumed) -> Any:
    """What the vehicle made in streams before the new one and does not have, oldest first."""
    known: list[ColumnElement[bool]] = [
        and_(entries.c.incarnation == end.incarnation, entries.c.seq <= end.last_seq) for end in asked.known
    ]
    terms = [
        entries.c.vehicle == row.vehicle,
        entries.c.incarnation < row.incarnation,
        entries.c.n < row.n,
        entries.c.kind.not_in([kind.value for kind in STAY_HERE]),
    ]
    if known:
        terms.append(not_(or_(*known)))
    else:
        terms.append(entries.c.received_at >= row.received_at - NEW_DISK // timedelta(milliseconds=1))
    return select(entries).where(*terms).order_by(entries.c.n)


def _own(row: Row[Any]) -> OwnRecord:
    header = msgspec.json.decode(row.header, type=_Header)
    return OwnRecord(
        kind=Kind(row.kind),
        id=RecordId(row.id),
        revision=row.revision,
        lane=header.lane,
        payload=row.payload.decode(),
        origin=Origin(row.vehicle, row.incarnation, row.seq),
        recorded_at=from_ms(header.recorded_ms),
        prev_hash=header.prev_hash,
        author=header.author,
        blobs=header.blobs,
    )


def _parts(records: Iterable[OwnRecord]) -> Iterator[tuple[OwnRecord, ...]]:
    part: list[OwnRecord] = []
    size = 0
    for record in records:
        if part and size + len(record.payload) > PART_BYTES:
            yield tuple(part)
            part, size = [], 0
        part.append(record)
        size += len(record.payload)
    if part:
        yield tuple(part)


def _record(hospital: Hospital, thing: OwnRecords, now: datetime) -> Record:
    return Record(
        id=_part_id(hospital, thing.resumed, thing.part),
        revision=1,
        kind=Kind.OWN_RECORDS,
        lane=MESSAGES[Kind.OWN_RECORDS].lane,
        payload=encode_payload(thing),
        origin=Origin(hospital.settings.id, 1, thing.part),
        author=None,
        recorded_at=now,
    )
