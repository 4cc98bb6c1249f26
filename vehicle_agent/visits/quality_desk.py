"""The part of the desk where devices are controlled: log, marks, release."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

import msgspec

from clinic_records.care import Recording
from clinic_records.clock import CHINA, Clock
from clinic_records.errors import NotFound
from clinic_records.ids import DeviceId, IdFactory, RecordId
from clinic_records.people import Author
from clinic_records.quality import QualityEntry, QualityMark
from devices.quality import QualityRule, mark_now, rules
from vehicle_agent.store.driver import Connection
from vehicle_agent.store.vault import Vault
from vehicle_agent.visits.events import EventHub
from vehicle_agent.visits.quality import NewQuality, keep_entry, log_of, release
from vehicle_agent.visits.recorder import topics_of
from vehicle_agent.visits.roster import Device, Roster
from vehicle_agent.visits.versions import Act

T = TypeVar("T")


class QualityView(msgspec.Struct, frozen=True):
    """One device with its rule, its log (newest first) and what stands against its readings just now."""

    device: Device
    rule: QualityRule
    mark: QualityMark | None
    log: tuple[QualityEntry, ...]


class QualityDesk:
    """Controls and calibrations."""

    def __init__(self, vault: Vault, roster: Roster, events: EventHub, clock: Clock, ids: IdFactory) -> None:
        self._vault = vault
        self._roster = roster
        self._events = events
        self._clock = clock
        self._ids = ids

    async def devices(self) -> list[QualityView]:
        """Every device whose readings have a rule."""
        return [await self.device(each.id) for each in self._roster if each.modality in rules()]

    async def device(self, device: DeviceId) -> QualityView:
        """One device. Raises NotFound: it is unknown, or its readings need no control."""
        found = self._roster.get(device)
        if found.modality not in rules():
            raise NotFound(f"readings of {device} ({found.modality}) need no control")
        log = await asyncio.to_thread(self._vault.store.read, lambda conn: log_of(conn, device))
        rule = rules()[found.modality]
        today = self._clock.now().astimezone(CHINA).date()
        return QualityView(found, rule, mark_now(rule, log, today), tuple(reversed(log)))

    async def write(self, device: DeviceId, form: NewQuality, author: Author) -> QualityEntry:
        """One more line. Raises RefusedInput: something in it is missing or impossible."""
        found, new_id = self._roster.get(device), RecordId(self._ids.new())
        entry = await self._write(lambda conn: keep_entry(conn, found, form, new_id, self._act(author)))
        self._events.publish("devices", "sync")
        return entry

    async def release(self, recording: RecordId, note: str, author: Author) -> Recording:
        """A named person lets a marked reading count. Raises as visits.quality.release."""
        released = await self._write(lambda conn: release(conn, recording, note, self._act(author)))
        self._events.publish(*topics_of(released), "sync")
        return released

    def _act(self, author: Author) -> Act:
        return Act(author, self._clock.now())

    async def _write(self, job: Callable[[Connection], T]) -> T:
        return await asyncio.wrap_future(self._vault.store.submit(job))
