"""The part of the desk for what could not be understood: raw bytes, a person's look, and reading it again."""

import asyncio
from typing import Final

import msgspec

from clinic_records.clock import Clock
from clinic_records.errors import Hint, NotFound, RefusedInput
from clinic_records.ids import BlobHash
from clinic_records.people import Author
from devices.delivery import Delivery
from vehicle_agent.store.audit import add_entry
from vehicle_agent.store.driver import Connection
from vehicle_agent.store.quarantine import Quarantined, close_quarantine, find_quarantine
from vehicle_agent.store.vault import Vault
from vehicle_agent.visits.events import EventHub

_PIECE: Final = 1024 * 1024
_NOTHING_TO_READ: Final = Hint(
    "这一件不是设备发来的，不能重读。看过后写明处理，再了结。",
    "No device sent this, so it cannot be read again. Look at it, write down what was done, and close it.",
)


class Look(msgspec.Struct, frozen=True):
    """What a person did with a task of the quarantine; kept in the audit."""

    task: int
    did: str
    by: Author
    note: str


class QuarantineDesk:
    """Open tasks of the quarantine."""

    def __init__(self, vault: Vault, events: EventHub, clock: Clock) -> None:
        self._vault = vault
        self._events = events
        self._clock = clock

    async def find(self, task: int) -> Quarantined:
        """One task. Raises NotFound."""
        return await asyncio.to_thread(self._vault.store.read, lambda conn: find_quarantine(conn, task))

    async def close(self, task: int, note: str, author: Author) -> None:
        """A person has looked; the raw bytes stay.

        Raises:
            RefusedInput: nothing was written about it.
            NotFound: no such task.
        """
        if not note.strip():
            hint = Hint("写下看到什么、怎么处理的。", "Write what was found and done.")
            raise RefusedInput("a note is needed", hint=hint)
        await self._note(Look(task, "closed", author, note.strip()), is_done=True)

    async def retry(self, task: int, author: Author) -> None:
        """Deliver the raw bytes anew, as the device did; the task ends by itself once they are understood.

        Raises:
            NotFound: no such task.
            RefusedInput: no device sent it.
        """
        item = await self.find(task)
        try:
            delivery = msgspec.json.decode(item.meta, type=Delivery)
        except msgspec.MsgspecError:
            raise RefusedInput(f"task {task} is no delivery of a device", hint=_NOTHING_TO_READ) from None
        meta = msgspec.json.encode(msgspec.structs.replace(delivery, fault=""))
        await self._note(Look(task, "read again", author, ""), is_done=False)
        await asyncio.to_thread(self._deliver, item.blob, meta)

    def _deliver(self, sha256: BlobHash, meta: bytes) -> None:
        blob = self._vault.store.blobs.locate(sha256)
        arrival = self._vault.inbox.begin()
        try:
            with blob.plain() as source:
                while data := source.read(_PIECE):
                    arrival.write(data)
            arrival.keep(meta)
        finally:
            arrival.drop()

    async def _note(self, look: Look, *, is_done: bool) -> None:
        def job(conn: Connection) -> None:
            if is_done:
                close_quarantine(conn, look.task)
            add_entry(conn, "quarantine", msgspec.json.encode(look), self._clock.now())

        await asyncio.wrap_future(self._vault.store.submit(job))
        self._events.publish("unbound", "sync")


def task_number(text: str) -> int:
    """A task's number out of an address.

    Raises:
        NotFound: it is no number.
    """
    if not text.isascii() or not text.isdecimal() or len(text) > 12:
        raise NotFound(f"no task {text[:20]!r}")
    return int(text)
