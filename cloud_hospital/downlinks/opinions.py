"""What a specialist does with a case: answer it, recall the person, take back what was said."""

from typing import Final, NamedTuple

from sqlalchemy import select

from clinic_records.care import Encounter
from clinic_records.consult import Answer, Recall, RecallLevel, Retraction
from clinic_records.errors import AccessError, Hint, NotFound, RefusedInput
from clinic_records.ids import RecordId
from clinic_records.people import Author, Patient
from clinic_records.record import Kind
from cloud_hospital.downlinks.issue import addressed, keep_message, made_under, queue_issued
from cloud_hospital.feed.inline import inline_encounters
from cloud_hospital.feed.things import newest
from cloud_hospital.hospital import Hospital
from cloud_hospital.store.engine import reading, writing
from cloud_hospital.store.tables import latest

LONGEST: Final = 20_000
"""Characters of an answer. Our choice."""
AT_ONCE: Final = frozenset({RecallLevel.TODAY, RecallLevel.NOW})
"""Levels that travel as a recall of their own, before everything else (hazard H10)."""
_UNHEARD: Final = Hint(
    "已记下，但这辆车已停用，收不到。请打电话。", "It is kept, but its vehicle is revoked and hears nothing: phone."
)
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
    """Answer a case; a recall of today or now goes beside it and overtakes everything. Durable on return, both or none.

    Raises:
        RefusedInput: no text, or too long.
        NotFound: the encounter has not come.
        AccessError: the vehicle is revoked and hears nothing; what was said is kept.
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
    urgent = [_recall(hospital, case, recall, said.text, by)] if recall in AT_ONCE else []
    _send(hospital, case, by, *urgent, said)
    return said


def recall_person(hospital: Hospital, encounter: str, level: RecallLevel, reason: str, by: Author) -> Recall:
    """Have the person of an encounter found.

    Raises:
        RefusedInput: no reason, or level `none`.
        NotFound: the encounter has not come.
        AccessError: as `answer`.
    """
    if level is RecallLevel.NONE:
        raise RefusedInput("level: say now, today or routine", hint=Hint("选召回级别。", "Choose how soon."))
    case = find_case(hospital, encounter)
    made = _recall(hospital, case, level, _text(reason), by)
    _send(hospital, case, by, made)
    return made


def retract(hospital: Hospital, thing: str, reason: str, by: Author) -> Retraction:
    """Take back an answer, recall or prescription on every vehicle it was sent to.

    Raises:
        RefusedInput: no reason, or a kind that is not taken back.
        NotFound: nothing of that id was made here.
        AccessError: as `answer`.
    """
    text, new_id = _text(reason), RecordId(hospital.ids.new())
    with writing(hospital.engine) as connection:
        row = made_under(connection, thing)  # whoever it is addressed to by now hears that it is taken back
        if row.kind not in RETRACTABLE:
            raise RefusedInput(f"a {row.kind} is not taken back; make a new version of it")
        found = Retraction(new_id, row.kind, RecordId(thing), text, by, hospital.now())
        refers = {"patient": row.patient, "encounter": row.encounter}
        keep_message(connection, hospital, Kind.RETRACTION, found, to=addressed(row), by=by, **refers)
    _queue(hospital, found.id)
    return found


def _recall(hospital: Hospital, case: CaseRef, level: RecallLevel, reason: str, by: Author) -> Recall:
    return Recall(
        id=RecordId(hospital.ids.new()),
        encounter=case.encounter.id,
        patient=case.encounter.patient,
        level=level,
        reason=reason,
        by=by,
        at=hospital.now(),
        person=case.person,
    )


def _send(hospital: Hospital, case: CaseRef, by: Author, *things: Answer | Recall) -> None:
    with writing(hospital.engine) as connection:
        for thing in things:
            kind = Kind.RECALL if isinstance(thing, Recall) else Kind.ANSWER
            refers = {"patient": thing.patient, "encounter": thing.encounter}
            keep_message(connection, hospital, kind, thing, to=[case.vehicle], by=by, **refers)
    _queue(hospital, *(thing.id for thing in things))


def _queue(hospital: Hospital, *ids: RecordId) -> None:
    unheard: AccessError | None = None
    for each in ids:
        try:
            queue_issued(hospital, each)
        except AccessError as error:
            unheard = AccessError(str(error), hint=_UNHEARD)
    if unheard is not None:
        raise unheard


def _text(text: str) -> str:
    found = text.strip()
    if not found or len(found) > LONGEST:
        raise RefusedInput(
            f"text: {len(found)} characters, not 1 to {LONGEST}",
            hint=Hint("请写内容，不超过两万字。", "Write something, at most 20,000 characters."),
        )
    return found
