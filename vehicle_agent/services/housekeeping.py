"""Clears away what may go, and watches the disk."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Final

import structlog

from clinic_records.clock import Clock
from clinic_records.errors import ClinicError
from vehicle_agent.store.raw_retention import Cleared, ClearedRaw, clear_raw
from vehicle_agent.store.retention import DiskBudget, DiskView, keep_days, look_at_disk, must_stay_since
from vehicle_agent.store.spool import Spool
from vehicle_agent.store.store import Store

LOOK_S: Final = 30.0
"""Seconds between two looks at the disk: an ultrasound loop of 200 MB takes longer to arrive."""
CLEAR_EVERY: Final = 120
"""Looks between two clearings: once an hour."""

_log = structlog.get_logger(__name__)


class Housekeeping:
    """One vehicle's disk.

    Attributes:
        disk: what is left of it.
        cleared: what was cleared away since the agent began.
    """

    def __init__(
        self,
        folder: Path,
        spool: Spool,
        budget: DiskBudget,
        keep_days: int,
        clock: Clock,
        *,
        store: Callable[[], Store | None],
    ) -> None:
        """`store` gives the vehicle's store where somebody has logged in."""
        self._folder = folder
        self._spool = spool
        self._budget = budget
        self._keep_days = keep_days
        self._clock = clock
        self._store = store
        self.disk: DiskView = look_at_disk(folder, budget)
        self.cleared = Cleared()

    def days(self) -> int:
        """For how long what the hospital received stays here."""
        return keep_days(self._keep_days, self._spool.session.load().keep_days)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._clear()
            for _ in range(CLEAR_EVERY):
                self.disk = await asyncio.to_thread(look_at_disk, self._folder, self._budget)
                await asyncio.sleep(LOOK_S)

    async def _clear(self) -> None:
        try:
            done = await asyncio.to_thread(self._clear_now)
        except (ClinicError, OSError) as error:
            _log.error("housekeeping.failed", error=str(error))
            return
        if done != Cleared():
            self.cleared += done
            _log.info("housekeeping.cleared", envelopes=done.envelopes, raw=done.raw.blobs, raw_bytes=done.raw.bytes)

    def _clear_now(self) -> Cleared:
        before = must_stay_since(
            self._spool, self._clock.now(), self._keep_days, is_clock_doubtful=self._clock.is_doubtful
        )
        if before is None:
            return Cleared()
        store = self._store()
        raw = ClearedRaw() if store is None else clear_raw(store, before)
        return Cleared(self._spool.prune(before), raw)
