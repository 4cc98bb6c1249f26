"""Who has seen an urgent recording: the third of its states, and the only one that says a person knows (law 6)."""

from datetime import datetime, timedelta
from typing import Final

import msgspec
from sqlalchemy import Connection, select

from clinic_records.care import Recording
from clinic_records.clock import from_ms, to_ms
from clinic_records.consult import Seen
from clinic_records.errors import AccessError, NotFound
from clinic_records.ids import RecordId
from clinic_records.people import Author
from clinic_records.record import Kind, Lane
from cloud_hospital.downlinks.issue import issue_message, payloads_of
from cloud_hospital.hospital import Hospital
from cloud_hospital.intake.payloads import decode_payload
from cloud_hospital.store.engine import reading
from cloud_hospital.store.tables import entries, issued, latest

UNSEEN_S: Final = 120.0
"""Law 6: unseen for so long, and everybody who looks at a page is told."""
LOOKED_BACK: Final = timedelta(hours=24)
"""How long an urgent one that nobody has seen stays on top of the pages."""


_IN_P0: Final = f'{{"lane":"{Lane.P0}"'
"""How the header of an entry begins that came in P0 (intake/apply.py writes it)."""


class UrgentCase(msgspec.Struct, frozen=True, kw_only=True):
    """An urgent recording that came in the last day; `seen` names who has seen it, first one first."""

    recording: str
    encounter: str
    vehicle: str
    patient_name: str
    modality: str
    received_at: datetime
    age_s: float
    seen: tuple[Seen, ...] = ()

    @property
    def is_late(self) -> bool:
        """Whether nobody has seen it for two minutes."""
        return not self.seen and self.age_s >= UNSEEN_S


def urgent_cases(connection: Connection, now: datetime) -> list[UrgentCase]:
    """Urgent recordings of the last day, oldest first."""
    query = (
        select(entries.c.id, entries.c.vehicle, entries.c.payload, entries.c.received_at)
        .where(
            entries.c.kind == Kind.RECORDING.value,
            entries.c.received_at >= to_ms(now - LOOKED_BACK),
            entries.c.header.startswith(_IN_P0),
        )
        .order_by(entries.c.n)
    )
    seen = seen_since(connection, now - 2 * LOOKED_BACK)
    found: dict[str, UrgentCase] = {}
    for row in connection.execute(query):
        thing = decode_payload(Kind.RECORDING, row.payload)
        if row.id not in found and isinstance(thing, Recording):
            found[row.id] = UrgentCase(
                recording=row.id,
                encounter=thing.binding.encounter if thing.binding else "",
                vehicle=row.vehicle,
                patient_name=thing.patient.name if thing.patient else "",
                modality=thing.reading.modality,
                received_at=from_ms(row.received_at),
                age_s=max(0.0, (now - from_ms(row.received_at)).total_seconds()),
                seen=tuple(seen.get(row.id, ())),
            )
    return list(found.values())


def seen_since(connection: Connection, since: datetime) -> dict[str, list[Seen]]:
    """Who has seen which recording since then, by its id."""
    query = select(issued.c.payload).where(issued.c.kind == Kind.SEEN.value, issued.c.made_at >= to_ms(since))
    found: dict[str, list[Seen]] = {}
    for payload in connection.execute(query.order_by(issued.c.n)).scalars():
        seen = msgspec.json.decode(payload, type=Seen)
        found.setdefault(seen.thing, []).append(seen)
    return found


def seen_of(connection: Connection, encounter: str) -> dict[str, list[Seen]]:
    """Who has seen which recording of one encounter, by its id."""
    found: dict[str, list[Seen]] = {}
    for _, payload in payloads_of(connection, [Kind.SEEN], encounter=encounter):
        seen = msgspec.json.decode(payload, type=Seen)
        found.setdefault(seen.thing, []).append(seen)
    return found


def mark_seen(hospital: Hospital, recording: str, by: Author) -> Seen:
    """A named person has seen it; the message goes down to its vehicle. Said again by the same person it is one.

    Raises:
        NotFound: no such recording has come.
    """
    with reading(hospital.engine) as connection:
        query = select(latest.c.vehicle, latest.c.patient, latest.c.encounter).where(
            latest.c.kind == Kind.RECORDING.value, latest.c.id == recording
        )
        row = connection.execute(query).one_or_none()
        if row is None:
            raise NotFound(f"recording {recording[:64]} has not come")
        known = seen_of(connection, row.encounter).get(recording, []) if row.encounter else []
    for seen in known:
        if seen.by.staff == by.staff:
            return seen
    now = from_ms(to_ms(hospital.now()))
    seen = Seen(RecordId(hospital.ids.new()), Kind.RECORDING.value, RecordId(recording), by, now)
    try:
        issue_message(
            hospital, Kind.SEEN, seen, to=[row.vehicle], by=by, patient=row.patient, encounter=row.encounter
        )  # fmt: skip
    except AccessError:
        return seen  # it is kept; a revoked vehicle hears nothing any more
    return seen
