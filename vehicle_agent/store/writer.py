"""One thread owns the writing connection; jobs that wait together share one commit (group commit)."""

from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from vehicle_agent.store.driver import Connection

T = TypeVar("T")


class Writer:
    """Runs jobs in order, each in a savepoint, and resolves them only after their common commit is durable."""

    def __init__(self, conn: Connection) -> None:
        raise NotImplementedError

    def submit(self, job: Callable[[Connection], T]) -> Future[T]:
        """Queue `job(conn)`; the future resolves after commit and after-commit hooks.

        The future's exception is the job's own ClinicError, or StoreError for anything else. Only the failing
        job is undone. `asyncio.wrap_future` makes it awaitable.
        """
        raise NotImplementedError

    def after_commit(self, hook: Callable[[Connection], None]) -> None:
        """Run `hook` in the writer's thread after every commit, before its futures resolve."""
        raise NotImplementedError

    def close(self) -> None:
        """Finish what is queued, then stop."""
        raise NotImplementedError
