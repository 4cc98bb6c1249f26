"""Keeps the hospital's processes running: starts them, starts again what died, stops them in order.

A process that dies, by kill -9 too, is started again after a back-off that doubles while it keeps dying. The children
die with the supervisor. run/pids.json always names who runs.
"""

import fcntl
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Final

import msgspec

from clinic_records.errors import ConfigError
from cloud_hospital.folder import HospitalFolder
from cloud_hospital.processes.leash import leashed
from sync.durable import write_file

FIRST_WAIT_S: Final = 0.2
LONGEST_WAIT_S: Final = 10.0
STEADY_S: Final = 10.0
"""A process that ran this long starts again with the first wait."""
TICK_S: Final = 0.1
STOP_S: Final = 10.0
"""What a process gets to end by itself when the hospital is stopped."""


@dataclass
class Child:
    """One process: how it is started and how it stands."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    start_at: float = 0.0
    wait_s: float = FIRST_WAIT_S

    def tend(self, now: float, say: Callable[[str], None]) -> bool:
        """Start it where it is due; whether anything changed."""
        if self.process is None:
            if now < self.start_at:
                return False
            self.process = subprocess.Popen(  # noqa: S603  # our own command lines
                leashed(list(self.command)),
                env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=2,  # stdout carries our own ready line only
                start_new_session=True,  # Ctrl+C goes to the supervisor, which stops them in order
            )
            self.started_at = now
            return True
        code = self.process.poll()
        if code is None:
            return False
        if now - self.started_at >= STEADY_S:
            self.wait_s = FIRST_WAIT_S
        say(f"{self.name} ended with {code}; it starts again in {self.wait_s:g} s")
        self.process, self.start_at = None, now + self.wait_s
        self.wait_s = min(self.wait_s * 2, LONGEST_WAIT_S)
        return True

    def stop(self) -> None:
        """End it: asked first, killed after STOP_S."""
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None


class Supervisor:
    """Runs `children` until it is told to stop.

    Args:
        folder: the hospital's.
        children: in the order they are started; they are stopped in the reverse order.
        is_ready: asked until it says yes; then `on_ready` is called once.
        tick: called every TICK_S.
        say: one line for the operator.
    """

    def __init__(
        self,
        folder: HospitalFolder,
        children: Sequence[Child],
        *,
        is_ready: Callable[[], bool],
        on_ready: Callable[[], None],
        tick: Callable[[Mapping[str, int]], None],
        say: Callable[[str], None],
    ) -> None:
        self._folder = folder
        self._children = children
        self._is_ready = is_ready
        self._on_ready = on_ready
        self._tick = tick
        self._say = say
        self._is_stopping = False

    def run(self) -> None:
        """Until SIGTERM or SIGINT; the caller holds `alone`."""
        before = {number: signal.signal(number, self._stop) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            self._watch()
        finally:
            for child in reversed(self._children):
                child.stop()
            (self._folder.run / "pids.json").unlink(missing_ok=True)
            for number, handler in before.items():
                signal.signal(number, handler)

    def _watch(self) -> None:
        is_ready = False
        while not self._is_stopping:
            now = time.monotonic()
            if any([child.tend(now, self._say) for child in self._children]):  # noqa: C419  # all of them are tended
                self._write_pids()
            if not is_ready and self._is_ready():
                is_ready = True
                self._on_ready()
            self._tick(self._pids())
            time.sleep(TICK_S)

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._is_stopping = True

    def _pids(self) -> dict[str, int]:
        return {child.name: child.process.pid for child in self._children if child.process is not None}

    def _write_pids(self) -> None:
        write_file(self._folder.run / "pids.json", msgspec.json.encode({"supervisor": os.getpid(), **self._pids()}))


@contextmanager
def alone(folder: HospitalFolder) -> Iterator[None]:
    """Nobody else supervises this hospital meanwhile; the lock falls with the process.

    Raises:
        ConfigError: it runs already.
    """
    with (folder.run / "supervisor.lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ConfigError(f"{folder.root} runs already; stop that first") from None
        yield
