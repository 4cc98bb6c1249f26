"""Opening and finishing a person's encounter."""

from datetime import date, datetime
from typing import Final

import msgspec

from clinic_records.care import ENCOUNTER_MOVES, Encounter, EncounterStatus, Recording, move
from clinic_records.clock import CHINA
from clinic_records.errors import Conflict, Hint, RefusedInput
from clinic_records.ids import EncounterId, PatientId
from clinic_records.people import Author, Patient
from vehicle_agent.store.driver import Connection
from vehicle_agent.visits.stops import OVER, open_one
from vehicle_agent.visits.versions import Act, get, listed, put
from vehicle_agent.visits.views import QueueRow

VOID: Final = frozenset({EncounterStatus.CANCELLED, EncounterStatus.ENTERED_IN_ERROR})
"""Encounters that cannot own anything."""


def open_encounter(
    conn: Connection, patient_id: PatientId, reason: str, new_id: EncounterId, author: Author, now: datetime
) -> Encounter:
    """Start the person's encounter at the open stop.

    Raises:
        NotFound: no such person.
        Conflict: no stop is open, or this person's encounter is open already.
    """
    patient = get(conn, Patient, patient_id).thing
    stop = open_one(conn)
    if stop is None:
        raise Conflict("no stop is open", hint=Hint("请先开站。", "Open the stop first."))
    for version in listed(conn, Encounter, where={"patient": patient_id, "stop": stop.thing.id}):
        if version.thing.status not in OVER:
            raise Conflict(
                f"encounter {version.thing.id} of this person is open",
                hint=Hint("这个人的诊次已经开着。", "This person's encounter is open already."),
            )
    encounter = Encounter(
        id=new_id,
        patient=patient.id,
        stop=stop.thing.id,
        status=EncounterStatus.IN_PROGRESS,
        started_at=now,
        author=author,
        reason=reason.strip(),
        schedule_version=stop.thing.schedule_version,
        visit_id=stop.thing.visit_id,
    )
    put(conn, encounter, Act(author, now))
    return encounter


def finish(conn: Connection, encounter_id: EncounterId, act: Act) -> Encounter:
    """Finish it; finishing a finished one changes nothing.

    Raises:
        NotFound: no such encounter.
        Conflict: its state does not allow it.
    """
    version = get(conn, Encounter, encounter_id)
    if version.thing.status is EncounterStatus.FINISHED:
        return version.thing
    status = move(ENCOUNTER_MOVES, version.thing.status, EncounterStatus.FINISHED)
    finished = msgspec.structs.replace(version.thing, status=status, finished_at=act.now)
    put(conn, finished, act, before=version.record)
    return finished


def set_follow_up(conn: Connection, encounter_id: EncounterId, day: date | None, act: Act) -> Encounter:
    """Say when the person is due again; None takes it back.

    Raises:
        NotFound: no such encounter.
        Conflict: it is over.
        RefusedInput: a day that is not to come.
    """
    if day is not None and day <= act.now.astimezone(CHINA).date():
        raise RefusedInput(f"follow-up on {day}", hint=Hint("复诊要选以后的日子。", "Choose a day to come."))
    must_be_open(conn, encounter_id)
    version = get(conn, Encounter, encounter_id)
    if version.thing.follow_up_on == day:
        return version.thing
    due = msgspec.structs.replace(version.thing, follow_up_on=day)
    put(conn, due, act, before=version.record)
    return due


def must_be_open(conn: Connection, encounter_id: EncounterId) -> Encounter:
    """The encounter, where care still goes on.

    Raises:
        NotFound: no such encounter.
        Conflict: it is over.
    """
    encounter = get(conn, Encounter, encounter_id).thing
    if encounter.status in OVER:
        raise Conflict(
            f"encounter {encounter_id} is {encounter.status}", hint=Hint("这个诊次已结束。", "This encounter is over.")
        )
    return encounter


def queue_of(conn: Connection, stop_id: str) -> list[QueueRow]:
    """Everybody seen at a stop, in the order they came."""
    rows = []
    for version in listed(conn, Encounter, where={"stop": stop_id}):
        patient = get(conn, Patient, version.thing.patient).thing
        count = len(listed(conn, Recording, where={"binding.encounter": version.thing.id}))
        rows.append(QueueRow(patient, version.thing, count))
    return rows
