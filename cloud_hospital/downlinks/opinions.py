"""What a specialist does with a case: answer it, recall the person, take back what was said."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from sqlalchemy import select

from clinic_records.care import Encounter
from clinic_records.consult import Answer, Recall, RecallLevel, Retraction
from clinic_records.errors import Hint, NotFound, RefusedInput
from clinic_records.ids import RecordId
from clinic_records.people import Author, Patient
from clinic_records.record import Kind
from cloud_hospital.downlinks.issue import addressed, issue_message
from cloud_hospital.feed.inline import inline_encounters
from cloud_hospital.feed.things import newest
from cloud_hospital.hospital import Hospital
from cloud_hospital.store.engine import reading
from cloud_hospital.store.tables import issued, latest

LONGEST: Final = 20_000
"""Characters of an answer. Our choice."""
AT_ONCE: Final = frozenset({RecallLevel.TODAY, RecallLevel.NOW})
"""Levels that travel as a recall of their own, before everything else (hazard H10)."""
RETRACTABLE: Final = (Kind.ANSWER, Kind.RECALL, Kind.PRESCRIPTION)


class CaseRef(NamedTuple):
    """An encounter, who it is about, and which vehicle's it is."""

    encounter: Encounter
    vehicle: str
    person: Patient | None


def find_case(hospital: Hospital, encounter: str) -> CaseRef:
    """The encounter as it has come; else as an urgent recording of it says, because an answer must not wait for it.

    Raises:
        NotFound: neither has come.
    """
    with reading(hospital.engine) as connection:
        found = newest(connection, Kind.ENCOUNTER, Encounter, [encounter]).get(encounter)
        if found is None:
            inline = inline_encounters(connection, [encounter]).get(encounter)
            if inline is None:
                raise NotFound(f"encounter {encounter[:64]} has not come")
            return CaseRef(inline.encounter, inline.vehicle, inline.patient)
        query = select(latest.c.vehicle).where(latest.c.kind == Kind.ENCOUNTER.value, latest.c.id == encounter)
        vehicle: str = connection.execute(query).scalar_one()
        person = newest(connection, Kind.PATIENT, Patient, [found.patient]).get(found.patient)
    return CaseRef(found, vehicle, person)


def answer(hospital: Hospital, encounter: str, text: str, by: Author, recall: RecallLevel = RecallLevel.NONE) -> Answer:
    """Answer a case; a recall of today or now goes beside it and overtakes everything. Durable on return.

    Raises:
        RefusedInput: no text, or too long.
        NotFound: the encounter has not come.
    """
    case = find_case(hospital, encounter)
    said = Answer(
        id=RecordId(hospital.ids.new()),
        encounter=case.encounter.id,
        patient=case.encounter.patient,
        text=_text(text),
        by=by,
        at=hospital.now(),
        recall=recall,
        person=case.person,
    )
    if recall in AT_ONCE:
        _recall(hospital, case, recall, said.text, by)
    _send(hospital, Kind.ANSWER, said, case, by)
    return said


def recall_person(hospital: Hospital, encounter: str, level: RecallLevel, reason: str, by: Author) -> Recall:
    """Have the person of an encounter found.

    Raises:
        RefusedInput: no reason, or level `none`.
        NotFound: the encounter has not come.
    """
    if level is RecallLevel.NONE:
        raise RefusedInput("level: say now, today or routine", hint=Hint("选召回级别。", "Choose how soon."))
    return _recall(hospital, find_case(hospital, encounter), level, _text(reason), by)


def retract(hospital: Hospital, thing: str, reason: str, by: Author) -> Retraction:
    """Take back an answer, recall or prescription on every vehicle it was sent to.

    Raises:
        RefusedInput: no reason, or a kind that is not taken back.
        NotFound: nothing of that id was made here.
    """
    text = _text(reason)
    with reading(hospital.engine) as connection:
        row = connection.execute(select(issued).where(issued.c.id == thing)).first()
    if row is None:
        raise NotFound(f"nothing with id {thing[:64]} was made here")
    if row.kind not in RETRACTABLE:
        raise RefusedInput(f"a {row.kind} is not taken back; make a new version of it")
    new_id = RecordId(hospital.ids.new())
    found = Retraction(new_id, row.kind, RecordId(thing), text, by, hospital.now())
    refers = {"patient": row.patient, "encounter": row.encounter}
    issue_message(hospital, Kind.RETRACTION, found, to=addressed(row), by=by, **refers)
    return found


def _recall(hospital: Hospital, case: CaseRef, level: RecallLevel, reason: str, by: Author) -> Recall:
    made = Recall(
        id=RecordId(hospital.ids.new()),
        encounter=case.encounter.id,
        patient=case.encounter.patient,
        level=level,
        reason=reason,
        by=by,
        at=hospital.now(),
        person=case.person,
    )
    _send(hospital, Kind.RECALL, made, case, by)
    return made


def _send(hospital: Hospital, kind: Kind, thing: Answer | Recall, case: CaseRef, by: Author) -> None:
    to: Sequence[str] = [case.vehicle]
    issue_message(hospital, kind, thing, to=to, by=by, patient=thing.patient, encounter=thing.encounter)


def _text(text: str) -> str:
    found = text.strip()
    if not found or len(found) > LONGEST:
        raise RefusedInput(
            f"text: {len(found)} characters, not 1 to {LONGEST}",
            hint=Hint("请写内容，不超过两万字。", "Write something, at most 20,000 characters."),
        )
    return found
