"""Recorder: a Reading becomes a Recording, bound or not, with its outbox rows, in one transaction."""

from functools import cache
from typing import Final, TypeVar

import msgspec

from clinic_records.care import Binding, Encounter, Recording, RecordingStatus
from clinic_records.ids import PatientId, RecordId
from clinic_records.people import Patient
from clinic_records.reading import Reading, Subject
from clinic_records.record import Lane
from devices.catalog import catalog
from vehicle_agent.store.driver import Connection
from vehicle_agent.store.quarantine import quarantine
from vehicle_agent.visits.binding import Bound, Unbound, decide, is_near, measured_at
from vehicle_agent.visits.encounters import VOID
from vehicle_agent.visits.kept import find_order, load_armings, numbers_of, save_armings
from vehicle_agent.visits.orders import Order
from vehicle_agent.visits.quality import is_blocked, mark_of
from vehicle_agent.visits.versions import Act, Version, find, listed, put
from vehicle_agent.visits.views import Arming

Claim = TypeVar("Claim", Order, Arming)
BLOB_LANES: Final = dict.fromkeys(("ultrasound", "xray", "fundus", "picture", "document"), Lane.P4)
"""Modality -> lane of its raw bytes; everything else is P3 (DESIGN, section 4)."""
PROGRESS: Final = "examination"
"""Modality of what a device says of its own progress: it comes beside the pictures and is no second measurement."""
_LOOKED_BACK: Final = 64
"""Recordings of a device looked at for a burst: more parts than this no delivery of ours has before another's."""


class Kept(msgspec.Struct, frozen=True):
    """What became of a delivery: the recording, whether it is new, and the pages it concerns."""

    recording: Recording
    is_new: bool
    topics: tuple[str, ...]


@cache
def of_the_vehicle() -> frozenset[str]:
    """Modalities of readings that are the vehicle's own, by the catalog."""
    return frozenset(row.modality for row in catalog().values() if row.subject == "vehicle")


def blob_lane(modality: str) -> Lane:
    """The lane of a modality's raw bytes."""
    return BLOB_LANES.get(modality, Lane.P3)


def keep(conn: Connection, reading: Reading, new_id: RecordId, act: Act) -> Kept:
    """Keep a reading whose raw bytes Blobs holds already; the same delivery again changes nothing.

    Known again means: same device and same part of the same bytes, or same device and same id given by the device, or
    the same result of the same sample at the same time.
    Bytes that hold a number and neither time, id nor curve, measured just now, are the same only if they came at the
    same moment: two people may weigh the same. Other bytes under an id the device used before are set aside for a
    person, because one of the two would hide the other.
    """
    before = _known(conn, reading)
    if before is not None:
        if before.reading.raw.sha256 != reading.raw.sha256 and not _says_the_same(before.reading, reading):
            reason = f"source_id {reading.source_id} came before with other bytes"
            quarantine(conn, at=act.now, source=reading.device, reason=reason, blob=reading.raw.sha256)
        return Kept(before, is_new=False, topics=())
    if reading.modality in of_the_vehicle():
        own = Recording(id=new_id, reading=reading, status=RecordingStatus.VEHICLE)
        put(conn, own, act, Lane.P3, blobs=(reading.raw.sha256,), blob_lane=Lane.P3)
        return Kept(own, is_new=True, topics=())
    previous = _burst_with(conn, reading)
    armings = load_armings(conn)
    order = _standing(conn, find_order(conn, reading.subject.accession, reading.subject.study))
    window = _standing(conn, armings.at(reading.device, reading.stamp.vehicle_time))
    measured = measured_at(reading)
    people = {found.patient for found in (order, window) if found is not None}
    outcome = decide(
        reading,
        order=order,
        window=window,
        measured_in=None if measured is None else armings.at(reading.device, measured),
        numbers_of={person: _numbers(conn, person) for person in people},
        is_burst=previous is not None,
    )
    mark = mark_of(conn, reading)
    if isinstance(outcome, Bound) and is_blocked(reading.modality, mark):
        outcome = Unbound("quality")
    if isinstance(outcome, Bound):
        binding = Binding(outcome.patient, outcome.encounter, outcome.rule, None, act.now)
        recording = Recording(id=new_id, reading=reading, status=RecordingStatus.BOUND, binding=binding, quality=mark)
        armings.used(reading.device, reading.stamp.vehicle_time, act.now)
        save_armings(conn, armings)
    else:
        recording = Recording(
            id=new_id, reading=reading, status=RecordingStatus.UNBOUND, unbound_reason=outcome.reason, quality=mark
        )
    put(conn, recording, act, Lane.P3, blobs=(reading.raw.sha256,), blob_lane=blob_lane(reading.modality))
    topics = topics_of(recording)
    if previous is not None:
        topics += _take_back(conn, previous, act)
    return Kept(recording, is_new=True, topics=topics)


