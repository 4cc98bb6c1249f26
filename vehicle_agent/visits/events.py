"""Tells every open page that something changed; pages then ask for what they show."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Final

from vehicle_agent.visits.views import Event

QUEUE_LIMIT: Final = 256
"""Events a slow page may be behind; beyond it the oldest go, because each event only says "ask again"."""


class EventHub:
    """Publish and subscribe inside the agent's event loop."""

    def __init__(self) -> None:
        self._seq = 0
        self._queues: set[asyncio.Queue[Event]] = set()

    @property
    def seq(self) -> int:
        """The number of the last event."""
        return self._seq

    def publish(self, *topics: str) -> None:
        """Tell every subscriber that `topics` changed; call it from the event loop's own thread."""
        for topic in topics:
            self._seq += 1
            event = Event(topic, self._seq)
            for queue in self._queues:
                if queue.full():
                    queue.get_nowait()
                queue.put_nowait(event)

    async def subscribe(self) -> AsyncIterator[Event]:
        """Events from now on, until the consumer stops."""
        queue: asyncio.Queue[Event] = asyncio.Queue(QUEUE_LIMIT)
        self._queues.add(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            with suppress(KeyError):
                self._queues.remove(queue)
