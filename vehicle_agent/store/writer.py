"""One thread owns the writing connection; jobs that wait together share one commit (group commit)."""

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, Final, NamedTuple, Protocol, TypeVar

import structlog

from clinic_records.errors import ClinicError, StoreError
from vehicle_agent.store.driver import Connection, DatabaseError

T = TypeVar("T")
Job = tuple[Callable[[Connection], Any], "Future[Any]"]

_BATCH: Final = 256  # jobs in one commit; bounds how long the first of them waits for the others

_log = structlog.get_logger(__name__)


class _Outcome(NamedTuple):
    value: Any = None
    error: BaseException | None = None


class WritesInTurn(Protocol):
    """What an open store needs of its one writer."""

    def submit(self, job: Callable[[Connection], T]) -> "Future[T]":
        """See `Writer`."""

    def after_commit(self, hook: Callable[[Connection], None]) -> None:
        """See `Writer`."""

    def close(self) -> None:
        """See `Writer`."""


class Writer:
    """Runs jobs in order in a thread of its own and resolves them only after their common commit is durable."""

    def __init__(self, conn: Connection) -> None:
        self._commits = Commits(conn)
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._closing = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._thread.start()

    def submit(self, job: Callable[[Connection], T]) -> "Future[T]":
        """Queue `job(conn)`; the future resolves after commit and after-commit hooks.

        The future's exception is the job's own ClinicError, or StoreError for anything else. Only the failing
        job is undone. `asyncio.wrap_future` makes it awaitable.

        Raises:
            StoreError: the writer was closed.
        """
        future: Future[T] = Future()
        with self._closing:
            if self._closed:
                raise StoreError("the store is closed; nothing was written")
            self._jobs.put((job, future))
        return future

    def after_commit(self, hook: Callable[[Connection], None]) -> None:
        """Run `hook` in the writer's thread after every commit, before its futures resolve.

        A failing hook is logged and does not undo or fail what was committed.
        """
        self._commits.hooks.append(hook)

    def close(self) -> None:
        """Finish what is queued, then stop."""
        with self._closing:
            if not self._closed:
                self._closed = True
                self._jobs.put(None)
        self._thread.join()

    def _run(self) -> None:
        stopping = False
        while not stopping:
            batch: list[Job] = []
            job = self._jobs.get()
            while job is not None:
                batch.append(job)
                if len(batch) >= _BATCH or self._jobs.empty():
                    break
                job = self._jobs.get()
            stopping = job is None
            if batch:
                self._commits.commit(batch)


class Commits:
    """Batches of jobs on one connection, each job in a savepoint; whoever owns it calls it from one thread.

    Attributes:
        hooks: run after every commit, before its futures resolve.
    """

    def __init__(self, conn: Connection) -> None:
        self.hooks: list[Callable[[Connection], None]] = []
        self._conn = conn

    def commit(self, batch: Sequence[Job]) -> None:
        """Run the jobs in one transaction and resolve their futures."""
        jobs = [(job, future) for job, future in batch if future.set_running_or_notify_cancel()]
        try:
            self._conn.execute("BEGIN IMMEDIATE")
            outcomes = [self._in_savepoint(job) for job, _ in jobs]
            self._conn.execute("COMMIT")
        except DatabaseError as error:
            with suppress(DatabaseError):  # the error may have undone the transaction already
                self._conn.execute("ROLLBACK")
            outcomes = [_Outcome(error=_as_clinic_error(error))] * len(jobs)
        else:
            self._run_hooks()
        for (_, future), outcome in zip(jobs, outcomes, strict=True):
            if outcome.error is None:
                future.set_result(outcome.value)
            else:
                future.set_exception(outcome.error)

    def _in_savepoint(self, job: Callable[[Connection], Any]) -> _Outcome:
        """Run one job; undo it alone if it fails.

        Raises:
            DatabaseError: the whole transaction is gone (disk full), and with it every job of the batch.
        """
        self._conn.execute("SAVEPOINT job")
        try:
            outcome = _Outcome(job(self._conn))
        except BaseException as error:  # a job's failure belongs to its future; the thread must outlive any of them
            if not self._conn.in_transaction:
                raise DatabaseError(str(error)) from error
            outcome = _Outcome(error=_as_clinic_error(error))
            self._conn.execute("ROLLBACK TO job")
        self._conn.execute("RELEASE job")
        return outcome

    def _run_hooks(self) -> None:
        # what was committed stays acknowledged whatever a hook does; reconcile repeats its work
        for hook in self.hooks:
            try:
                hook(self._conn)
            except Exception as error:  # noqa: BLE001  a hook's failure must not stop the thread
                _log.error("store.hook_failed", error=str(error))


def _as_clinic_error(error: BaseException) -> BaseException:
    if isinstance(error, ClinicError):
        return error
    problem = StoreError(f"not written: {type(error).__name__}: {error}")
    problem.__cause__ = error
    return problem
