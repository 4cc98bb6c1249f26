"""Intake: from the sealed inbox to the store, once somebody has logged in.

One worker a device, so that a device that sends rubbish, or a lot, takes nothing else with it. What a child process
dies of twice is set aside; tries are counted on disk before each, so that what takes the whole box down is set aside
too, but later, because a box loses power for other reasons (sync rule 13).
"""

import asyncio
import errno
from collections import deque
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple, Protocol, TypeVar

import msgspec
import structlog

from clinic_records.clock import Clock
from clinic_records.errors import RefusedInput, StoreError
from clinic_records.ids import DeviceId, IdFactory, RecordId, StopId
from clinic_records.reading import Reading
from devices.delivery import Delivery
from vehicle_agent.jobs import Interpret
from vehicle_agent.store.blobs import KeptBlob
from vehicle_agent.store.driver import Connection
from vehicle_agent.store.quarantine import close_understood, quarantine
from vehicle_agent.store.settings import get_setting, put_setting
from vehicle_agent.store.vault import Vault
from vehicle_agent.visits.events import EventHub
from vehicle_agent.visits.following import follow
from vehicle_agent.visits.recorder import Kept, keep
from vehicle_agent.visits.versions import Act

LOOK_S: Final = 5.0
"""How often the inbox is looked at although nobody said there is something."""
DEATHS: Final = 2
"""So many children died of it, and it is set aside."""
TRIES: Final = 20
"""So many tries without an end, none of which saw a child die: the box itself went down each time."""
INTERPRET_S: Final = 120.0
"""Longest time to read one delivery: a 200 MB loop takes some seconds on a slow box."""
_TRIED: Final = "intake.tried."
_UNKNOWN: Final = DeviceId("inbox")

_log = structlog.get_logger(__name__)

T = TypeVar("T")


class Item(NamedTuple):
    """One delivery in the inbox; `delivery` is None where its meta is none of ours."""

    ticket: str
    meta: bytes
    delivery: Delivery | None


class Tries(msgspec.Struct, frozen=True):
    """How often a delivery was begun, and of how many of these its reader died."""

    tried: int = 0
    died: int = 0


class Jobs(Protocol):
    """What intake asks of the child processes."""

    async def run(self, job: str, request: object, *, timeout_s: float) -> bytes:
        """As `vehicle_agent.children.Children.run`."""


