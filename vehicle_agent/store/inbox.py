"""The sealed inbox: what devices deliver is durable and unreadable before anybody has logged in (law 8).

One file a delivery, named by its ticket; `vehicle_agent.store.arrival` says what stands in it.
"""

import hashlib
import io
import os
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import structlog

from clinic_records.errors import NotFound, RefusedInput
from clinic_records.ids import uuid7
from sync.keys import RecipientKey, RecipientPrivate
from sync.stream import SEGMENT, Sink
from vehicle_agent.store.arrival import ARRIVING, SealedArrival, SealedDelivery
from vehicle_agent.store.durable import FolderSync, fsync_folder, publish, require_room, sweep, temp_file

_SUFFIX: Final = ".sealed"
_REMEMBERED: Final = 1024  # contents known again in one process, for devices that repeat what we took

_log = structlog.get_logger(__name__)


class Inbox:
    """A folder of sealed deliveries; several processes may deliver into it at once."""

    def __init__(self, folder: Path, vault_public: bytes) -> None:
        self._folder = folder
        self._vault = RecipientKey(vault_public)
        self._names = FolderSync(folder)
        self._lock = threading.Lock()
        self._last_ms = 0
        self._seen: OrderedDict[bytes, str] = OrderedDict()  # in memory only: a hash on the disk would speak of content

    def deliver(self, meta: bytes, raw: bytes) -> str:
        """Seal one delivery; durable on return, and only then may the device be told yes. Returns its ticket.

        The same meta and raw again gives the same ticket while it is still here.

        Raises:
            RefusedInput: meta is larger than 64 KiB.
            StoreError: the disk refused, or what is left of it stays for the nurse.
        """
        digest = hashlib.sha256(len(meta).to_bytes(4, "big") + meta + raw).digest()
        with self._lock:
            known = self._seen.get(digest)
        if known is not None and self._path(known).exists():
            return known
        require_room(self._folder, len(raw))
        arrival = self.begin()
        try:
            arrival.write(raw)
            ticket = arrival.keep(meta)
        finally:
            arrival.drop()
        with self._lock:
            self._seen[digest] = ticket
            if len(self._seen) > _REMEMBERED:
                self._seen.popitem(last=False)
        return ticket

    def begin(self) -> SealedArrival:
        """A delivery whose bytes are still to come, sealed as they come; none of it is here before it is kept.

        Raises:
            StoreError: the disk refused, or what is left of it stays for the nurse.
        """
        return SealedArrival(self._folder, self._vault, self._publish)

    def waiting(self) -> list[str]:
        """Tickets, oldest first; needs no key."""
        return sorted(path.name.removesuffix(_SUFFIX) for path in self._folder.glob(f"*{_SUFFIX}"))

    def pending(self, private: RecipientPrivate) -> list[tuple[str, bytes]]:
        """(ticket, meta), oldest first; what cannot be opened is moved to `damaged/` for intake's quarantine."""
        found = []
        for ticket in self.waiting():
            try:
                with self._opened(ticket, private) as delivery:
                    found.append((ticket, delivery.meta))
            except (RefusedInput, OSError) as error:
                self._set_aside(ticket, str(error))
            except NotFound:
                continue
        return found

    def open(self, ticket: str, private: RecipientPrivate, target: Path) -> bytes:
        """Write the raw bytes to the new file `target` (mode 600) and return meta.

        Raises:
            NotFound: no such delivery.
            RefusedInput: damaged.
        """
        with temp_file(target.parent) as (handle, temp):
            meta = self._copy(ticket, private, handle)
            publish(handle, temp, target)
        return meta

    def read(self, ticket: str, private: RecipientPrivate) -> tuple[bytes, bytes]:
        """(meta, raw) in memory. Raises as `open`."""
        target = io.BytesIO()
        return self._copy(ticket, private, target), target.getvalue()

    def remove(self, ticket: str) -> None:
        """After the store holds it; no error where it is gone."""
        self._path(ticket).unlink(missing_ok=True)
        fsync_folder(self._folder)

    def damaged(self) -> list[Path]:
        """Deliveries that no longer open: the disk or a hand has changed them."""
        return sorted((self._folder / "damaged").glob(f"*{_SUFFIX}"))

    def sealed(self, ticket: str) -> Path:
        """The sealed file of a delivery, for quarantine where it no longer opens."""
        return self._path(ticket)

    def sweep(self) -> int:
        """At start, before anything delivers: remove what a crash left half written."""
        return sweep(self._folder)

    def sweep_arriving(self) -> int:
        """At the start of the process whose deliveries come piece by piece: remove those it died over."""
        left = list(self._folder.glob(f"*{ARRIVING}"))
        for path in left:
            path.unlink(missing_ok=True)
        return len(left)

    def _publish(self, fd: int, temp: Path) -> str:
        ticket = self._new_ticket()
        os.fsync(fd)
        temp.rename(self._path(ticket))
        self._names.sync()
        return ticket

    def _copy(self, ticket: str, private: RecipientPrivate, target: Sink) -> bytes:
        with self._opened(ticket, private) as delivery:
            while data := delivery.raw.read(SEGMENT):
                target.write(data)
            return delivery.meta

    @contextmanager
    def _opened(self, ticket: str, private: RecipientPrivate) -> Iterator[SealedDelivery]:
        try:
            handle = self._path(ticket).open("rb")
        except FileNotFoundError:
            raise NotFound(f"inbox: no delivery {ticket}") from None
        with handle:
            yield SealedDelivery(handle, private)

    def _set_aside(self, ticket: str, reason: str) -> None:
        aside = self._folder / "damaged"
        aside.mkdir(mode=0o700, exist_ok=True)
        self._path(ticket).rename(aside / f"{ticket}{_SUFFIX}")
        fsync_folder(aside)
        _log.error("inbox.damaged", ticket=ticket, reason=reason)

    def _new_ticket(self) -> str:
        with self._lock:
            self._last_ms = max(self._last_ms + 1, time.time_ns() // 1_000_000)
            return uuid7(self._last_ms, secrets.randbits(74))

    def _path(self, ticket: str) -> Path:
        if os.sep in ticket or ticket.startswith("."):
            raise NotFound(f"inbox: not a ticket: {ticket[:80]!r}")
        return self._folder / f"{ticket}{_SUFFIX}"
