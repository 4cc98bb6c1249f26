"""Store: the open database, its writer, its readers and its blobs."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import ExitStack
from pathlib import Path
from typing import TypeVar

from clinic_records.errors import StoreError
from vehicle_agent.store.blobs import Blobs
from vehicle_agent.store.database import check_header, open_database
from vehicle_agent.store.driver import Connection, DatabaseError
from vehicle_agent.store.durable import lock_file, sweep
from vehicle_agent.store.migrations import migrate
from vehicle_agent.store.outbox import begin_incarnation
from vehicle_agent.store.writer import Writer, WritesInTurn

T = TypeVar("T")


class Store:
    """What is open after login. Functions of records.py, outbox.py, settings.py, quarantine.py take its connections.

    Example:
        record = store.write(lambda conn: put_record(conn, ...))
        patients = store.read(lambda conn: list_current(conn, Kind.PATIENT))

    Attributes:
        vehicle: whose store it is.
        incarnation: what new records count in.
        blobs: the blob folder.
        writer: the one writing thread.
    """

    def __init__(
        self,
        database: Path,
        key: bytes,
        blob_folder: Path,
        vehicle: str,
        incarnation: int,
        owner: ExitStack,
        writer: WritesInTurn,
    ) -> None:
        self._database = database
        self._key = key
        self._idle: list[Connection] = []
        self._readers = threading.Lock()
        self._closed = False
        self.vehicle = vehicle
        self.incarnation = incarnation
        self.writer = writer
        self._owner = owner
        self.blobs = Blobs(blob_folder, self.read, self.submit)

    @classmethod
    def open(
        cls,
        database: Path,
        blob_folder: Path,
        key: bytes,
        *,
        vehicle: str,
        incarnation: int = 1,
        writes: Callable[[Connection], WritesInTurn] = Writer,
    ) -> "Store":
        """Open or create.

        Args:
            database: `clinic.db`.
            blob_folder: sealed blob files; made when missing.
            key: the raw 256-bit database key (`derive.database_key`).
            vehicle: whose records these are.
            incarnation: as the hospital granted it; a lower one than the database has is ignored.
            writes: makes the one writer of the open database.

        Raises:
            StoreError: wrong key, not encrypted, not durable, from a newer program, of another vehicle, or open in
                another program; the message names which.
        """
        owner = lock_file(database.with_suffix(".lock"))
        try:
            blob_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            sweep(blob_folder)
            conn = open_database(database, key)
            owner.callback(conn.close)
            migrate(conn)
            check_header(database)
            granted = begin_incarnation(conn, vehicle, incarnation)
        except BaseException:
            owner.close()
            raise
        return cls(database, key, blob_folder, vehicle, granted, owner, writes(conn))

    def adopt_incarnation(self, incarnation: int) -> None:
        """Count in this incarnation, which the hospital granted, from now on; durable on return (sync rule 6)."""
        self.incarnation = self.write(lambda conn: begin_incarnation(conn, self.vehicle, incarnation))

    def submit(self, job: Callable[[Connection], T]) -> "Future[T]":
        """Queue a job for the writer (see Writer.submit); for the event loop: `asyncio.wrap_future`."""
        return self.writer.submit(job)

    def write(self, job: Callable[[Connection], T]) -> T:
        """Submit and wait; for threads, not for the event loop."""
        return self.submit(job).result()

    def read(self, job: Callable[[Connection], T]) -> T:
        """Run `job` on a read-only connection, in one snapshot; from any thread.

        Raises:
            StoreError: the store is closed, or the database refused.
        """
        conn = self._take_reader()
        try:
            conn.execute("BEGIN")
            try:
                return job(conn)
            finally:
                conn.execute("ROLLBACK")
        except DatabaseError as error:
            raise StoreError(f"{self._database}: cannot read: {error}") from error
        finally:
            self._give_back(conn)

    def close(self) -> None:
        """Finish writing and close everything."""
        self.writer.close()
        with self._readers:
            self._closed = True
            for conn in self._idle:
                conn.close()
            self._idle.clear()
        self._owner.close()

    def _take_reader(self) -> Connection:
        with self._readers:
            if self._closed:
                raise StoreError("the store is closed")
            if self._idle:
                return self._idle.pop()
        return open_database(self._database, self._key, read_only=True)

    def _give_back(self, conn: Connection) -> None:
        with self._readers:
            if not self._closed:
                self._idle.append(conn)
                return
        conn.close()
