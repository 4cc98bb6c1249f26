"""kill -9 over PostgreSQL, its backends, workers and broker while vehicles bring their evening in."""

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeVar

import msgspec
import psutil  # type: ignore[import-untyped]  # no type information is published for it

from benchmarks.prefecture.database import Server

PAUSE_S: Final = (0.3, 2.5)
"""Seconds between two kills: some come while the last one is still being mended."""
MENDED_S: Final = 20.0
"""Seconds for a process to be there again; the supervisor waits 10 at most."""

_Found = TypeVar("_Found")


class Trouble:
    """Kills, in an order the seed says: each target as often as the others."""

    def __init__(self, server: Server, run_folder: Path, seed: int) -> None:
        self._server = server
        self._run_folder = run_folder
        self._random = random.Random(seed)  # noqa: S311 - a seed to repeat, not a secret
        self._targets: dict[str, Callable[[], None]] = {
            "backend": self._kill_backend,
            "postmaster": self._kill_postmaster,
            "stop at once": self._stop_at_once,
            "worker": lambda: self._kill_child("worker"),
            "broker": lambda: self._kill_child("broker"),
            "urgent": lambda: self._kill_child("urgent"),
        }
        self.kills: Counter[str] = Counter()

    def make(self, count: int, while_: Callable[[], bool]) -> None:
        """Kill `count` times, but no longer than `while_` says."""
        left: list[str] = []
        for _ in range(count):
            time.sleep(self._random.uniform(*PAUSE_S))
            if not while_():
                return
            if not left:
                left = self._random.sample(sorted(self._targets), len(self._targets))
            target = left.pop()
            with suppress(ProcessLookupError, psutil.NoSuchProcess):  # it ended by itself, from the kill before
                self._targets[target]()
                self.kills[target] += 1

    def _kill_backend(self) -> None:
        """PostgreSQL ends all the others then, and begins again from its log."""
        self._random.choice(_once_there(self._backends)).kill()

    def _backends(self) -> list[psutil.Process]:
        children = psutil.Process(self._server.pid).children()
        return [each for each in children if "clinic evening" in " ".join(each.cmdline())]

    def _kill_postmaster(self) -> None:
        os.kill(self._server.pid, signal.SIGKILL)
        self._server.start_again()

    def _stop_at_once(self) -> None:
        self._server.stop()
        self._server.start_again()

    def _kill_child(self, name: str) -> None:
        def pids() -> list[int]:
            said = msgspec.json.decode((self._run_folder / "pids.json").read_bytes(), type=dict[str, int])
            return [pid for child, pid in said.items() if child == name]

        os.kill(_once_there(pids)[0], signal.SIGKILL)


def _once_there(look: Callable[[], list[_Found]]) -> list[_Found]:
    """What `look` finds, as soon as it finds any: the kill before may still be being mended.

    Raises:
        ProcessLookupError: nothing within MENDED_S.
    """
    until = time.monotonic() + MENDED_S
    while time.monotonic() < until:
        with suppress(psutil.NoSuchProcess):
            if found := look():
                return found
        time.sleep(0.05)
    raise ProcessLookupError("nobody is there to be killed")
