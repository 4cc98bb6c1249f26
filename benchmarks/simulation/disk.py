"""One machine's disk: it counts durable steps, so that a kill or a full disk can come before or after any of them.

A step is an fsync of a file or folder, and the begin and the end of each write transaction. The world runs in one
thread, so the machine that is at work is known.
"""

import errno
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import wraps
from sqlite3 import Connection as SpoolConnection
from sqlite3 import OperationalError as SqliteError
from typing import Any, Final, TypeVar
from unittest.mock import patch

from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import OperationalError

from clinic_records.errors import StoreError
from vehicle_agent.store.driver import Connection as StoreConnection
from vehicle_agent.store.spool_database import SpoolDatabase
from vehicle_agent.store.writer import Commits

T = TypeVar("T")

FULL: Final = "database or disk is full"


class Killed(BaseException):
    """The machine's process died here."""


CRASHES: Final = (Killed, OperationalError, OSError)
"""What ends the process at work: a kill, or trouble nobody in it answers for; its supervisor starts it again."""


class Disk:
    """What happens to one machine's writes."""

    def __init__(self) -> None:
        self.steps = 0
        self.kill_at = 0
        self.is_full = False

    def step(self) -> None:
        """Nothing, or death."""
        self.steps += 1
        if self.kill_at and self.steps >= self.kill_at:
            self.kill_at = 0
            raise Killed

    def kill_in(self, steps: int) -> None:
        """Die at that step from now."""
        self.kill_at = self.steps + steps


_NONE: Final = Disk()
_at_work = [_NONE]


@contextmanager
def at_work(disk: Disk) -> Iterator[None]:
    """Everything written inside the block is written by this machine."""
    _at_work.append(disk)
    try:
        yield
    finally:
        _at_work.pop()


def _fsync(_handle: int) -> None:
    disk = _at_work[-1]
    disk.step()
    if disk.is_full:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def watch_engine(engine: Engine) -> None:
    """Steps at the begin and before the end of each of the hospital's write transactions."""

    @event.listens_for(engine, "begin")
    def _on_begin(connection: Connection) -> None:
        if connection.get_execution_options().get("clinic_writes", False):
            _at_work[-1].step()

    @event.listens_for(engine, "before_cursor_execute")
    def _on_execute(*said: Any) -> None:
        statement: str = said[2]
        if _at_work[-1].is_full and statement.startswith(("INSERT", "UPDATE")):
            raise OperationalError(statement, None, SqliteError(FULL))

    @event.listens_for(engine, "commit")
    def _on_commit(connection: Connection) -> None:
        if connection.get_execution_options().get("clinic_writes", False):
            _at_work[-1].step()


class InlineWriter:
    """The store's writer without a thread: what is submitted is committed at once, what hooks submit right after."""

    def __init__(self, conn: StoreConnection) -> None:
        self._commits = Commits(conn)
        self._jobs: list[tuple[Callable[[StoreConnection], Any], Future[Any]]] = []
        self._is_busy = False

    def submit(self, job: Callable[[StoreConnection], T]) -> "Future[T]":
        """See `vehicle_agent.store.writer.Writer`."""
        future: Future[T] = Future()
        disk = _at_work[-1]
        if disk.is_full:
            raise StoreError(f"not written: {FULL}")
        self._jobs.append((job, future))
        if not self._is_busy:
            self._is_busy = True
            try:
                while self._jobs:
                    batch, self._jobs = self._jobs, []
                    disk.step()
                    self._commits.commit(batch)
                    disk.step()
            finally:
                self._is_busy = False
        return future

    def after_commit(self, hook: Callable[[StoreConnection], None]) -> None:
        """See `vehicle_agent.store.writer.Writer`."""
        self._commits.hooks.append(hook)

    def close(self) -> None:
        """Nothing waits."""


def _watched(
    write: Callable[[SpoolDatabase], AbstractContextManager[SpoolConnection]],
) -> Callable[[SpoolDatabase], AbstractContextManager[SpoolConnection]]:
    @wraps(write)
    @contextmanager
    def watched(self: SpoolDatabase) -> Iterator[SpoolConnection]:
        disk = _at_work[-1]
        disk.step()
        if disk.is_full:
            raise StoreError(f"spool: not written: {FULL}")
        with write(self) as conn:
            yield conn
        disk.step()

    return watched


@contextmanager
def watched_disks() -> Iterator[None]:
    """Inside the block nothing waits for a real disk, and every durable step belongs to a machine."""
    with ExitStack() as stack:
        stack.enter_context(patch.object(os, "fsync", _fsync))
        stack.enter_context(patch.object(SpoolDatabase, "write", _watched(SpoolDatabase.write)))
        yield
