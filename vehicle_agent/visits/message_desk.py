"""The part of the desk where the hospital's messages are read and acknowledged."""

import asyncio
from typing import NamedTuple

from clinic_records.clock import Clock
from clinic_records.ids import IdFactory, RecordId
from clinic_records.people import Author
from clinic_records.record import Kind
from vehicle_agent.store.merge.slices import VillageSlice, village_slices
from vehicle_agent.store.vault import Vault
from vehicle_agent.visits.events import EventHub
from vehicle_agent.visits.messages import MessageView, acknowledge, messages, unseen
from vehicle_agent.visits.versions import Act


class Waiting(NamedTuple):
    """How many messages nobody here has seen, and whether one of them is urgent."""

    messages: int
    is_urgent: bool


class MessageDesk:
    """Answers, recalls and prescriptions."""

    def __init__(self, vehicle: str, vault: Vault, events: EventHub, clock: Clock, ids: IdFactory) -> None:
        self._vehicle = vehicle
        self._vault = vault
        self._events = events
        self._clock = clock
        self._ids = ids

    async def all(self) -> list[MessageView]:
        """What the hospital sent; what nobody has seen stands first."""
        now, is_doubtful = self._clock.now(), self._clock.is_doubtful
        return await asyncio.to_thread(
            self._vault.store.read, lambda conn: messages(conn, self._vehicle, now, is_clock_doubtful=is_doubtful)
        )

    async def waiting(self) -> Waiting:
        """What nobody has seen yet."""
        waiting = await asyncio.to_thread(self._vault.store.read, unseen)
        return Waiting(len(waiting), any(each.is_urgent for each in waiting))

    async def villages(self) -> list[VillageSlice]:
        """Whose people have come ahead of the stops, and how many parts of them."""
        return await asyncio.to_thread(self._vault.store.read, village_slices)

    async def see(self, kind: Kind, thing: RecordId, author: Author) -> None:
        """`author` has seen it. Raises NotFound: it has not come."""
        new_id, act = RecordId(self._ids.new()), Act(author, self._clock.now())
        await asyncio.wrap_future(self._vault.store.submit(lambda conn: acknowledge(conn, kind, thing, new_id, act)))
        self._events.publish("messages", "sync")
