"""Keeps one helper process running below the agent: started again with back-off whenever it ends."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import structlog

FIRST_WAIT_S: Final = 0.5
LONGEST_WAIT_S: Final = 30.0
STEADY_S: Final = 60.0
"""A helper that lived so long is started again at once."""
STOP_S: Final = 5.0

_log = structlog.get_logger(__name__)


class Helper:
    """One process `python -m MODULE ARGS... AGENT_PID` that prints one ready line, the port it listens on.

    Attributes:
        port: what it printed last; 0 while it is not ready.
    """

    def __init__(self, module: str, *args: str, on_ready: Callable[[], None]) -> None:
        self.port = 0
        self.ready = asyncio.Event()
        self._module = module
        self._args = args
        self._on_ready = on_ready
        self._process: Process | None = None

    @property
    def pid(self) -> int:
        """Its process id; 0 while it does not run."""
        return self._process.pid if self._process and self._process.returncode is None else 0

    async def run(self) -> None:
        """Until cancelled; the process ends with it."""
        wait_s = 0.0
        loop = asyncio.get_running_loop()
        try:
            while True:
                await asyncio.sleep(wait_s)
                started = loop.time()
                code = await self._live_once()
                wait_s = 0.0 if loop.time() - started > STEADY_S else min(max(FIRST_WAIT_S, wait_s * 2), LONGEST_WAIT_S)
                _log.warning("helper.ended", module=self._module, code=code, again_in_s=wait_s)
        finally:
            await self._end()

    async def _live_once(self) -> int:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", self._module, *self._args, str(os.getpid()), stdout=PIPE
        )
        self._process = process
        try:
            if process.stdout is not None and (line := await process.stdout.readline()).strip().isdigit():
                self.port = int(line)
                self.ready.set()
                self._on_ready()
                _log.info("helper.ready", module=self._module, pid=process.pid, port=self.port)
            return await process.wait()
        finally:
            self.port = 0
            self.ready.clear()

    async def _end(self) -> None:
        process = self._process
        if process is None or process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(STOP_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
