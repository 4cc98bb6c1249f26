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
    StopStatus.MISSED: frozenset({StopStatus.OPEN}),  # the road was cleared after all
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


class CheckInWay(StrEnum):
    """How it is known that a vehicle came to a place or left it."""

    POSITION = "position"
    """its satellite receiver"""
    HAND = "hand"
    """a person says so"""


class CheckIn(msgspec.Struct, frozen=True, omit_defaults=True):
    """That a vehicle came to its stop, or left it. A difference between clocks or places is told, never corrected.

    Attributes:
        at: when, by the vehicle's clock, or as the person said.
        by: who said it; None where the position did.
        lon, lat: degrees, WGS 84, of the fix next to it; None where there was none.
        metres: from that fix to the clinic point; None where either is not known.
        clock_ahead_s: the vehicle's clock minus the satellites' at that fix.
    """

    at: datetime
    way: CheckInWay
    by: Author | None = None
    lon: float | None = None
    lat: float | None = None
    metres: int | None = None
    clock_ahead_s: int | None = None


class Substitution(msgspec.Struct, frozen=True, omit_defaults=True):
    """On the spot: somebody came in place of a planned person.

    Attributes:
        planned: staff id of who was to come.
        instead: staff id of who came; empty where nobody did.
        name: of who came, as it was known here.
    """

    planned: str
    instead: str
    name: str
    reason: str
    by: Author
    at: datetime


class Stop(msgspec.Struct, frozen=True, omit_defaults=True):
    """One stay of one vehicle at one clinic point, or why there was none.

    Attributes:
        visit_id: the schedule's visit; empty where the stop is unscheduled. Two vehicles may each have a stop of it.
        schedule_version: the version its vehicle-day goes by; 0 where there was none.
        crew: staff ids as planned; `substitutions` says who came instead.
        reason: why it was missed, or why it is made although nobody planned it.
        makes_up_for: the missed visit that an unscheduled stop makes up for.
    """

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
    visit_id: str = ""
    arrived: CheckIn | None = None
    left: CheckIn | None = None
    substitutions: tuple[Substitution, ...] = ()
    reason: str = ""
    makes_up_for: str = ""


class Encounter(msgspec.Struct, frozen=True, omit_defaults=True):
    """One person's care at one stop (FHIR R4 Encounter). A finished one changes only by amendment (law 4).

    Attributes:
        schedule_version, visit_id: of the stop, as it stood when the encounter began.
        follow_up_on: the day the person is due again; None where nobody said.
    """

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
    schedule_version: int = 0
    visit_id: str = ""
    follow_up_on: date | None = None


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
