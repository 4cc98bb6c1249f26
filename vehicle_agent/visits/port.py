"""What the pages may ask of the desk, as a Protocol: pages never see a database."""

from collections.abc import AsyncIterator
from typing import NamedTuple, Protocol

from clinic_records.care import Encounter, Recording, Stop
from clinic_records.ids import DeviceId, EncounterId, PatientId, RecordId
from clinic_records.people import Author, Patient
from clinic_web.draw.picture import USUAL, Picture, View
from vehicle_agent.visits.events import EventHub
from vehicle_agent.visits.identity_desk import IdentityDesk
from vehicle_agent.visits.message_desk import MessageDesk
from vehicle_agent.visits.quality_desk import QualityDesk
from vehicle_agent.visits.quarantine_desk import QuarantineDesk
from vehicle_agent.visits.stop_desk import StopDesk
from vehicle_agent.visits.stops import Seen
from vehicle_agent.visits.views import (
    Arming,
    DeviceView,
    EncounterView,
    NewPatient,
    Quarantined,
    RecordingView,
    SyncView,
    TodayView,
    UrgentView,
)


class RawBlob(NamedTuple):
    """Raw bytes on their way to a page: never whole in memory, a study has some 200 MB.

    Attributes:
        size: of all pieces together, bytes.
        pieces: in order; reading raises RefusedInput where the file on the disk is damaged.
    """

    size: int
    pieces: AsyncIterator[bytes]


class DeskPort(Protocol):
    """What the pages may call; `vehicle_agent.visits.desk.Desk` is the one."""

    events: EventHub
    identity: IdentityDesk
    quality: QualityDesk
    messages: MessageDesk
    aside: QuarantineDesk
    stops: StopDesk

    @property
    def is_open(self) -> bool:
        """Whether somebody unlocked the store since the agent started."""

    async def people(self) -> list[Author]:
        """Who may log in here: everyone with a PIN slot."""

    async def login(self, staff: str, pin: str) -> Author:
        """Unlock with a PIN. Raises AccessError: wrong, or five tries used up."""

    async def today(self) -> TodayView:
        """Today's stop and its queue."""

    async def search(self, text: str) -> list[Patient]:
        """Patients by part of the name, resident id (or its last digits), insurance code or phone; at most 50."""

    async def patient(self, patient_id: PatientId) -> Patient:
        """One person. Raises NotFound."""

    async def register(self, form: NewPatient, author: Author) -> Patient:
        """Keep a new person. Raises RefusedInput: the form has a mistake; Conflict: that resident id is known."""

    async def open_stop(self, author: Author, seen: Seen | None = None) -> Stop:
        """Open today's planned stop, or an unscheduled one. The open one, where there is one already.

        `seen` is what the page said; without it the next stop is meant. Raises Conflict: that is not so any more.
        """

    async def close_stop(self, author: Author) -> Stop:
        """Close it and write day-closed. Raises Conflict: an encounter is still open."""

    async def open_encounter(self, patient_id: PatientId, reason: str, author: Author) -> Encounter:
        """Start a person's encounter at the open stop. Raises Conflict: no stop is open, or one exists."""

    async def encounter(self, encounter_id: EncounterId) -> EncounterView:
        """One encounter with its person, recordings and the devices. Raises NotFound."""

    async def finish(self, encounter_id: EncounterId, author: Author) -> Encounter:
        """Finish it; devices armed for it are disarmed."""

    async def devices(self) -> list[DeviceView]:
        """The configured devices, in the settings' order."""

    async def instruments(self) -> list[RecordingView]:
        """The last reading of each of the vehicle's own instruments."""

    async def arm(self, device: DeviceId, encounter_id: EncounterId, author: Author) -> Arming:
        """Let `device` wait for the person of this encounter; ends an arming of the same device."""

    async def disarm(self, device: DeviceId, author: Author) -> None:
        """End the arming of `device`, if any."""

    async def unbound(self) -> list[RecordingView]:
        """Recordings that wait for a person to say whose they are."""

    async def bind(self, recording_id: RecordId, encounter_id: EncounterId, author: Author) -> Recording:
        """A person's decision whose it is; a new revision."""

    async def reject(self, recording_id: RecordId, reason: str, author: Author) -> Recording:
        """Not a patient's, or not usable; a new revision with the reason in `unbound_reason`."""

    async def answer(self, recording_id: RecordId, key: str, value: str, author: Author) -> Recording:
        """What a person says beside the numbers; a new revision. Raises RefusedInput: no such question or answer."""

    async def mark_urgent(self, recording_id: RecordId, author: Author) -> Recording:
        """A new revision in lane P0 with patient and encounter inline; its blobs are raised to P0."""

    async def recording(self, recording_id: RecordId) -> RecordingView:
        """One recording. Raises NotFound."""

    async def urgent(self) -> list[UrgentView]:
        """What was marked urgent in the last day: sent, received, and seen by whom."""

    async def phoned(self, recording_id: RecordId, note: str, author: Author) -> None:
        """Somebody was reached by phone about an urgent recording. Raises NotFound."""

    async def quarantine(self) -> list[Quarantined]:
        """Deliveries nobody could understand, newest first."""

    async def raw(self, sha256: str) -> RawBlob:
        """The raw bytes of a blob, piece by piece. Raises NotFound."""

    async def picture(self, recording_id: RecordId, lang: str, view: View = USUAL) -> Picture:
        """Drawn in a child process. Raises RefusedInput: nothing can be drawn of it."""

    async def sync_status(self) -> SyncView:
        """Where everything stands on its way to the hospital."""
