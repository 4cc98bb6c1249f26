"""Big blobs are sealed for the hospital in child processes; receipts come back into the outbox; the downlink is merged.

Runs while the store is open. Small records were sealed at their commit already.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
import structlog

from clinic_records.clock import Clock
from clinic_records.errors import ClinicError, Conflict, RefusedInput, StoreError
from clinic_records.ids import IdFactory
from clinic_records.record import Kind, Lane, Record
from sync.coding.choice import UNKNOWN
from sync.coding.choose import FAST
from sync.pace import FIRST_RATE
from vehicle_agent.alarms import resuming_alarm
from vehicle_agent.children import Children
from vehicle_agent.store.asking_back import ask_back
from vehicle_agent.store.driver import Connection
from vehicle_agent.store.giving_back import give_back
from vehicle_agent.store.incoming import Pending
from vehicle_agent.store.merge.rule import Merging
from vehicle_agent.store.merge.table import merge
from vehicle_agent.store.quarantine import quarantine
from vehicle_agent.store.resuming import Resuming
from vehicle_agent.store.seal_job import SealedBlob, SealJob
from vehicle_agent.store.sealer import Sealer
from vehicle_agent.store.spool import Spool
from vehicle_agent.store.store import Store
from vehicle_agent.visits.events import EventHub
from vehicle_agent.visits.views import AlarmView

LOOK_S: Final = 1.0
"""How often receipts and the downlink are looked at although nobody said there is something."""
SEAL_S: Final = 600.0
"""Longest time to seal one blob: 1 GiB at the speed of a slow disk; one that the coders take longer for goes light."""
GIVEN_AT_ONCE: Final = 16
"""Envelopes given back to a restored hospital in one round; what else waits goes on between."""
TRIES: Final = 2
RATE_S: Final = 2.0
"""The first blob that needs a coder waits at most so long for a rate; the rest of the day is coded for the link there
is."""
AWAIT_S: Final = 0.05
"""Until it is looked at again whether there is one."""
LOOK_AGAIN_S: Final = 0.2
"""How often the link is looked at while a child codes."""
RETRY_S: Final = 600.0
"""After it, what could not be sealed is tried once more: a full disk may have room again. Our choice."""
CALL: Final = ("数据还在车上，请找维护人员", "all of it is kept here; call the maintainers")
REMEDIES: Final[Mapping[str, tuple[str, str]]] = {
    "origin-unknown": ("请重新登记本车", "enrol this vehicle again"),
    "origin-signature": ("请重新登记本车", "enrol this vehicle again"),
    "recipient": ("医院换了钥匙，请重新登记本车", "the hospital has another key; enrol this vehicle again"),
}
"""Reason of a refusal that stands -> what to do, in both languages."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Link:
    """What coding must keep ahead of.

    Attributes:
        rate: bytes/s; UNKNOWN where nobody measures.
        is_filled: it is known how much the link carries, not only that it carries `rate`.
        is_busy: something is under way now.
        is_near: it answers sooner than any mobile network.
        is_online: there is a session; without one the rate is that of the last.
    """

    rate: float = UNKNOWN
    is_filled: bool = True
    is_busy: bool = False
    is_near: bool = False
    is_online: bool = False

    @property
    def is_measured(self) -> bool:
        """Whether anything was ever answered over it."""
        return self.rate > FIRST_RATE

    @property
    def rate_at_commit(self) -> float:
        """What small things are coded for: they wait for nothing, so only a link that is fast for sure is taken so."""
        is_fast = self.is_online and (self.rate >= FAST or (self.is_near and not self.is_filled))
        return max(self.rate, FAST) if is_fast else UNKNOWN

    @property
    def rate_to_code_for(self) -> float:
        """A link that never was full is taken as fast: what is coded soonest fills it, and then it is known."""
        return max(self.rate, FAST) if self.is_measured and not self.is_filled else self.rate


