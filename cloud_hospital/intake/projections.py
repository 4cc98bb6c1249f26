"""The newest version of each thing, and what the county must see again because of it.

Everything here runs in the transaction that takes the entry and can be rebuilt from the entries. A recording may
come before its patient: the references are kept as ids, and when the patient comes, the rows that show it are fed
once more.
"""

from collections.abc import Sequence
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


def sharers(header: Header, thing: Payload) -> dict[str, bool]:
    """Names that whoever takes `thing` locks, True where alone (see `lock_all`).

    A row that shows a patient and the patient itself may come to two workers at once. Neither sees the other's before
    its commit, so the row would never be fed again with the name: one of them has to wait.
    """
    refs = references(thing)
    named = {f"thing {each}": False for each in (refs.patient, refs.stop) if each}
    if header.kind in (Kind.PATIENT, Kind.STOP):
        named[f"thing {header.id}"] = True
    return named


@dataclass(frozen=True, slots=True)
class First:
    """The first version of a thing, just taken as `entry`."""

    entry: int
    header: Header
    vehicle: str
    thing: Payload


def project_firsts(connection: Connection, firsts: Sequence[First]) -> None:
    """As `project`, for many things of which nothing was here before."""
    by_key = sorted(firsts, key=lambda each: (each.header.kind, each.header.id))
    rows = [_latest_row(each.entry, each.header, each.vehicle, references(each.thing)) for each in by_key]
    if rows:
        connection.execute(insert(latest), rows)
    fed = [{"entry": each.entry} for each in firsts if each.header.kind in FED and not _is_the_vehicles(each.thing)]
    if fed:
        connection.execute(insert(feed_pending), fed)
    shown = {
        column: [each.header.id for each in firsts if each.header.kind == kind]
        for kind, column in ((Kind.PATIENT, latest.c.patient), (Kind.STOP, latest.c.stop))
    }
    for column, ids in shown.items():
        if ids:
            _feed_again(connection, column.in_(ids))


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
    row = _latest_row(entry, header, vehicle, refs)
    if insert_new(connection, latest, row) is not None:
        return True, True
    values = {name: value for name, value in row.items() if name not in ("kind", "id")}
    older = (latest.c.kind == header.kind, latest.c.id == header.id, latest.c.revision < header.revision)
    return False, connection.execute(update(latest).where(*older).values(**values)).rowcount == 1


def _latest_row(entry: int, header: Header, vehicle: str, refs: References) -> dict[str, object]:
    return {
        "kind": header.kind,
        "id": header.id,
        "revision": header.revision,
        "entry": entry,
        "vehicle": vehicle,
        "patient": refs.patient,
        "encounter": refs.encounter,
        "stop": refs.stop,
    }


def _feed_again(connection: Connection, shows: ColumnElement[bool]) -> None:
    waiting = select(feed_pending.c.entry)
    again = select(latest.c.entry).where(shows, latest.c.kind.in_(FED), latest.c.entry.not_in(waiting))
    connection.execute(insert(feed_pending).from_select(["entry"], again))
