"""One delivery on its way into the inbox: sealed while it comes, durable when it is kept.

The file: `MCI2` | u16be length of wrapped key | content key wrapped to the vault (HPKE) | sealed raw bytes | sealed
meta | u32be length of sealed meta. Raw and meta are streams of sync/stream.py under keys of their own, derived from
the content key of this one file; both are bound to everything before the raw bytes. Meta stands last because what is
known of a delivery is known only when its last byte has come.
"""

import io
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Final

from clinic_records.errors import BadFrame, RefusedInput, StoreError
from sync.keys import RecipientKey, RecipientPrivate
from sync.stream import SEGMENT, PlainReader, SealingWriter, encrypt_stream, sealed_size
from vehicle_agent.store.derive import DATA_KEY_SIZE, derive
from vehicle_agent.store.durable import TEMP_SUFFIX, require_room

ARRIVING: Final = f".arriving{TEMP_SUFFIX}"
"""Suffix of a file that is not whole yet: the process that died over it removes its own at its next start."""
META_LIMIT: Final = 64 * 1024
"""Bytes; a Delivery has some hundreds."""
_MAGIC: Final = b"MCI2"
_INFO: Final = b"mobile-clinic/inbox/v2"
_LENGTH: Final = 4
_WRITE_OUT: Final = 4 * 1024 * 1024
"""Bytes after which the disk is told to begin: what is left for the fsync at the end is then little."""


class SealedArrival:
    """A delivery that is coming in; `keep` or `drop` ends it."""

    def __init__(self, folder: Path, vault: RecipientKey, publish: Callable[[int, Path], str]) -> None:
        """A new temp file in `folder` (mode 600).

        Args:
            folder: the inbox.
            vault: whom it is sealed to.
            publish: fsyncs the open file and gives it its name, durable on return; the ticket.

        Raises:
            StoreError: the disk refused, or what is left of it stays for the nurse.
        """
        self._folder = folder
        self._publish = publish
        self._path = folder / f"{secrets.token_hex(8)}{ARRIVING}"
        self._content_key = secrets.token_bytes(DATA_KEY_SIZE)
        wrapped = vault.wrap(self._content_key, _INFO)
        self._head = _MAGIC + len(wrapped).to_bytes(2, "big") + wrapped
        self._begun = 0  # bytes the disk was told to write out
        self._size = 0
        try:
            require_room(folder, 0)
            self._fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreError(f"{folder}: cannot write: {error.strerror or error}") from error
        self._raw = SealingWriter(_Fd(self._append), derive(self._content_key, "inbox/raw"), self._head)
        try:
            self._append(self._head)
        except StoreError:
            self.drop()
            raise

    def write(self, data: bytes | memoryview, /) -> None:
        """Append raw bytes.

        Raises:
            StoreError: as above; only `drop` is left to do.
        """
        self._raw.write(data)

    def keep(self, meta: bytes, /) -> str:
        """Make it durable; the ticket. Only after it the device may be told yes.

        Raises:
            RefusedInput: meta is larger than META_LIMIT.
            StoreError: as above.
        """
        if len(meta) > META_LIMIT:
            raise RefusedInput(f"delivery: meta of {len(meta)} bytes, more than {META_LIMIT}", raw=meta[:1024])
        sealed = io.BytesIO()
        encrypt_stream(io.BytesIO(meta), sealed, derive(self._content_key, "inbox/meta"), self._head)
        self._raw.finish()
        self._append(sealed.getvalue() + len(sealed.getvalue()).to_bytes(_LENGTH, "big"))
        try:
            ticket = self._publish(self._fd, self._path)
        except OSError as error:
            raise StoreError(f"{self._folder}: cannot write: {error.strerror or error}") from error
        self._close()
        return ticket

    def drop(self) -> None:
        """Forget it; harmless when done twice, or after `keep`."""
        if self._fd >= 0:
            self._close()
            self._path.unlink(missing_ok=True)

    def _append(self, data: bytes) -> int:
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._fd, view) :]
            self._size += len(data)
            if self._size - self._begun >= _WRITE_OUT:
                require_room(self._folder, 0)
                # Linux begins to write these pages out, and lets go of those already written (posix_fadvise(2))
                os.posix_fadvise(self._fd, 0, self._size, os.POSIX_FADV_DONTNEED)
                self._begun = self._size
        except OSError as error:
            raise StoreError(f"{self._folder}: cannot write: {error.strerror or error}") from error
        return len(data)

    def _close(self) -> None:
        os.close(self._fd)
        self._fd = -1


class _Fd:
    """A Sink."""

    def __init__(self, write: Callable[[bytes], int]) -> None:
        self.write = write


class SealedDelivery:
    """A kept delivery, open for reading.

    Attributes:
        meta: what is known of it.
        raw: its bytes, checked while they are read.
    """

    def __init__(self, handle: io.BufferedReader, private: RecipientPrivate) -> None:
        """Meta is read and checked.

        Raises:
            BadFrame: damaged, or sealed to another vault.
        """
        head = handle.read(len(_MAGIC) + 2)
        size = int.from_bytes(head[len(_MAGIC) :], "big")
        if head[: len(_MAGIC)] != _MAGIC or not size:
            raise BadFrame("inbox: not a sealed delivery", raw=head)
        head += handle.read(size)
        content_key = private.unwrap(head[len(_MAGIC) + 2 :], _INFO)
        start, end = len(head), handle.seek(0, os.SEEK_END) - _LENGTH
        if end < start:
            raise BadFrame("inbox: a sealed delivery that ends before its meta")
        handle.seek(end)
        length = int.from_bytes(handle.read(_LENGTH), "big")
        if not 0 < length <= min(sealed_size(META_LIMIT), end - start):
            raise BadFrame(f"inbox: sealed meta of {length} bytes")
        handle.seek(end - length)
        sealed = io.BytesIO(handle.read(length))
        self.meta = PlainReader(sealed, derive(content_key, "inbox/meta"), head).read()
        handle.seek(start)
        bounded = _Bounded(handle, end - length - start)
        self.raw = PlainReader(bounded, derive(content_key, "inbox/raw"), head)


class _Bounded:
    """The first `size` bytes of what a handle has left."""

    def __init__(self, handle: io.BufferedReader, size: int) -> None:
        self._handle = handle
        self._left = size

    def read(self, size: int, /) -> bytes:
        data = self._handle.read(min(size, self._left, SEGMENT * 16))
        self._left -= len(data)
        return data
