"""Store: the open database, its writer, its readers and its blobs."""

from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import TypeVar

from vehicle_agent.store.blobs import Blobs
from vehicle_agent.store.driver import Connection
from vehicle_agent.store.writer import Writer

T = TypeVar("T")


class Store:
    """What is open after login. Functions of records.py, outbox.py, settings.py, quarantine.py take its connections.

    Example:
        record = store.submit(lambda conn: put_record(conn, ...)).result()
        patients = store.read(lambda conn: list_current(conn, Kind.PATIENT))
    """

    blobs: Blobs
    writer: Writer
    vehicle: str

    @classmethod
    def open(cls, database: Path, blob_folder: Path, key: bytes, *, vehicle: str, incarnation: int = 1) -> "Store":
        """Open or create; `key` is the raw 256-bit database key.

        Raises:
            StoreError: wrong key, not encrypted, not durable, from a newer program; the message names which.
        """
        raise NotImplementedError

    def submit(self, job: Callable[[Connection], T]) -> Future[T]:
        """Queue a job for the writer (see Writer.submit)."""
        raise NotImplementedError

    def write(self, job: Callable[[Connection], T]) -> T:
        """Submit and wait; for threads, not for the event loop."""
        return self.submit(job).result()

    def read(self, job: Callable[[Connection], T]) -> T:
        """Run `job` on this thread's own read-only connection, in one snapshot."""
        raise NotImplementedError

    def close(self) -> None:
        """Finish writing and close everything."""
        raise NotImplementedError