class Sealing:
    """Keeps outbox and spool at one."""

    def __init__(
        self,
        store: Store,
        sealer: Sealer,
        spool: Spool,
        children: Children,
        *,
        events: EventHub,
        clock: Clock,
        link: Callable[[], Link] = Link,
    ) -> None:
        """`link` is how it is now: on a fast one, coding must not take longer than sending."""
        self._store = store
        self._sealer = sealer
        self._spool = spool
        self._children = children
        self._events = events
        self._clock = clock
        self._link = link
        self._ids = IdFactory()
        self._poked = asyncio.Event()
        self._has_more = asyncio.Event()
        self._is_reconciled = False
        self._refused: Mapping[str, int] = {}
        self._resuming: Resuming | None = None
        self._retry_at = clock.monotonic_s() + RETRY_S
        self._awaits_until: float | None = None

    @property
    def alarms(self) -> list[AlarmView]:
        """What will never reach the hospital by itself (law 6), and what has not come home yet."""
        said = resuming_alarm(self._resuming)
        for (incarnation, seq), reason in list(self._sealer.failures.items())[:1]:
            zh = f"{len(self._sealer.failures)} 件数据无法封装，发不出去，请找维护人员"
            en = f"cannot be sealed and will not be sent, call the maintainers: {incarnation}/{seq}: {reason}"
            said.append(AlarmView("not-sealed", zh, en))
        for reason, count in self._refused.items():
            zh, en = REMEDIES.get(reason, CALL)
            said.append(
                AlarmView("refused", f"{count} 件被医院拒收，{zh}", f"refused by the hospital ({reason}), {en}")
            )
        return said

    def poke(self) -> None:
        """Something was committed or received; look now. From the event loop's own thread."""
        self._poked.set()
        self._has_more.set()

    def unsealed(self) -> Mapping[tuple[int, int], Lane]:
        """Outbox rows, (incarnation, seq), that are not known to be in the spool yet; for a thread."""
        return self._sealer.unsealed()

    async def run(self) -> None:
        """Until cancelled. What fails is logged and tried again: nothing here may end the agent.

        An answer that came down waits for no coder, and a coder for no commit: big blobs are sealed beside the rest.
        """
        await self._round()
        async with asyncio.TaskGroup() as both:
            both.create_task(_again(self._round, self._poked))
            both.create_task(_again(lambda: _step(self._seal_next), self._has_more))

    async def _round(self) -> None:
        """Each step by itself: trouble in one way must not stop the other."""
        for step in (self._reconcile, self._ask_back, self._take_receipts, self._take_downlink, self._give_back):
            await _step(step)

    async def _reconcile(self) -> None:
        if not self._is_reconciled:
            _log.info("sealing.reconciled", repaired=await asyncio.to_thread(self._sealer.reconcile))
            _log.info("downlink.reconsidered", understood=await asyncio.to_thread(self._spool.down.reconsider))
            self._is_reconciled = True
        if self._clock.monotonic_s() >= self._retry_at:
            self._retry_at = self._clock.monotonic_s() + RETRY_S
            self._sealer.failures.clear()
        await asyncio.to_thread(self._sealer.seal_late)

    async def _ask_back(self) -> None:
        session = await asyncio.to_thread(self._spool.session.load)
        self._resuming = await asyncio.to_thread(ask_back, self._store, session, self._ids.new(), self._clock.now())

    async def _take_receipts(self) -> None:
        if await asyncio.to_thread(self._sealer.merge_receipts):
            self._events.publish("sync", "stop", "unbound")
        await asyncio.to_thread(self._sealer.reseal)
        self._refused = await asyncio.to_thread(self._sealer.refused)

    async def _take_downlink(self) -> None:
        for item in await asyncio.to_thread(self._spool.down.downlink_pending):
            try:
                record = await asyncio.to_thread(self._spool.down.downlink_open, item)
            except (ClinicError, OSError) as error:
                await asyncio.to_thread(self._set_aside, item, str(error))
                await asyncio.to_thread(self._spool.down.downlink_merged, item)
            else:
                await asyncio.to_thread(self._merge, record)
                _log.info("downlink.merged", kind=record.kind.value, id=record.id, revision=record.revision)
                is_kept = record.kind is not Kind.OWN_RECORDS  # the hospital has it from us
                await asyncio.to_thread(self._spool.down.downlink_merged, item, is_kept=is_kept)
            self._events.publish("stop", "messages")

    async def _give_back(self) -> None:
        """After the hospital was restored: what it had sent goes up as records of ours (sync rule 3)."""
        down = self._spool.down
        for item in await asyncio.to_thread(down.to_give_back, GIVEN_AT_ONCE):
            try:
                await asyncio.to_thread(give_back, self._store, down, item, self._clock.now())
            except (RefusedInput, OSError) as error:
                await asyncio.to_thread(self._set_aside, item, f"cannot be given back: {error}")
            await asyncio.to_thread(down.given_back, item)

    async def _seal_next(self) -> None:
        link = self._link()
        is_fast = link.is_near and self._is_early
        rate = max(link.rate, FAST) if is_fast else link.rate_to_code_for
        for job in await asyncio.to_thread(lambda: self._sealer.jobs(1, rate=rate)):
            if self._is_awaited(link):
                await asyncio.sleep(AWAIT_S)
            else:
                await self._seal(job)
            self._has_more.set()  # the most urgent one may have changed meanwhile

    @property
    def _is_early(self) -> bool:
        """Whether the first blob came so lately that the link may yet turn out to be another."""
        return self._awaits_until is None or self._clock.monotonic_s() < self._awaits_until

    def _is_awaited(self, link: Link) -> bool:
        """Whether the link may yet turn out to be fast or slow: what is small is measuring it now."""
        if self._awaits_until is None:
            self._awaits_until = self._clock.monotonic_s() + RATE_S
        is_unsure = not link.is_measured or (link.is_busy and not link.is_filled and not link.is_near)
        return link.rate > UNKNOWN and is_unsure and self._is_early

    async def _seal(self, job: SealJob) -> None:
        for _ in range(TRIES):
            try:
                body = await self._coded(job)
            except ClinicError as error:
                reason = str(error)
                if not isinstance(error, StoreError) and not job.is_heavy:
                    break
                job = job.light()  # whatever the coder met there, the bytes themselves can be sent
                continue
            sealed = msgspec.msgpack.decode(body, type=SealedBlob)
            await asyncio.to_thread(self._sealer.finish, job, sealed)
            self._events.publish("sync")
            return
        self._sealer.fail(job, reason)

    async def _coded(self, job: SealJob) -> bytes:
        """The child's answer; begun anew without heavy coders where the link turns out to be too fast for them."""
        running = asyncio.ensure_future(self._children.run("seal", job, timeout_s=SEAL_S))
        try:
            while not (await asyncio.wait({running}, timeout=LOOK_AGAIN_S))[0]:
                rate = self._link().rate
                if job.is_heavy and job.rate < FAST <= rate:
                    break
            else:
                return running.result()
        finally:
            running.cancel()
        await asyncio.wait({running})
        return await self._children.run("seal", msgspec.structs.replace(job.light(), rate=rate), timeout_s=SEAL_S)

    def _merge(self, record: Record) -> None:
        """Keep what the hospital sent; what cannot be read, or contradicts what is here, is set aside."""
        try:
            merging = Merging(self._store.vehicle, self._clock.now(), self._ids.new)
            doubts = self._store.write(lambda conn: merge(conn, record, merging))
        except (RefusedInput, Conflict) as error:
            doubts = (str(error),)
        for doubt in doubts:
            self._quarantine(record.payload, f"{record.kind} {record.id}: {doubt}")

    def _set_aside(self, item: Pending, reason: str) -> None:
        """An envelope that was verified when it came and opens no more: the disk or a hand has changed it."""
        path = self._spool.down.wire(item)
        self._quarantine(path if path.exists() else b"", f"downlink {item.wire_sha256}: {reason}")

    def _quarantine(self, raw: bytes | Path, reason: str) -> None:
        kept = self._store.blobs.keep(raw)

        def job(conn: Connection) -> None:
            quarantine(conn, at=self._clock.now(), source="hospital", reason=reason, blob=kept.sha256)

        self._store.write(job)
        _log.error("downlink.set_aside", reason=reason)


async def _step(step: Callable[[], Awaitable[None]]) -> None:
    try:
        await step()
    except (ClinicError, OSError) as error:
        _log.error("sealing.step", step=getattr(step, "__name__", ""), error=str(error))


async def _again(work: Callable[[], Awaitable[None]], poked: asyncio.Event) -> None:
    """Work whenever it is asked for, and every LOOK_S although nobody did."""
    while True:
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_S):
                await poked.wait()
        poked.clear()
        await work()
