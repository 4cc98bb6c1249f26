"""Newest versions of things by id, decoded, a batch at a time."""

from collections.abc import Iterable
from itertools import islice
from typing import TypeVar

from sqlalchemy import Connection, select

from clinic_records.record import Kind
from cloud_hospital.intake.payloads import Payload, decode_payload
from cloud_hospital.store.tables import entries, latest

_BATCH = 500
"""Ids in one query; SQLite before 3.32 took 999 parameters."""

Thing = TypeVar("Thing", bound=Payload)


def newest(connection: Connection, kind: Kind, wanted: type[Thing], ids: Iterable[str]) -> dict[str, Thing]:
    """The newest version of each of `ids` that has come."""
    found: dict[str, Thing] = {}
    waiting = iter(sorted(set(ids)))
    while batch := list(islice(waiting, _BATCH)):
        query = (
            select(latest.c.id, entries.c.payload)
            .join(entries, entries.c.n == latest.c.entry)
            .where(latest.c.kind == kind.value, latest.c.id.in_(batch))
        )
        for row in connection.execute(query):
            thing = decode_payload(kind, row.payload)
            if isinstance(thing, wanted):
                found[row.id] = thing
    return found
