"""Big blobs are sealed for the hospital in child processes; receipts come back into the outbox; the downlink is merged.

Runs while the store is open. Small records were sealed at their commit already.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping
from typing import Final

import msgspec
import structlog

from clinic_records.clock import Clock
from clinic_records.errors import ClinicError, Conflict, RefusedInput, StoreError
from clinic_records.record import Kind, Lane, Record
from clinic_records.schedule import PublishedSchedule
from vehicle_agent.children import Children
from vehicle_agent.store.driver import Connection
from vehicle_agent.store.outbox import rows_where
from vehicle_agent.store.quarantine import quarantine
from vehicle_agent.store.records import put_foreign
from vehicle_agent.store.sealer import AT_COMMIT, SealedBlob, Sealer, SealJob
from vehicle_agent.store.spool import Spool
from vehicle_agent.store.store import Store
from vehicle_agent.visits.events import EventHub

LOOK_S: Final = 1.0
"""How often receipts and the downlink are looked at although nobody said there is something."""
SEAL_S: Final = 600.0
"""Longest time to seal one blob: 1 GiB at the speed of a slow disk."""
TRIES: Final = 2

_log = structlog.get_logger(__name__)


class Sealing:
    """Keeps outbox and spool at one."""

    def __init__(
        self, store: Store, sealer: Sealer, spool: Spool, children: Children, *, events: EventHub, clock: Clock
    ) -> None:
        self._store = store
        self._sealer = sealer
        self._spool = spool
        self._children = children
        self._events = events
        self._clock = clock
        self._poked = asyncio.Event()

    def poke(self) -> None:
        """Something was committed or received; look now. From the event loop's own thread."""
        self._poked.set()

    def unsealed(self) -> Mapping[Lane, int]:
        """How many big blobs of each lane are not in the spool yet; for a thread."""
        rows = self._store.read(lambda conn: rows_where(conn, "state = 'queued' AND size > ?", (AT_COMMIT,)))
        return Counter(row.lane for row in rows)

    async def run(self) -> None:
        """Until cancelled. A failing round is logged and tried again: nothing here may end the agent."""
        while True:
            try:
                await self._round()
            except ClinicError as error:
                _log.error("sealing.round", error=str(error))
            try:
                async with asyncio.timeout(LOOK_S):
                    await self._poked.wait()
            except TimeoutError:
                continue
            self._poked.clear()

    async def _round(self) -> None:
        if await asyncio.to_thread(self._sealer.merge_receipts):
            self._events.publish("sync", "stop", "unbound")
        for item in await asyncio.to_thread(self._spool.down.downlink_pending):
            record = await asyncio.to_thread(self._spool.down.downlink_open, item)
            await asyncio.to_thread(self._merge, record)
            await asyncio.to_thread(self._spool.down.downlink_merged, item)
            _log.info("downlink.merged", kind=record.kind.value, id=record.id, revision=record.revision)
            self._events.publish("stop")
        for job in await asyncio.to_thread(self._sealer.jobs, 1):
            await self._seal(job)
            self._poked.set()  # the most urgent one may have changed meanwhile

    async def _seal(self, job: SealJob) -> None:
        for _ in range(TRIES):
            try:
                body = await self._children.run("seal", job, timeout_s=SEAL_S)
            except StoreError as error:
                reason = str(error)
                continue
            except ClinicError as error:
                reason = str(error)
                break
            sealed = msgspec.msgpack.decode(body, type=SealedBlob)
            await asyncio.to_thread(self._sealer.finish, job, sealed)
            self._events.publish("sync")
            return
        self._sealer.fail(job, reason)

    def _merge(self, record: Record) -> None:
        """Keep what the hospital sent; what cannot be read, or contradicts what is here, is set aside."""
        try:
            if record.kind is Kind.SCHEDULE:
                _check_schedule(record)
            self._store.write(lambda conn: put_foreign(conn, record))
        except (RefusedInput, Conflict) as error:
            kept = self._store.blobs.keep(record.payload)
            reason = f"{record.kind} {record.id}: {error}"

            def job(conn: Connection) -> None:
                quarantine(conn, at=self._clock.now(), source="hospital", reason=reason, blob=kept.sha256)

            self._store.write(job)
            _log.error("downlink.set_aside", kind=record.kind.value, id=record.id, reason=str(error))


def _check_schedule(record: Record) -> None:
    try:
        msgspec.json.decode(record.payload, type=PublishedSchedule)
    except msgspec.MsgspecError as error:
        raise RefusedInput(f"not a published schedule: {error}") from error
