"""Clears away what may go, and watches the disk."""

import asyncio
from pathlib import Path
from typing import Final

import structlog

from clinic_records.clock import Clock
from clinic_records.errors import ClinicError
from vehicle_agent.store.retention import DiskBudget, DiskView, clear_received, look_at_disk
from vehicle_agent.store.spool import Spool

LOOK_S: Final = 30.0
"""Seconds between two looks at the disk: an ultrasound loop of 200 MB takes longer to arrive."""
CLEAR_EVERY: Final = 120
"""Looks between two clearings: once an hour."""

_log = structlog.get_logger(__name__)


class Housekeeping:
    """One vehicle's disk."""

    def __init__(self, folder: Path, spool: Spool, budget: DiskBudget, keep_days: int, clock: Clock) -> None:
        self._folder = folder
        self._spool = spool
        self._budget = budget
        self._keep_days = keep_days
        self._clock = clock
        self.disk: DiskView = look_at_disk(folder, budget)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._clear()
            for _ in range(CLEAR_EVERY):
                self.disk = await asyncio.to_thread(look_at_disk, self._folder, self._budget)
                await asyncio.sleep(LOOK_S)

    async def _clear(self) -> None:
        try:
            count = await asyncio.to_thread(
                clear_received,
                self._spool,
                self._clock.now(),
                self._keep_days,
                is_clock_doubtful=self._clock.is_doubtful,
            )
        except (ClinicError, OSError) as error:
            _log.error("housekeeping.failed", error=str(error))
            return
        if count:
            _log.info("housekeeping.cleared", envelopes=count)
