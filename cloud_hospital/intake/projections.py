"""The newest version of each thing, and what the county must see again because of it.

Everything here runs in the transaction that takes the entry and can be rebuilt from the entries. A recording may
come before its patient: the references are kept as ids, and when the patient comes, the rows that show it are fed
once more.
"""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, Connection, insert, select, update

from clinic_records.care import Encounter, Recording, RecordingStatus
from clinic_records.record import Kind
from cloud_hospital.intake.payloads import Payload
from cloud_hospital.store.locks import insert_new
from cloud_hospital.store.tables import feed_pending, latest
from sync.envelope import Header


@dataclass(frozen=True, slots=True)
class References:
    """What a thing refers to, by id."""

    patient: str | None = None
    encounter: str | None = None
    stop: str | None = None


FED: Final = (Kind.ENCOUNTER.value, Kind.RECORDING.value)
"""Kinds that are rows of the county's feed."""


NOBODYS: Final = ""
"""The encounter of a reading that is the vehicle's own: it has none and waits for none."""


def _is_the_vehicles(thing: Payload) -> bool:
    return isinstance(thing, Recording) and thing.status is RecordingStatus.VEHICLE


def references(thing: Payload) -> References:
    """The ids in `thing`."""
    if isinstance(thing, Encounter):
        return References(patient=thing.patient, stop=thing.stop)
    if isinstance(thing, Recording):
        if thing.binding is not None:
            return References(patient=thing.binding.patient, encounter=thing.binding.encounter)
        return References(encounter=NOBODYS if _is_the_vehicles(thing) else None)
    return References()


def project(connection: Connection, entry: int, header: Header, vehicle: str, thing: Payload) -> None:
    """Let `latest` follow this entry, and queue for the feed what the county's rows show differently now."""
    is_first, is_newest = _follow(connection, entry, header, vehicle, references(thing))
    if header.kind in FED and not _is_the_vehicles(thing):
        connection.execute(insert(feed_pending).values(entry=entry))
    if is_newest and header.kind == Kind.PATIENT:
        _feed_again(connection, latest.c.patient == header.id)
    elif is_first and header.kind == Kind.STOP:
        _feed_again(connection, latest.c.stop == header.id)


def _follow(connection: Connection, entry: int, header: Header, vehicle: str, refs: References) -> tuple[bool, bool]:
    values: dict[str, object] = {
        "revision": header.revision,
        "entry": entry,
        "vehicle": vehicle,
        "patient": refs.patient,
        "encounter": refs.encounter,
        "stop": refs.stop,
    }
    key = {"kind": header.kind, "id": header.id}
    if insert_new(connection, latest, {**key, **values}) is not None:
        return True, True
    older = (latest.c.kind == header.kind, latest.c.id == header.id, latest.c.revision < header.revision)
    return False, connection.execute(update(latest).where(*older).values(**values)).rowcount == 1


def _feed_again(connection: Connection, shows: ColumnElement[bool]) -> None:
    waiting = select(feed_pending.c.entry)
    again = select(latest.c.entry).where(shows, latest.c.kind.in_(FED), latest.c.entry.not_in(waiting))
    connection.execute(insert(feed_pending).from_select(["entry"], again))
