"""The sealed inbox: what devices deliver is durable and unreadable before anybody has logged in (law 8).

One file a delivery: `MCI1` | u16be length of wrapped key | content key wrapped to the vault (HPKE) | u32be length of
sealed meta | sealed meta | sealed raw bytes. Meta and raw are streams of sync/stream.py under keys of their own,
derived from the content key; the raw stream is bound to everything before it.
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
from typing import BinaryIO, Final

import structlog

from clinic_records.errors import BadFrame, NotFound, RefusedInput, StoreError
from clinic_records.ids import uuid7
from sync.keys import RecipientKey, RecipientPrivate
from sync.stream import SEGMENT, PlainReader, Sink, Source, encrypt_stream
from vehicle_agent.store.derive import DATA_KEY_SIZE, derive
from vehicle_agent.store.durable import fsync_folder, publish, require_room, sweep, temp_file

_MAGIC: Final = b"MCI1"
_INFO: Final = b"mobile-clinic/inbox/v1"
_SUFFIX: Final = ".sealed"
_META_LIMIT: Final = 64 * 1024  # bytes; a Delivery has some hundreds
_REMEMBERED: Final = 1024  # contents known again in one process, for devices that repeat what we took

_log = structlog.get_logger(__name__)


class Inbox:
    """A folder of sealed deliveries; several processes may deliver into it at once."""

    def __init__(self, folder: Path, vault_public: bytes) -> None:
        self._folder = folder
        self._vault = RecipientKey(vault_public)
        self._lock = threading.Lock()
        self._last_ms = 0
        self._seen: OrderedDict[bytes, str] = OrderedDict()  # in memory only: a hash on the disk would speak of content

    def deliver(self, meta: bytes, raw: bytes | Path) -> str:
        """Seal one delivery; durable on return, and only then may the device be told yes. Returns its ticket.

        The same meta and raw again gives the same ticket while it is still here.

        Raises:
            RefusedInput: meta is larger than 64 KiB.
            StoreError: the disk refused, or what is left of it stays for the nurse.
        """
        if len(meta) > _META_LIMIT:
            raise RefusedInput(f"delivery: meta of {len(meta)} bytes, more than {_META_LIMIT}", raw=meta[:1024])
        digest = _digest(meta, raw)
        with self._lock:
            known = self._seen.get(digest)
        if known is not None and self._path(known).exists():
            return known
        require_room(self._folder, _size(raw))
        content_key = secrets.token_bytes(DATA_KEY_SIZE)
        front = self._front(meta, content_key)
        ticket = self._new_ticket()
        with temp_file(self._folder) as (handle, temp), _source(raw) as plain:
            handle.write(front)
            encrypt_stream(plain, handle, derive(content_key, "inbox/raw"), hashlib.sha256(front).digest())
            publish(handle, temp, self._path(ticket))
        with self._lock:
            self._seen[digest] = ticket
            if len(self._seen) > _REMEMBERED:
                self._seen.popitem(last=False)
        return ticket

    def waiting(self) -> list[str]:
        """Tickets, oldest first; needs no key."""
        return sorted(path.name.removesuffix(_SUFFIX) for path in self._folder.glob(f"*{_SUFFIX}"))

    def pending(self, private: RecipientPrivate) -> list[tuple[str, bytes]]:
        """(ticket, meta), oldest first; what cannot be opened is moved to `damaged/` for intake's quarantine."""
        found = []
        for ticket in self.waiting():
            try:
                with self._opened(ticket, private) as (meta, _):
                    found.append((ticket, meta))
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

    def _front(self, meta: bytes, content_key: bytes) -> bytes:
        wrapped = self._vault.wrap(content_key, _INFO)
        head = _MAGIC + len(wrapped).to_bytes(2, "big") + wrapped
        sealed = io.BytesIO()
        encrypt_stream(io.BytesIO(meta), sealed, derive(content_key, "inbox/meta"), head)
        return head + len(sealed.getvalue()).to_bytes(4, "big") + sealed.getvalue()

    def _copy(self, ticket: str, private: RecipientPrivate, target: Sink) -> bytes:
        with self._opened(ticket, private) as (meta, plain):
            while data := plain.read(SEGMENT):
                target.write(data)
        return meta

    @contextmanager
    def _opened(self, ticket: str, private: RecipientPrivate) -> Iterator[tuple[bytes, Source]]:
        try:
            handle = self._path(ticket).open("rb")
        except FileNotFoundError:
            raise NotFound(f"inbox: no delivery {ticket}") from None
        with handle:
            head = handle.read(6)
            size = int.from_bytes(head[4:], "big")
            if head[:4] != _MAGIC or not size:
                raise BadFrame(f"inbox {ticket}: not a sealed delivery", raw=head)
            wrapped = handle.read(size)
            head += wrapped
            content_key = private.unwrap(wrapped, _INFO)
            length = handle.read(4)
            if int.from_bytes(length, "big") > _META_LIMIT + SEGMENT:
                raise BadFrame(f"inbox {ticket}: sealed meta of {int.from_bytes(length, 'big')} bytes")
            sealed = handle.read(int.from_bytes(length, "big"))
            meta = PlainReader(io.BytesIO(sealed), derive(content_key, "inbox/meta"), head).read()
            bound = hashlib.sha256(head + length + sealed).digest()
            yield meta, PlainReader(handle, derive(content_key, "inbox/raw"), bound)

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


@contextmanager
def _source(raw: bytes | Path) -> Iterator[BinaryIO]:
    if isinstance(raw, bytes):
        yield io.BytesIO(raw)
        return
    try:
        handle = raw.open("rb")
    except OSError as error:
        raise StoreError(f"{raw}: cannot read the delivery: {error.strerror}") from error
    with handle:
        yield handle


def _size(raw: bytes | Path) -> int:
    return len(raw) if isinstance(raw, bytes) else raw.stat().st_size


def _digest(meta: bytes, raw: bytes | Path) -> bytes:
    digest = hashlib.sha256(len(meta).to_bytes(4, "big") + meta)
    with _source(raw) as plain:
        while data := plain.read(SEGMENT):
            digest.update(data)
    return digest.digest()
