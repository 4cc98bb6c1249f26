"""What the hospital sent to people here: recalls, answers, prescriptions; what of it was taken back, and who saw it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final, NamedTuple

import msgspec

from clinic_records.clock import to_ms
from clinic_records.consult import Answer, Recall, RecallLevel, Retraction, Seen
from clinic_records.dispensing import Refusal
from clinic_records.errors import Hint, NotFound
from clinic_records.ids import EncounterId, PatientId, RecordId
from clinic_records.people import Author, Patient
from clinic_records.prescription import PrescribedLine, Prescription
from clinic_records.record import Kind
from sync.messages.table import MESSAGES
from vehicle_agent.store.driver import Connection
from vehicle_agent.store.merge.retractions import tombstones
from vehicle_agent.store.records import current, list_current, put_record
from vehicle_agent.store.rights import load_right
from vehicle_agent.visits.dispensing import hint_of, refusal_of
from vehicle_agent.visits.versions import Act

SHOWN: Final = 100
"""Messages of each kind on the page, newest first; what nobody has seen is there however old it is."""
_URGENT: Final = frozenset({RecallLevel.NOW, RecallLevel.TODAY})
_UNSEEN: Final = """
SELECT r.kind, r.id, json_extract(r.json, '$.level') FROM records AS r
LEFT JOIN tombstones AS t ON t.kind = r.kind AND t.id = r.id
WHERE r.kind IN ('recall', 'answer', 'prescription') AND r.is_current = 1 AND NOT EXISTS (
    SELECT 1 FROM records AS s
    WHERE s.kind = 'seen' AND json_extract(s.json, '$.thing') = coalesce(t.retraction, r.id))
"""
_TYPES: Final[Mapping[Kind, type[Answer | Recall | Prescription]]] = {
    Kind.RECALL: Recall,
    Kind.ANSWER: Answer,
    Kind.PRESCRIPTION: Prescription,
}
"""What people read, the most urgent first."""


class MessageView(msgspec.Struct, frozen=True):
    """One message as the page shows it.

    Attributes:
        person: inline from the hospital; the vehicle's own version where it has one.
        level: of a recall, or what an answer asks for.
        taken_back: the retraction, where there is one: what is said must not be followed.
        seen: who here has seen it, and who has seen that it was taken back.
        may_not: why a prescription may not be dispensed here; None where it may, and for everything else.
    """

    kind: Kind
    id: RecordId
    encounter: EncounterId
    patient: PatientId
    person: Patient | None
    by: Author
    at: datetime
    text: str
    level: RecallLevel
    lines: tuple[PrescribedLine, ...]
    taken_back: Retraction | None
    seen: tuple[Seen, ...]
    may_not: Hint | None

    @property
    def is_urgent(self) -> bool:
        """Whether somebody must act before anything else."""
        return self.kind is Kind.RECALL and self.level in _URGENT

    @property
    def waits(self) -> bool:
        """Whether nobody here has seen it; once it is taken back, whether nobody has seen that."""
        newest = self.taken_back.id if self.taken_back else self.id
        return all(each.thing != newest for each in self.seen)


class Unseen(NamedTuple):
    """A message nobody here has seen, or of which nobody has seen that it was taken back."""

    kind: Kind
    id: str
    is_urgent: bool


def unseen(conn: Connection) -> list[Unseen]:
    """All of them, however old."""
    return [
        Unseen(Kind(kind), id_, is_urgent=kind == Kind.RECALL and level in _URGENT)
        for kind, id_, level in conn.execute(_UNSEEN)
    ]


def messages(conn: Connection, vehicle: str, now: datetime, *, is_clock_doubtful: bool) -> list[MessageView]:
    """All of them: what waits to be seen first, the most urgent of that first, then the newest."""
    graves = tombstones(conn)
    waiting = unseen(conn)
    views = []
    for kind, what in _TYPES.items():
        newest = {record.id: record for record in list_current(conn, kind, newest_first=True, limit=SHOWN)}
        older = [current(conn, kind, each.id) for each in waiting if each.kind is kind and each.id not in newest]
        for record in [*newest.values(), *filter(None, older)]:
            thing = msgspec.json.decode(record.payload, type=what)
            retraction = graves.get((kind, thing.id))
            known = current(conn, Kind.PATIENT, thing.patient)
            may_not = None
            if isinstance(thing, Prescription):
                may_not = _may_not(conn, thing, vehicle, now, is_clock_doubtful=is_clock_doubtful)
            views.append(
                MessageView(
                    kind=kind,
                    id=thing.id,
                    encounter=thing.encounter,
                    patient=thing.patient,
                    person=msgspec.json.decode(known.payload, type=Patient) if known else thing.person,
                    by=thing.by,
                    at=thing.at,
                    text=_text(thing),
                    level=_level(thing),
                    lines=thing.lines if isinstance(thing, Prescription) else (),
                    taken_back=_retraction(conn, retraction) if retraction else None,
                    seen=(*_seen(conn, thing.id), *(_seen(conn, retraction) if retraction else ())),
                    may_not=may_not,
                )
            )
    return sorted(views, key=lambda view: (not view.waits, not view.is_urgent, -to_ms(view.at)))


def acknowledge(conn: Connection, kind: Kind, thing: RecordId, new_id: RecordId, act: Act) -> Seen:
    """A named person has seen it, or that it was taken back; told to the hospital. Once for each person.

    Raises:
        NotFound: no such message has come.
    """
    author = act.author
    if kind not in _TYPES or author is None or current(conn, kind, thing) is None:
        raise NotFound(f"no {kind} {thing} has come to this vehicle")
    retraction = tombstones(conn).get((kind, thing))
    what = (Kind.RETRACTION, RecordId(retraction)) if retraction else (kind, thing)
    for before in _seen(conn, what[1]):
        if before.by.staff == author.staff:
            return before
    seen = Seen(new_id, *what, author, act.now)
    put_record(
        conn,
        record_id=new_id,
        kind=Kind.SEEN,
        lane=MESSAGES[Kind.SEEN].lane,
        payload=seen,
        author=author,
        recorded_at=act.now,
    )
    return seen


def _seen(conn: Connection, thing: str) -> list[Seen]:
    found = list_current(conn, Kind.SEEN, where={"thing": thing})
    return [msgspec.json.decode(record.payload, type=Seen) for record in found]


def _may_not(
    conn: Connection, rx: Prescription, vehicle: str, now: datetime, *, is_clock_doubtful: bool
) -> Hint | None:
    why: Refusal | None = refusal_of(conn, rx.id, vehicle, now, is_clock_doubtful=is_clock_doubtful)
    return hint_of(why, load_right(conn, rx.id))


def _retraction(conn: Connection, id_: str) -> Retraction:
    record = current(conn, Kind.RETRACTION, id_)
    if record is None:
        raise NotFound(f"no retraction {id_} on this vehicle")
    return msgspec.json.decode(record.payload, type=Retraction)


def _text(thing: Answer | Recall | Prescription) -> str:
    if isinstance(thing, Answer):
        return thing.text
    return thing.reason if isinstance(thing, Recall) else ""


def _level(thing: Answer | Recall | Prescription) -> RecallLevel:
    if isinstance(thing, Answer):
        return thing.recall
    return thing.level if isinstance(thing, Recall) else RecallLevel.NONE
