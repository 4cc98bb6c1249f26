"""Domain structs in and out of the record table: the current version of a thing, and its next one."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, Generic, TypeVar

import msgspec

from clinic_records.care import Encounter, Recording, Stop
from clinic_records.errors import NotFound
from clinic_records.ids import BlobHash
from clinic_records.people import Author, Patient
from clinic_records.quality import QualityEntry
from clinic_records.record import Kind, Lane, Record
from sync.messages.table import MESSAGES
from vehicle_agent.store.driver import Connection
from vehicle_agent.store.records import current, list_current, put_record

Thing = TypeVar("Thing", Patient, Stop, Encounter, Recording, QualityEntry)

KINDS: Final[Mapping[type, Kind]] = {row.payload: kind for kind, row in MESSAGES.items() if row.payload}


class Version(msgspec.Struct, Generic[Thing], frozen=True):
    """A thing as it is now, and the record that says so."""

    thing: Thing
    record: Record


class Act(msgspec.Struct, frozen=True):
    """Who acts and when (the vehicle's time); `author` is None where a device or the clock acts."""

    author: Author | None
    now: datetime


def find(conn: Connection, what: type[Thing], thing_id: str) -> Version[Thing] | None:
    """The current version, if there is one."""
    record = current(conn, KINDS[what], thing_id)
    return None if record is None else Version(msgspec.json.decode(record.payload, type=what), record)


def get(conn: Connection, what: type[Thing], thing_id: str) -> Version[Thing]:
    """The current version.

    Raises:
        NotFound: there is no such thing.
    """
    version = find(conn, what, thing_id)
    if version is None:
        raise NotFound(f"no {KINDS[what]} {thing_id} on this vehicle")
    return version


def listed(
    conn: Connection,
    what: type[Thing],
    *,
    where: Mapping[str, str | int | bool | None] | None = None,
    contains: Mapping[str, str] | None = None,
    newest_first: bool = False,
    limit: int = 1000,
) -> list[Version[Thing]]:
    """Current versions by birth of their ids; see vehicle_agent.store.records.list_current."""
    records = list_current(conn, KINDS[what], where=where, contains=contains, newest_first=newest_first, limit=limit)
    return [Version(msgspec.json.decode(record.payload, type=what), record) for record in records]


def put(
    conn: Connection,
    thing: Patient | Stop | Encounter | Recording | QualityEntry,
    act: Act,
    lane: Lane | None = None,
    *,
    before: Record | None = None,
    blobs: Sequence[BlobHash] = (),
    blob_lane: Lane | None = None,
) -> Record:
    """Write the next version after `before` (None for a new thing) with its outbox rows; in its kind's lane by default.

    Raises:
        Conflict: `before` is not the current version any more.
    """
    kind = KINDS[type(thing)]
    return put_record(
        conn,
        record_id=thing.id,
        kind=kind,
        lane=lane or MESSAGES[kind].lane,
        payload=thing,
        author=act.author,
        recorded_at=act.now,
        expected_revision=0 if before is None else before.revision,
        blobs=blobs,
        blob_lane=blob_lane,
    )
