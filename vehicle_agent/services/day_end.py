"""Now and then: the head of the audit is sent up, and a day with late records is closed again."""

import asyncio
from typing import Final

import structlog

from clinic_records.clock import Clock
from clinic_records.errors import ClinicError
from clinic_records.ids import IdFactory
from vehicle_agent.store.driver import Connection
from vehicle_agent.store.store import Store
from vehicle_agent.visits.day_end import put_audit_head
from vehicle_agent.visits.stops import close_again
from vehicle_agent.visits.versions import Act

EVERY_S: Final = 600.0
"""Seconds between two looks: a late decision is rarely alone. Our choice."""

_log = structlog.get_logger(__name__)


class DayEnd:
    """Runs while the store is open."""

    def __init__(self, store: Store, vehicle: str, clock: Clock, ids: IdFactory) -> None:
        self._store = store
        self._vehicle = vehicle
        self._clock = clock
        self._ids = ids

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(EVERY_S)
            try:
                await asyncio.wrap_future(self._store.submit(self._look))
            except ClinicError as error:
                _log.error("day_end.failed", error=str(error))

    def _look(self, conn: Connection) -> None:
        act = Act(None, self._clock.now())
        put_audit_head(conn, self._ids.new(), act)
        close_again(conn, self._vehicle, self._ids.new(), act)
