"""A small pool of limited child processes: what comes over a wire is understood there, never in the agent (law 12)."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from contextlib import suppress
from typing import Final

import msgspec
import structlog

from clinic_records import errors
from clinic_records.errors import ClinicError, Hint, RefusedInput, StoreError
from vehicle_agent.child import Answer, Request

IDLE_S: Final = 30.0
"""A child without work for so long is ended, so that an idle agent is small."""

_ENVIRONMENT: Final = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "2",
    "MALLOC_MMAP_THRESHOLD_": "1048576",
}
"""Each thread and arena would take address space from the child's limit; large blocks go back to the system at once."""

_log = structlog.get_logger(__name__)


class Children:
    """Runs jobs of vehicle_agent.jobs, at most `size` at a time; children are made when needed."""

    def __init__(self, size: int = 2, *, idle_s: float = IDLE_S) -> None:
        self._slots = asyncio.Semaphore(size)
        self._idle_s = idle_s
        self._idle: list[Process] = []
        self._all: set[Process] = set()
        self._endings: dict[int, asyncio.TimerHandle] = {}

    @property
    def pids(self) -> list[int]:
        """Process ids of the children alive."""
        return sorted(child.pid for child in self._all if child.returncode is None)

    async def run(self, job: str, request: object, *, timeout_s: float) -> bytes:
        """The answer of `job` to `request`, a struct of vehicle_agent.jobs.

        Raises:
            StoreError: the child died or took longer than `timeout_s`; nothing is known about the input.
            ClinicError: what the job raised, as its own class.
        """
        async with self._slots:
            child = await self._take()
            try:
                async with asyncio.timeout(timeout_s):
                    answer = await _ask(child, Request(job, msgspec.msgpack.encode(request)))
            except (OSError, TimeoutError, asyncio.IncompleteReadError, msgspec.MsgspecError) as error:
                how = "took too long" if isinstance(error, TimeoutError) else "died"
                await self._end(child)
                _log.error("child.lost", job=job, how=how, pid=child.pid, code=child.returncode)
                raise StoreError(f"the child process doing {job} {how}") from error
            except BaseException:
                await self._end(child)
                raise
            self._put_back(child)
        if answer.error:
            raise _as_error(answer)
        return answer.body

    async def close(self) -> None:
        """End every child."""
        for child in list(self._all):
            await self._end(child)

    async def _take(self) -> Process:
        while self._idle:
            child = self._idle.pop()
            self._endings.pop(child.pid).cancel()
            if child.returncode is None:
                return child
            await self._end(child)
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "vehicle_agent.child", str(os.getpid()),
            stdin=PIPE, stdout=PIPE, env={**os.environ, **_ENVIRONMENT},
        )  # fmt: skip
        self._all.add(child)
        return child

    def _put_back(self, child: Process) -> None:
        self._idle.append(child)
        self._endings[child.pid] = asyncio.get_running_loop().call_later(self._idle_s, self._retire, child)

    def _retire(self, child: Process) -> None:
        self._endings.pop(child.pid, None)
        self._idle.remove(child)
        ending = asyncio.ensure_future(self._end(child))
        ending.add_done_callback(lambda done: done.exception())

    async def _end(self, child: Process) -> None:
        timer = self._endings.pop(child.pid, None)
        if timer is not None:
            timer.cancel()
        if child in self._idle:
            self._idle.remove(child)
        with suppress(ProcessLookupError):
            child.kill()
        if child.stdin is not None:
            child.stdin.close()
        await child.wait()
        self._all.discard(child)


async def _ask(child: Process, request: Request) -> Answer:
    if child.stdin is None or child.stdout is None:
        raise BrokenPipeError("the child has no pipes")
    data = msgspec.msgpack.encode(request)
    child.stdin.write(len(data).to_bytes(4, "big") + data)
    await child.stdin.drain()
    size = int.from_bytes(await child.stdout.readexactly(4), "big")
    return msgspec.msgpack.decode(await child.stdout.readexactly(size), type=Answer)


def _as_error(answer: Answer) -> ClinicError:
    kind = getattr(errors, answer.error, None)
    known = kind if isinstance(kind, type) and issubclass(kind, ClinicError) else RefusedInput
    return known(answer.message, hint=Hint(*answer.hint) if any(answer.hint) else None)
