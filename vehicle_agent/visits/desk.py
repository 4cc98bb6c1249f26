"""The desk: everything a nurse can do, as one table of methods for the pages, the control socket and the demo.

Every method that writes returns only after the transaction is committed and small envelopes lie sealed in the spool.
Methods raise StoreLocked until somebody has logged in; `login`, `people`, `devices` and `sync_status` work before.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final, Protocol, TypeVar

import msgspec

from clinic_records.care import Encounter, Recording, Stop
from clinic_records.clock import Clock
from clinic_records.errors import AccessError
from clinic_records.ids import DeviceId, EncounterId, IdFactory, PatientId, RecordId, StopId, blob_hash
from clinic_records.people import Author, Patient
from clinic_web.draw.picture import USUAL, Picture, View
from devices.dicom.worklist import WorklistItem
from vehicle_agent.store.audit import add_entry
from vehicle_agent.store.blob_file import BlobFile
from vehicle_agent.store.driver import Connection
from vehicle_agent.store.slots import Slots
from vehicle_agent.store.store import Store
from vehicle_agent.store.vault import Vault
from vehicle_agent.visits import decisions, encounters, kept, look, once, patients, stops, urgent
from vehicle_agent.visits.armed import arm_device, disarm_device, finish_encounter
from vehicle_agent.visits.events import EventHub
from vehicle_agent.visits.identity_desk import IdentityDesk
from vehicle_agent.visits.identity_known import named_by
from vehicle_agent.visits.message_desk import MessageDesk
from vehicle_agent.visits.permitted import all_permitted, permitted
from vehicle_agent.visits.port import DeskPort, RawBlob
from vehicle_agent.visits.quality_desk import QualityDesk
from vehicle_agent.visits.quarantine_desk import QuarantineDesk
from vehicle_agent.visits.recorder import topics_of
from vehicle_agent.visits.roster import Roster
from vehicle_agent.visits.stop_desk import StopDesk
from vehicle_agent.visits.stops import Seen
from vehicle_agent.visits.versions import Act, get
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

T = TypeVar("T")

_PIECE: Final = 256 * 1024  # bytes of a blob in memory at a time

__all__ = ["Artist", "Desk", "DeskPort"]


class Artist(Protocol):
    """Draws a recording away from this process."""

    async def draw(self, store: Store, recording: Recording, lang: str, view: View) -> Picture:
        """See Desk.picture."""


class Desk(DeskPort):
    """The nurse's desk on one vehicle."""

    def __init__(
        self,
        *,
        vehicle: str,
        vault: Vault,
        slots: Slots,
        roster: Roster,
        clock: Clock,
        ids: IdFactory,
        artist: Artist,
        look_at_sync: Callable[[], Awaitable[SyncView]],
        sending: Callable[[], frozenset[str]],
        on_open: Callable[[Store], Awaitable[None]],
    ) -> None:
        """Nothing is opened yet.

        Args:
            vehicle: its id.
            vault: opened by the first login.
            slots: who may log in.
            roster: the configured devices.
            clock: the vehicle's time.
            ids: ids of new things.
            artist: draws pictures in a child.
            look_at_sync: counts and link, for `sync_status`.
            sending: wire hashes of the envelopes under way just now.
            on_open: awaited right after the store was opened, before `login` returns; where it fails, at the next
                login again, so that the store is never open without what must run with it.
        """
        self.events = EventHub()
        self.identity = IdentityDesk(vault, self.events, clock)
        self.quality = QualityDesk(vault, roster, self.events, clock, ids)
        self.messages = MessageDesk(vehicle, vault, self.events, clock, ids)
        self.aside = QuarantineDesk(vault, self.events, clock)
        self.stops = StopDesk(vehicle, vault, self.events, clock, ids)
        self._vehicle = vehicle
        self._vault = vault
        self._slots = slots
        self._roster = roster
        self._clock = clock
        self._ids = ids
        self._artist = artist
        self._look_at_sync = look_at_sync
        self._sending = sending
        self._on_open = on_open
        self._opening = asyncio.Lock()
        self._is_begun = False
        self._readers = ThreadPoolExecutor(2, "desk-reader")

    @property
    def is_open(self) -> bool:
        """Whether somebody unlocked the store since the agent started."""
        return self._vault.is_open

    async def people(self) -> list[Author]:
        """Who may log in here: everyone with a PIN slot; once the store is open, whom the hospital's list allows."""
        people = await self._aside(self._slots.people)
        return await self._read(lambda conn: all_permitted(conn, people)) if self.is_open else people

    async def login(self, staff: str, pin: str) -> Author:
        """Check the PIN, and unlock the store where it is locked.

        Raises:
            AccessError: unknown person, wrong PIN, too many tries, or the hospital's list leaves them out; then a
                store that was locked is locked again.
        """
        slot, data_key = await self._aside(partial(self._slots.unlock, staff, pin))
        async with self._opening:
            was_open = self._vault.is_open
            store = await self._aside(partial(self._vault.open_with, data_key))
            try:
                author = await self._aside(partial(store.read, lambda conn: permitted(conn, slot)))
            except AccessError:
                if not was_open:
                    await self._aside(self._vault.lock)
                raise
            if not (was_open and self._is_begun):
                await self._on_open(store)
                self._is_begun = True
                self.events.publish("stop", "devices", "unbound", "sync")
        entry = msgspec.json.encode(author)
        await self._write(lambda conn: add_entry(conn, "login", entry, self._clock.now()))
        return author

    async def today(self) -> TodayView:
        """Today's stop and its queue."""
        return await self._read(lambda conn: look.today(conn, self._vehicle, self._clock.now()))

    async def search(self, text: str) -> list[Patient]:
        """Whom a scanned code names; else by part of the name, or of a number (at least 4 characters); at most 50."""
        return await self._read(lambda conn: named_by(conn, text) or patients.search(conn, text))

    async def patient(self, patient_id: PatientId) -> Patient:
        """One person. Raises NotFound."""
        return (await self._read(lambda conn: get(conn, Patient, patient_id))).thing

    async def register(self, form: NewPatient, author: Author) -> Patient:
        """Keep a new person, once for a form's key. Raises RefusedInput: a mistake in it; Conflict: a known number."""
        new_id = PatientId(self._ids.new())
        patient = await self._write(lambda conn: once.register_once(conn, form, new_id, self._act(author)), "stop")
        if form.card:
            await self.identity.use_card(form.card, patient.id, author)
        return patient

    async def open_stop(self, author: Author, seen: Seen | None = None) -> Stop:
        """Open today's planned stop, or an unscheduled one. The open one, where there is one already.

        `seen` is what the page said; without it the next stop is meant. Raises as visits.stops.open_seen.
        """
        new_id, act = StopId(self._ids.new()), self._act(author)
        if seen is None:
            return await self._write(lambda conn: stops.open_stop(conn, self._vehicle, new_id, act), "stop")
        return await self._write(lambda conn: stops.open_seen(conn, self._vehicle, new_id, act, seen), "stop")

    async def close_stop(self, author: Author) -> Stop:
        """Close it and write day-closed. Raises Conflict: no stop is open, or an encounter of it is."""
        new_id = self._ids.new()
        return await self._write(lambda conn: stops.close_stop(conn, self._vehicle, new_id, self._act(author)), "stop")

    async def open_encounter(self, patient_id: PatientId, reason: str, author: Author) -> Encounter:
        """Start a person's encounter at the open stop. Raises Conflict: no stop is open, or theirs is open already."""
        new_id = EncounterId(self._ids.new())
        now = self._clock.now()
        return await self._write(
            lambda conn: encounters.open_encounter(conn, patient_id, reason, new_id, author, now), "stop"
        )

    async def encounter(self, encounter_id: EncounterId) -> EncounterView:
        """One encounter with its person, recordings and the devices. Raises NotFound."""
        return await self._read(lambda conn: look.encounter(conn, encounter_id, self._scene()))

    async def finish(self, encounter_id: EncounterId, author: Author) -> Encounter:
        """Finish it; devices armed for it are disarmed in the same transaction."""
        return await self._write(
            lambda conn: finish_encounter(conn, encounter_id, self._act(author)),
            "stop",
            "devices",
            f"encounter:{encounter_id}",
        )

    async def devices(self) -> list[DeviceView]:
        """The configured devices, in the settings' order."""
        if not self.is_open:
            return look.devices(None, self._roster, self._clock.now())
        return await self._read(lambda conn: look.devices(conn, self._roster, self._clock.now()))

    async def instruments(self) -> list[RecordingView]:
        """The last reading of each of the vehicle's own instruments."""
        return await self._read(lambda conn: look.instruments(conn, self._scene()))

    async def arm(self, device: DeviceId, encounter_id: EncounterId, author: Author) -> Arming:
        """Let `device` wait for the person of this encounter; ends an arming of the same device."""
        found = self._roster.get(device)
        return await self._write(
            lambda conn: arm_device(conn, found, encounter_id, author, self._clock.now()),
            "devices",
            f"encounter:{encounter_id}",
        )

    async def disarm(self, device: DeviceId, author: Author) -> None:
        """End the arming of `device`, if any."""
        await self._write(lambda conn: disarm_device(conn, device, self._act(author)), "devices")

    async def unbound(self) -> list[RecordingView]:
        """Recordings that wait for a person to say whose they are, oldest first."""
        return await self._read(lambda conn: look.unbound(conn, self._scene()))

    async def bind(self, recording_id: RecordId, encounter_id: EncounterId, author: Author) -> Recording:
        """A person's decision whose it is; a new revision."""
        return await self._decide(lambda conn: decisions.bind(conn, recording_id, encounter_id, self._act(author)))

    async def reject(self, recording_id: RecordId, reason: str, author: Author) -> Recording:
        """Not a patient's, or not usable; a new revision with the reason in `unbound_reason`."""
        return await self._decide(lambda conn: decisions.reject(conn, recording_id, reason, self._act(author)))

    async def answer(self, recording_id: RecordId, key: str, value: str, author: Author) -> Recording:
        """What a person says beside the numbers: fasting, the arm ...; a new revision."""
        return await self._decide(lambda conn: decisions.answer(conn, recording_id, key, value, self._act(author)))

    async def mark_urgent(self, recording_id: RecordId, author: Author) -> Recording:
        """A new revision in lane P0 with patient and encounter inline; its blobs are raised to P0."""
        return await self._decide(lambda conn: decisions.mark_urgent(conn, recording_id, self._act(author)))

    async def recording(self, recording_id: RecordId) -> RecordingView:
        """One recording. Raises NotFound."""

        def job(conn: Connection) -> RecordingView:
            found = get(conn, Recording, recording_id).thing
            return look.recordings(conn, [found], self._scene())[0]

        return await self._read(job)

    async def urgent(self) -> list[UrgentView]:
        """What was marked urgent in the last day: sent, received, and seen by whom."""
        return await self._read(lambda conn: urgent.urgent(conn, self._clock.now(), self._sending()))

    async def phoned(self, recording_id: RecordId, note: str, author: Author) -> None:
        """Somebody was reached by phone about an urgent recording. Raises NotFound."""
        await self._write(lambda conn: urgent.phoned(conn, recording_id, note, author, self._clock.now()), "urgent")

    async def quarantine(self) -> list[Quarantined]:
        """Deliveries nobody could understand, newest first."""
        return await self._read(look.quarantined)

    async def raw(self, sha256: str) -> RawBlob:
        """The raw bytes of a blob, piece by piece. Raises NotFound; RefusedInput: that is no hash."""
        blob = await self._aside(partial(self._vault.store.blobs.locate, blob_hash(sha256)))
        return RawBlob(blob.size, self._pieces(blob))

    async def _pieces(self, blob: BlobFile) -> AsyncIterator[bytes]:
        with blob.plain() as source:
            while data := await self._aside(partial(source.read, _PIECE)):
                yield data

    async def picture(self, recording_id: RecordId, lang: str, view: View = USUAL) -> Picture:
        """The recording drawn in a child process, in `zh` or `en`. Raises RefusedInput: nothing can be drawn of it."""
        found = (await self._read(lambda conn: get(conn, Recording, recording_id))).thing
        return await self._artist.draw(self._vault.store, found, lang, view)

    async def sync_status(self) -> SyncView:
        """Where everything stands on its way to the hospital."""
        return await self._look_at_sync()

    async def worklist(self) -> list[WorklistItem]:
        """What the DICOM devices may pick; nothing while the store is locked."""
        if not self.is_open:
            return []
        return await self._read(lambda conn: kept.worklist(conn, self._roster.worklist_titles()))

    def _scene(self) -> look.Scene:
        return look.Scene(self._roster, self._clock.now(), self._sending())

    def _act(self, author: Author) -> Act:
        return Act(author, self._clock.now())

    async def _decide(self, job: Callable[[Connection], Recording]) -> Recording:
        recording = await self._write(job, "unbound", "stop")
        self.events.publish(*topics_of(recording))
        return recording

    async def _write(self, job: Callable[[Connection], T], *topics: str) -> T:
        done = await asyncio.wrap_future(self._vault.store.submit(job))
        self.events.publish(*topics, "sync")
        return done

    async def _read(self, job: Callable[[Connection], T]) -> T:
        store = self._vault.store
        return await self._aside(partial(store.read, job))

    async def _aside(self, job: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._readers, job)
