"""Blobs at rest: one sealed file each, named by the SHA-256 of its original bytes, its key in the database."""

import hashlib
import io
import secrets
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Final

import msgspec

from clinic_records.errors import BadFrame, Hint, NotFound, StoreError
from clinic_records.ids import BlobHash, blob_hash
from sync.stream import KEY_SIZE, SEGMENT, Sink, Source, encrypt_stream
from vehicle_agent.store.blob_file import AAD, BlobFile
from vehicle_agent.store.driver import Connection
from vehicle_agent.store.durable import fsync_folder, publish, require_room, temp_file

_ELSEWHERE: Final = Hint(
    "原始数据已不在这台车上：医院早已收到，过了保存期；或者本车换过、恢复过硬盘。到医院看。",
    "The raw bytes are not on this vehicle any more: the hospital has had them for longer than they stay here,"
    " or the disk was replaced or restored. Look at the hospital.",
)

Read = Callable[[Callable[[Connection], Any]], Any]
Submit = Callable[[Callable[[Connection], Any]], "Future[Any]"]


class KeptBlob(msgspec.Struct, frozen=True):
    """A durable blob: hash and size in bytes of the original."""

    sha256: BlobHash
    size: int


class _Hashing:
    """A source that hashes and counts what passes."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.hash = hashlib.sha256()
        self.size = 0

    def read(self, size: int, /) -> bytes:
        data = self._source.read(size)
        self.hash.update(data)
        self.size += len(data)
        return data


class Blobs:
    """The blob folder of an open store; `store.blobs`. Safe from any thread of one process."""

    def __init__(self, folder: Path, read: Read, submit: Submit) -> None:
        self._folder = folder
        self._read = read
        self._submit = submit
        self._naming = (
            threading.Lock()
        )  # two threads keeping the same bytes must not mix one's key with the other's file

    def keep(self, source: bytes | Path) -> KeptBlob:
        """Keep bytes or the content of a file; durable on return, once per distinct content.

        Never call it inside a writer job: it waits for one of its own.

        Raises:
            StoreError: the disk refused, or what is left of it stays for the nurse.
        """
        require_room(self._folder, len(source) if isinstance(source, bytes) else source.stat().st_size)
        key = secrets.token_bytes(KEY_SIZE)
        with temp_file(self._folder) as (handle, temp):
            with io.BytesIO(source) if isinstance(source, bytes) else source.open("rb") as plain:
                hashing = _Hashing(plain)
                encrypt_stream(hashing, handle, key, AAD)
            kept = KeptBlob(BlobHash(hashing.hash.hexdigest()), hashing.size)
            final = self._path(kept.sha256)
            with self._naming:
                if final.exists() and self._row(kept.sha256) is not None:
                    return kept
                if not final.parent.exists():
                    final.parent.mkdir(mode=0o700)
                    fsync_folder(self._folder)
                publish(handle, temp, final)
                self._submit(lambda conn: _insert(conn, kept, key)).result()
        return kept

    def forget(self, hashes: Sequence[BlobHash]) -> None:
        """Take blobs away, file first: where a crash comes between, the row without a file is taken away next time.

        Raises:
            StoreError: the database refused.
        """
        with self._naming:
            for sha256 in hashes:
                self._path(sha256).unlink(missing_ok=True)
            self._submit(lambda conn: _delete(conn, hashes)).result()

    def locate(self, sha256: BlobHash, conn: Connection | None = None) -> BlobFile:
        """Where it lies and its key, by `conn` where the caller holds one.

        Raises:
            NotFound: it is not here (any more).
        """
        name = blob_hash(sha256)
        row = self._row(name) if conn is None else _select(conn, name)
        if row is None:
            raise NotFound(f"blob {sha256} is not on this vehicle", hint=_ELSEWHERE)
        return BlobFile(sha256, row[0], str(self._path(sha256)), row[1])

    def read(self, sha256: BlobHash) -> bytes:
        """The original bytes, checked.

        Raises:
            NotFound: it is not here (any more).
            StoreError: the file is damaged.
        """
        target = io.BytesIO()
        self._copy(sha256, target)
        return target.getvalue()

    def _copy(self, sha256: BlobHash, target: Sink) -> None:
        digest = hashlib.sha256()
        try:
            with self.locate(sha256).plain() as plain:
                while data := plain.read(SEGMENT):
                    digest.update(data)
                    target.write(data)
        except BadFrame as error:
            raise StoreError(f"blob {sha256}: its file is damaged: {error}") from error
        if digest.hexdigest() != sha256:
            raise StoreError(f"blob {sha256}: its file holds other bytes")

    def _path(self, sha256: BlobHash) -> Path:
        return self._folder / sha256[:2] / sha256

    def _row(self, sha256: BlobHash) -> tuple[int, bytes] | None:
        found: tuple[int, bytes] | None = self._read(lambda conn: _select(conn, sha256))
        return found


def _select(conn: Connection, sha256: BlobHash) -> tuple[int, bytes] | None:
    row = conn.execute("SELECT size, key FROM blobs WHERE sha256 = ?", (sha256,)).fetchone()
    return None if row is None else (row[0], bytes(row[1]))


def _insert(conn: Connection, kept: KeptBlob, key: bytes) -> None:
    # an old row without its file (a disk that lied, a restored folder) takes the new file's key
    conn.execute(
        "INSERT INTO blobs (sha256, size, key) VALUES (?, ?, ?) ON CONFLICT (sha256) DO UPDATE SET key = excluded.key",
        (kept.sha256, kept.size, key),
    )


def _delete(conn: Connection, hashes: Sequence[BlobHash]) -> None:
    conn.executemany("DELETE FROM blobs WHERE sha256 = ?", [(each,) for each in hashes])
