"""Encounters known only from the headers inside an urgent recording: it came first, and must not wait for them."""

from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import Connection, select

from clinic_records.care import Encounter, Recording
from clinic_records.people import Patient
from clinic_records.record import Kind
from cloud_hospital.intake.payloads import decode_payload
from cloud_hospital.store.tables import entries, latest


class Inline(NamedTuple):
    """An encounter as an urgent recording of it says (sync rule 19)."""

    encounter: Encounter
    vehicle: str
    patient: Patient | None


def inline_encounters(connection: Connection, ids: Iterable[str]) -> dict[str, Inline]:
    """Those of `ids` that an urgent recording brought along; a few ids at a time, because each recording is read."""
    query = (
        select(latest.c.vehicle, entries.c.payload)
        .join(entries, entries.c.n == latest.c.entry)
        .where(latest.c.kind == Kind.RECORDING.value, latest.c.encounter.in_(sorted(set(ids))))
        .order_by(latest.c.entry)
    )
    found: dict[str, Inline] = {}
    for row in connection.execute(query):
        thing = decode_payload(Kind.RECORDING, row.payload)
        if isinstance(thing, Recording) and thing.encounter is not None:
            found[thing.encounter.id] = Inline(thing.encounter, row.vehicle, thing.patient)
    return found
