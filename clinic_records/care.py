"""Stops, encounters and recordings: what happens at a village, with the states each may pass through."""

from collections.abc import Mapping
from datetime import date, datetime, time
from enum import StrEnum
from typing import Final, TypeVar

import msgspec

from clinic_records.errors import Conflict
from clinic_records.ids import EncounterId, PatientId, RecordId, StopId
from clinic_records.people import Author, Patient
from clinic_records.quality import QualityMark
from clinic_records.reading import Reading


class StopStatus(StrEnum):
    """The life of one stop at one point."""

    PLANNED = "planned"
    EN_ROUTE = "en-route"
    OPEN = "open"
    CLOSED = "closed"
    REPORTED = "reported"
    MOVED = "moved"
    CANCELLED = "cancelled"
    MISSED = "missed"


class EncounterStatus(StrEnum):
    """FHIR R4 Encounter.status, the values we use."""

    PLANNED = "planned"
    ARRIVED = "arrived"
    TRIAGED = "triaged"
    IN_PROGRESS = "in-progress"
    FINISHED = "finished"
    CANCELLED = "cancelled"
    ENTERED_IN_ERROR = "entered-in-error"


class RecordingStatus(StrEnum):
    """Where a captured reading stands."""

    UNBOUND = "unbound"
    BOUND = "bound"
    VALIDATED = "validated"
    REJECTED = "rejected"
    SUPERSEDED = "superseded"
    VEHICLE = "vehicle"
    """the vehicle's own (its place, its refrigerator): nobody's, and it waits for nobody"""


State = TypeVar("State", bound=StrEnum)

STOP_MOVES: Final[Mapping[StopStatus, frozenset[StopStatus]]] = {
    StopStatus.PLANNED: frozenset(
        {
            StopStatus.EN_ROUTE,
            StopStatus.OPEN,
            StopStatus.MOVED,
            StopStatus.CANCELLED,
            StopStatus.MISSED,
        }
    ),
    StopStatus.EN_ROUTE: frozenset({StopStatus.OPEN, StopStatus.CANCELLED, StopStatus.MISSED}),
    StopStatus.OPEN: frozenset({StopStatus.CLOSED}),
    StopStatus.CLOSED: frozenset({StopStatus.OPEN, StopStatus.REPORTED}),
}

_E = EncounterStatus
ENCOUNTER_MOVES: Final[Mapping[EncounterStatus, frozenset[EncounterStatus]]] = {
    _E.PLANNED: frozenset({_E.ARRIVED, _E.CANCELLED, _E.ENTERED_IN_ERROR}),
    _E.ARRIVED: frozenset({_E.TRIAGED, _E.IN_PROGRESS, _E.CANCELLED, _E.ENTERED_IN_ERROR}),
    _E.TRIAGED: frozenset({_E.IN_PROGRESS, _E.CANCELLED, _E.ENTERED_IN_ERROR}),
    _E.IN_PROGRESS: frozenset({_E.FINISHED, _E.CANCELLED, _E.ENTERED_IN_ERROR}),
    _E.FINISHED: frozenset({_E.ENTERED_IN_ERROR}),
}

_R = RecordingStatus
RECORDING_MOVES: Final[Mapping[RecordingStatus, frozenset[RecordingStatus]]] = {
    _R.UNBOUND: frozenset({_R.BOUND, _R.REJECTED}),
    _R.BOUND: frozenset({_R.UNBOUND, _R.BOUND, _R.VALIDATED, _R.REJECTED, _R.SUPERSEDED}),
    _R.VALIDATED: frozenset({_R.REJECTED, _R.SUPERSEDED}),
    _R.REJECTED: frozenset({_R.UNBOUND, _R.BOUND}),
}


def move(moves: Mapping[State, frozenset[State]], now: State, to: State) -> State:
    """`to`, if the table allows it from `now`.

    Raises:
        Conflict: it does not.
    """
    if to not in moves.get(now, frozenset()):
        raise Conflict(f"{type(now).__name__}: {now} cannot become {to}")
    return to


class Stop(msgspec.Struct, frozen=True, omit_defaults=True):
    """One visit of one vehicle to one clinic point; `id` is the schedule's visit id, or a UUIDv7 when unscheduled."""

    id: StopId
    vehicle: str
    point_id: str
    point_name: str
    village: str
    day: date
    start: time
    end: time
    status: StopStatus = StopStatus.PLANNED
    schedule_version: int = 0
    crew: tuple[str, ...] = ()
    ordinal: int = 0
    opened_at: datetime | None = None
    closed_at: datetime | None = None


class Encounter(msgspec.Struct, frozen=True, omit_defaults=True):
    """One person's care at one stop (FHIR R4 Encounter). A finished one changes only by amendment (law 4)."""

    id: EncounterId
    patient: PatientId
    stop: StopId
    status: EncounterStatus
    started_at: datetime
    author: Author
    reason: str = ""
    mode: str = "on-site"
    finished_at: datetime | None = None
    awaiting_opinion: bool = False


class Binding(msgspec.Struct, frozen=True):
    """To whom a recording belongs, and why (law 9): `worklist`, `armed`, or `person` (with the person who decided)."""

    patient: PatientId
    encounter: EncounterId
    rule: str
    by: Author | None
    at: datetime


class Recording(msgspec.Struct, frozen=True, omit_defaults=True):
    """A Reading with its place in the clinic: bound or not, and why not."""

    id: RecordId
    reading: Reading
    status: RecordingStatus
    binding: Binding | None = None
    unbound_reason: str = ""
    urgent: bool = False
    quality: QualityMark | None = None
    """What stood against it when it came: it counts once `released` (H18)."""
    released: Author | None = None
    release_note: str = ""
    answers: dict[str, str] = {}
    """What a person said beside the numbers, by key of `clinic_records.questions`."""
    patient: Patient | None = None
    encounter: Encounter | None = None
    """Headers inline on an urgent one only, so that it never waits for its patient (sync rule 19)."""
