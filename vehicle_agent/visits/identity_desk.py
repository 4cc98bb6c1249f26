"""The part of the desk that cards and codes reach: held in memory, looked up in the store, used by a person."""

import asyncio

from clinic_records.clock import CHINA, Clock
from clinic_records.errors import BadFrame
from clinic_records.ids import DeviceId, PatientId
from clinic_records.people import Author
from devices.framing.base import Frame
from vehicle_agent.store.driver import Connection
from vehicle_agent.store.vault import Vault
from vehicle_agent.visits.events import EventHub
from vehicle_agent.visits.identity import Presented, Presenting, of_text
from vehicle_agent.visits.identity_known import PresentedView, use_card, view
from vehicle_agent.visits.versions import Act

TOPIC = "presented"
"""Event that says: a card or a code came or went."""


class IdentityDesk:
    """Cards and codes."""

    def __init__(self, vault: Vault, events: EventHub, clock: Clock) -> None:
        """Nothing is held yet."""
        self._vault = vault
        self._events = events
        self._clock = clock
        self._presenting = Presenting(clock.monotonic_s)

    def present(self, device: DeviceId, item: Frame | BadFrame) -> None:
        """A card or a code came; from the event loop's own thread."""
        self._presenting.take(device, item)
        self._events.publish(TOPIC)

    async def waiting(self) -> list[PresentedView]:
        """Cards and codes that wait for somebody to use them, newest first, with whom they name."""
        waiting = self._presenting.waiting()
        return await self._views(waiting) if waiting else []

    async def read_code(self, text: str) -> PresentedView:
        """A code that was scanned into the page; it is not held. Raises RefusedInput: empty or too long."""
        return (await self._views([of_text(text, self._clock.monotonic_s())]))[0]

    def find(self, token: str) -> Presented | None:
        """The event of this name, while it is held."""
        return self._presenting.find(token)

    def dismiss(self, token: str) -> None:
        """Nobody wants it; harmless when done twice."""
        self._presenting.drop(token)
        self._events.publish(TOPIC)

    async def use_card(self, token: str, patient: PatientId, author: Author) -> None:
        """The person showed this card; nothing where it is no longer held, or is not theirs."""
        presented = self._presenting.find(token)
        if presented is None:
            return
        act = Act(author, self._clock.now())
        was_theirs = await asyncio.wrap_future(
            self._vault.store.submit(lambda conn: use_card(conn, presented, patient, act))
        )
        if was_theirs:
            self._events.publish("stop", "sync")
            self.dismiss(token)

    async def _views(self, waiting: list[Presented]) -> list[PresentedView]:
        today = self._clock.now().astimezone(CHINA).date()

        def job(conn: Connection) -> list[PresentedView]:
            return [view(conn, one, today) for one in waiting]

        return await asyncio.to_thread(self._vault.store.read, job)