def topics_of(recording: Recording) -> tuple[str, ...]:
    """The pages a recording stands on."""
    return (f"encounter:{recording.binding.encounter}", "stop") if recording.binding else ("unbound",)


def _known(conn: Connection, reading: Reading) -> Recording | None:
    same_bytes = {"reading.raw.sha256": reading.raw.sha256, "reading.device": reading.device}
    for found in listed(conn, Recording, where=dict(same_bytes)):
        if found.thing.reading.part == reading.part and _is_same_measurement(found.thing.reading, reading):
            return found.thing
    if reading.source_id:
        same_id = {"reading.source_id": reading.source_id, "reading.device": reading.device}
        for found in listed(conn, Recording, where=dict(same_id)):
            if found.thing.reading.raw.sha256 != reading.raw.sha256:
                return found.thing
    return _told_again(conn, reading)


def _told_again(conn: Connection, reading: Reading) -> Recording | None:
    """The same result of the same sample in other bytes: an analyser that heard no yes writes its message anew."""
    time, subject = reading.stamp.device_time, reading.subject
    if time is None or not reading.numerics or not (subject.accession or subject.patient_id):
        return None
    same_time = {"reading.device": reading.device, "reading.stamp.device_time": msgspec.to_builtins(time)}
    for found in listed(conn, Recording, where=same_time):
        before = found.thing.reading
        if before.raw.sha256 != reading.raw.sha256 and _result(before) == _result(reading):
            return found.thing
    return None


def _result(reading: Reading) -> tuple[object, ...]:
    return reading.modality, reading.subject, reading.numerics, reading.content


def _is_same_measurement(before: Reading, reading: Reading) -> bool:
    """Whether equal bytes of one device are one measurement."""
    says_which = reading.source_id or reading.stamp.device_time or reading.content or reading.subject.accession
    return bool(says_which) or reading.from_memory or before.stamp.vehicle_time == reading.stamp.vehicle_time


def _says_the_same(before: Reading, reading: Reading) -> bool:
    """Whether the same came once more inside another dialogue or message: same time, same numbers."""
    return (
        (reading.from_memory or _result(before) == _result(reading))
        and reading.stamp.device_time is not None
        and (reading.stamp.device_time, reading.numerics) == (before.stamp.device_time, before.numerics)
    )


def _burst_with(conn: Connection, reading: Reading) -> Version[Recording] | None:
    """The recording of the same device that came so shortly before that both are a memory dump, if any.

    Parts of one delivery that name one and the same person are no dump: a panel has several orders.
    """
    if reading.modality == PROGRESS:
        return None
    newest = listed(conn, Recording, where={"reading.device": reading.device}, newest_first=True, limit=_LOOKED_BACK)
    for version in newest:
        before = version.thing.reading
        if before.modality == PROGRESS:
            continue
        if before.raw.sha256 != reading.raw.sha256 or not _is_one_person(before.subject, reading.subject):
            return version if is_near(before.stamp, reading.stamp) else None
    return None


def _is_one_person(one: Subject, other: Subject) -> bool:
    return one.patient_id == other.patient_id and bool(one.patient_id)


def _take_back(conn: Connection, previous: Version[Recording], act: Act) -> tuple[str, ...]:
    """The first of a burst was bound before anybody could know: it goes to the tray like the rest."""
    recording = previous.thing
    if recording.binding is None or recording.binding.rule != "armed":
        return ()
    taken = msgspec.structs.replace(recording, status=RecordingStatus.UNBOUND, binding=None, unbound_reason="burst")
    put(conn, taken, act, previous.record.lane, before=previous.record, blobs=previous.record.blobs)
    return (*topics_of(recording), "unbound")


def _standing(conn: Connection, claim: Claim | None) -> Claim | None:
    """An order or a window; none where its encounter was cancelled or entered in error, for that owns nothing."""
    version = None if claim is None else find(conn, Encounter, claim.encounter)
    return None if version is not None and version.thing.status in VOID else claim


def _numbers(conn: Connection, patient_id: PatientId) -> tuple[str, ...]:
    version = find(conn, Patient, patient_id)
    return () if version is None else numbers_of(version.thing)
