"""What a person decides about a recording: whose it is, that it does not count, that it is urgent."""

import msgspec

from clinic_records.care import RECORDING_MOVES, Binding, Encounter, Recording, RecordingStatus, move
from clinic_records.errors import Conflict, Hint, RefusedInput
from clinic_records.ids import EncounterId, RecordId
from clinic_records.people import Patient
from clinic_records.questions import QUESTIONS
from clinic_records.record import Lane
from vehicle_agent.store.driver import Connection
from vehicle_agent.visits.encounters import VOID
from vehicle_agent.visits.recorder import blob_lane
from vehicle_agent.visits.versions import Act, Version, get, put


def bind(conn: Connection, recording_id: RecordId, encounter_id: EncounterId, act: Act) -> Recording:
    """The person says whose it is; an urgent one keeps its lane and gets the new headers.

    Raises:
        NotFound: no such recording or encounter.
        Conflict: the encounter is void, or the recording was superseded.
    """
    version = get(conn, Recording, recording_id)
    encounter = get(conn, Encounter, encounter_id).thing
    if encounter.status in VOID:
        raise Conflict(f"encounter {encounter_id} is {encounter.status}")
    bound = msgspec.structs.replace(
        version.thing,
        status=move(RECORDING_MOVES, version.thing.status, RecordingStatus.BOUND),
        binding=Binding(encounter.patient, encounter.id, "person", act.author, act.now),
        unbound_reason="",
    )
    if version.thing.unbound_reason == "quality":
        bound = msgspec.structs.replace(bound, released=act.author)
    return _next(conn, version, _with_headers(conn, bound) if bound.urgent else bound, act)


def reject(conn: Connection, recording_id: RecordId, reason: str, act: Act) -> Recording:
    """It does not count, and why; the raw bytes stay.

    Raises:
        RefusedInput: no reason was given.
        NotFound: no such recording.
        Conflict: it was rejected or superseded before.
    """
    if not reason.strip():
        raise RefusedInput("reason: say why it does not count", hint=Hint("请写原因。", "Give the reason."))
    version = get(conn, Recording, recording_id)
    status = move(RECORDING_MOVES, version.thing.status, RecordingStatus.REJECTED)
    rejected = msgspec.structs.replace(version.thing, status=status, unbound_reason=reason.strip())
    return _next(conn, version, rejected, act)


def answer(conn: Connection, recording_id: RecordId, key: str, value: str, act: Act) -> Recording:
    """What a person says beside the numbers; another answer to the same question is another version.

    Raises:
        NotFound: no such recording.
        RefusedInput: nobody asks that of this modality, or it is none of the answers.
    """
    version = get(conn, Recording, recording_id)
    questions = {question.key: question for question in QUESTIONS.get(version.thing.reading.modality, ())}
    if key not in questions or value not in questions[key].answers:
        raise RefusedInput(f"{key[:20]!r} = {value[:20]!r} is no answer about a {version.thing.reading.modality}")
    answered = msgspec.structs.replace(version.thing, answers={**version.thing.answers, key: value})
    return _next(conn, version, answered, act)


def mark_urgent(conn: Connection, recording_id: RecordId, act: Act) -> Recording:
    """A new version in lane P0 with person and encounter inline; its raw bytes are raised to P0 (sync rule 19).

    Raises:
        NotFound: no such recording.
        Conflict: nobody has said whose it is.
    """
    version = get(conn, Recording, recording_id)
    if version.thing.urgent:
        return version.thing
    if version.thing.binding is None or version.thing.status is RecordingStatus.REJECTED:
        raise Conflict(
            f"recording {recording_id} is {version.thing.status}",
            hint=Hint("先把它归到人，再标急。", "Say whose it is first, then mark it urgent."),
        )
    urgent = _with_headers(conn, msgspec.structs.replace(version.thing, urgent=True))
    return _next(conn, version, urgent, act)


def _with_headers(conn: Connection, recording: Recording) -> Recording:
    if recording.binding is None:
        return recording
    return msgspec.structs.replace(
        recording,
        patient=get(conn, Patient, recording.binding.patient).thing,
        encounter=get(conn, Encounter, recording.binding.encounter).thing,
    )


def _next(conn: Connection, version: Version[Recording], recording: Recording, act: Act) -> Recording:
    lane = Lane.P0 if recording.urgent else None
    blobs = Lane.P0 if recording.urgent else blob_lane(recording.reading.modality)
    put(conn, recording, act, lane, before=version.record, blobs=version.record.blobs, blob_lane=blobs)
    return recording