class Intake:
    """Empties the inbox while the store is open."""

    def __init__(
        self, vault: Vault, children: Jobs, *, events: EventHub, clock: Clock, ids: IdFactory, work: Path
    ) -> None:
        """`work` is a private folder in memory: raw bytes lie there in plain while a child reads them."""
        self._vault = vault
        self._children = children
        self._events = events
        self._clock = clock
        self._ids = ids
        self._work = work
        self._poked = asyncio.Event()
        self._in_hand: set[str] = set()
        self._lines: dict[DeviceId, deque[Item]] = {}
        self._workers: dict[DeviceId, asyncio.Task[None]] = {}

    def poke(self) -> None:
        """Something came; look now. From the event loop's own thread."""
        self._poked.set()

    async def run(self) -> None:
        """Until cancelled."""
        try:
            while True:
                if self._vault.is_open:
                    await self._start_workers()
                try:
                    async with asyncio.timeout(LOOK_S):
                        await self._poked.wait()
                except TimeoutError:
                    continue
                self._poked.clear()
        finally:
            for worker in self._workers.values():
                worker.cancel()
            await asyncio.gather(*self._workers.values(), return_exceptions=True)

    async def _start_workers(self) -> None:
        """Hand what is new to the worker of its device; each delivery is read once."""
        await self._set_damaged_aside()
        waiting = await asyncio.to_thread(self._vault.inbox.waiting)
        if self._in_hand.issuperset(waiting):
            return
        for ticket, meta in await asyncio.to_thread(self._vault.inbox.pending, self._vault.inbox_private):
            if ticket in self._in_hand:
                continue
            self._in_hand.add(ticket)
            item = Item(ticket, meta, _delivery(meta))
            device = item.delivery.device if item.delivery else _UNKNOWN
            self._lines.setdefault(device, deque()).append(item)
            if device not in self._workers:
                self._workers[device] = asyncio.create_task(self._work_off(device))
        await self._set_damaged_aside()

    async def _set_damaged_aside(self) -> None:
        """Make a task of every sealed file that no longer opens; what the disk cannot even read stays beside."""
        for path in await asyncio.to_thread(self._vault.inbox.damaged):
            item = Item(path.stem, b"", None)
            reason = f"the sealed delivery {path.stem} does not open any more: the disk or a hand has changed it"
            try:
                await self._set_aside(item, await asyncio.to_thread(self._vault.store.blobs.keep, path), reason)
                await asyncio.to_thread(path.unlink)
            except StoreError as error:
                if not isinstance(error.__cause__, OSError) or error.__cause__.errno != errno.EIO:
                    _log.error("intake.postponed", ticket=path.stem, error=str(error))
                    continue
                empty = await asyncio.to_thread(self._vault.store.blobs.keep, b"")
                await self._set_aside(item, empty, f"{reason}; the disk cannot read it, damaged/{path.stem}: {error}")
                await asyncio.to_thread(path.rename, path.with_suffix(".unreadable"))

    async def _work_off(self, device: DeviceId) -> None:
        """Take the device's deliveries in order; after a refusal of the disk the rest is looked at again later."""
        line = self._lines[device]
        try:
            while line:
                await self._take(line[0])
                self._in_hand.discard(line.popleft().ticket)
        except StoreError as error:
            _log.error("intake.postponed", device=device, error=str(error))
        except Exception as error:  # noqa: BLE001  one device's trouble, whatever it is, stays that device's
            _log.error("intake.failed", device=device, error=type(error).__name__)
        finally:
            self._in_hand.difference_update(item.ticket for item in line)
            line.clear()
            del self._workers[device]

    async def _take(self, item: Item) -> None:
        """Record it or set it aside; the inbox lets go of it only after that is durable."""
        raw = self._work / item.ticket
        try:
            try:
                await asyncio.to_thread(self._vault.inbox.open, item.ticket, self._vault.inbox_private, raw)
            except RefusedInput as error:
                sealed = await asyncio.to_thread(self._vault.store.blobs.keep, self._vault.inbox.sealed(item.ticket))
                await self._set_aside(item, sealed, f"the sealed delivery does not open any more: {error}")
            else:
                # kept before it is understood: a full disk must not count as a try of the reader
                blob = await asyncio.to_thread(self._vault.store.blobs.keep, raw)
                try:
                    await self._record(await self._understand(item, raw), item, blob)
                except RefusedInput as error:
                    await self._set_aside(item, blob, str(error))
        finally:
            raw.unlink(missing_ok=True)
        await asyncio.to_thread(self._vault.inbox.remove, item.ticket)

    async def _understand(self, item: Item, raw: Path) -> tuple[Reading, ...]:
        """What the delivery says.

        Raises:
            RefusedInput: it cannot be understood, or a child died of it twice.
        """
        if item.delivery is None:
            raise RefusedInput("the delivery's own description cannot be read")
        if item.delivery.fault:
            raise RefusedInput(item.delivery.fault)
        while True:
            tries = await self._write(partial(_count, ticket=item.ticket, tried=1))
            if tries.died >= DEATHS or tries.tried > TRIES:
                raise RefusedInput(f"its reader died {tries.died} times in {tries.tried - 1} tries")
            try:
                body = await self._children.run("interpret", Interpret(item.delivery, str(raw)), timeout_s=INTERPRET_S)
                return msgspec.json.decode(body, type=tuple[Reading, ...])
            except StoreError as error:
                _log.warning("intake.reader_died", ticket=item.ticket, tried=tries.tried, error=str(error))
                await self._write(partial(_count, ticket=item.ticket, died=1))
            except msgspec.MsgspecError as error:
                raise RefusedInput(f"the reader gave no reading: {error}") from error

    async def _record(self, readings: tuple[Reading, ...], item: Item, blob: KeptBlob) -> None:
        if not readings or {reading.raw.sha256 for reading in readings} != {blob.sha256}:
            await self._set_aside(item, blob, "the reader named other bytes than it was given")
            return
        new = [(reading, RecordId(self._ids.new()), StopId(self._ids.new())) for reading in readings]
        vehicle = self._vault.store.vehicle

        def job(conn: Connection) -> tuple[list[Kept], list[bool]]:
            put_setting(conn, _TRIED + item.ticket, None)
            close_understood(conn, blob.sha256)
            act = Act(None, self._clock.now())
            kept = [keep(conn, reading, new_id, act) for reading, new_id, _ in new]
            return kept, [follow(conn, vehicle, reading, stop_id, act.now) for reading, _, stop_id in new]

        every, is_at_stop = await self._write(job)
        if any(is_at_stop):
            self._events.publish("stop")
        for kept in every:
            recording = kept.recording
            _log.info("intake.kept", device=recording.reading.device, is_new=kept.is_new, status=recording.status.value)
            self._events.publish(*kept.topics)
        self._events.publish("devices", "sync")

    async def _set_aside(self, item: Item, blob: KeptBlob, reason: str) -> None:
        source = item.delivery.device if item.delivery else _UNKNOWN

        def job(conn: Connection) -> None:
            put_setting(conn, _TRIED + item.ticket, None)
            now = self._clock.now()
            quarantine(conn, at=now, source=source, reason=reason, blob=blob.sha256, meta=item.meta)

        await self._write(job)
        # the reason stands in the quarantine: a reader may quote the line it does not know, and a person in it
        _log.warning("intake.set_aside", device=source, ticket=item.ticket)
        self._events.publish("unbound")

    async def _write(self, job: Callable[[Connection], T]) -> T:
        return await asyncio.wrap_future(self._vault.store.submit(job))


def _count(conn: Connection, *, ticket: str, tried: int = 0, died: int = 0) -> Tries:
    before = get_setting(conn, _TRIED + ticket)
    known = msgspec.json.decode(before, type=Tries) if before else Tries()
    tries = Tries(known.tried + tried, known.died + died)
    put_setting(conn, _TRIED + ticket, msgspec.json.encode(tries))
    return tries


def _delivery(meta: bytes) -> Delivery | None:
    try:
        return msgspec.json.decode(meta, type=Delivery)
    except msgspec.MsgspecError:
        return None
