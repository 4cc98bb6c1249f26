"""What the hospital said of an encounter, how far each message has come, and who has seen it there."""

from datetime import datetime

import msgspec
from sqlalchemy import Connection, select

from clinic_records.clock import from_ms
from clinic_records.consult import Answer, Recall, RecallLevel, Retraction, Seen
from clinic_records.people import Author
from clinic_records.prescription import PrescribedLine, Prescription
from clinic_records.record import Kind
from cloud_hospital.downlinks.issue import addressed
from cloud_hospital.store.tables import dispense_rights, downlink, entries, issued
from sync.messages.table import decode_payload


class Way(msgspec.Struct, frozen=True):
    """How far a message is on its way to one vehicle; `verdict` is the vehicle's, empty while it waits."""

    vehicle: str
    verdict: str


class Said(msgspec.Struct, frozen=True):
    """One message.

    Attributes:
        taken_back: the retraction, where there is one.
        seen: by whom on the vehicles, the retraction's too.
        holder: who has the right to dispense a prescription, and its state; empty for everything else.
    """

    kind: str
    id: str
    text: str
    level: RecallLevel
    lines: tuple[PrescribedLine, ...]
    by: Author
    at: datetime
    taken_back: Retraction | None
    ways: tuple[Way, ...]
    seen: tuple[Seen, ...]
    holder: tuple[str, str]


def said_of(connection: Connection, encounter: str) -> list[Said]:
    """Every recall, answer and prescription of the encounter, newest first."""
    query = select(issued).where(issued.c.encounter == encounter).order_by(issued.c.n)
    rows = connection.execute(query).all()
    if not rows:
        return []
    retractions: dict[str, Retraction] = {}
    for row in rows:
        if row.kind == Kind.RETRACTION:
            found = msgspec.json.decode(row.payload, type=Retraction)
            retractions.setdefault(found.thing, found)
    vehicles = sorted({vehicle for row in rows for vehicle in addressed(row)})
    seen = _seen(connection, vehicles, min(row.made_at for row in rows))
    ways = _ways(connection, [row.id for row in rows])
    said = []
    for row in reversed(rows):
        thing = decode_payload(row.kind, row.payload)
        if not isinstance(thing, Answer | Recall | Prescription):
            continue
        taken_back = retractions.get(row.id)
        said.append(
            Said(
                kind=row.kind,
                id=row.id,
                text=thing.text if isinstance(thing, Answer) else thing.reason if isinstance(thing, Recall) else "",
                level=_level(thing),
                lines=thing.lines if isinstance(thing, Prescription) else (),
                by=thing.by,
                at=from_ms(row.made_at),
                taken_back=taken_back,
                ways=tuple(ways.get(row.id, ())),
                seen=(*seen.get(row.id, ()), *(seen.get(taken_back.id, ()) if taken_back else ())),
                holder=_holder(connection, row.id) if row.kind == Kind.PRESCRIPTION else ("", ""),
            )
        )
    return said


def _level(thing: Answer | Recall | Prescription) -> RecallLevel:
    if isinstance(thing, Answer):
        return thing.recall
    return thing.level if isinstance(thing, Recall) else RecallLevel.NONE


def _seen(connection: Connection, vehicles: list[str], since_ms: int) -> dict[str, list[Seen]]:
    """What people on these vehicles have acknowledged since, by the id of the thing."""
    query = select(entries.c.payload).where(
        entries.c.kind == Kind.SEEN.value, entries.c.vehicle.in_(vehicles), entries.c.received_at >= since_ms
    )
    found: dict[str, list[Seen]] = {}
    for payload in connection.execute(query.order_by(entries.c.n)).scalars():
        seen = msgspec.json.decode(payload, type=Seen)
        found.setdefault(seen.thing, []).append(seen)
    return found


def _ways(connection: Connection, ids: list[str]) -> dict[str, list[Way]]:
    query = select(downlink.c.id, downlink.c.vehicle, downlink.c.verdict).where(downlink.c.id.in_(ids))
    found: dict[str, list[Way]] = {}
    for row in connection.execute(query.order_by(downlink.c.n)):
        found.setdefault(row.id, []).append(Way(row.vehicle, row.verdict or ""))
    return found


def _holder(connection: Connection, rx: str) -> tuple[str, str]:
    row = connection.execute(select(dispense_rights).where(dispense_rights.c.rx == rx)).first()
    return ("", "") if row is None else (row.holder, row.state)
