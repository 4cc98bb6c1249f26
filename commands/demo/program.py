"""Our own commands as separate processes: started, watched, killed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from clinic_records.errors import ClinicError


class Ended(NamedTuple):
    """What a command printed: data, and words about it."""

    out: str
    err: str


def clinic(*args: str, stdin: str = "", timeout_s: float = 60) -> Ended:
    """Run one `clinic` command to its end.

    Raises:
        ClinicError: it ended with another exit code than 0; the message holds what it wrote.
    """
    ended = subprocess.run(  # noqa: S603 - our own interpreter and module
        [sys.executable, "-m", "cli", *args],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    if ended.returncode:
        raise ClinicError(f"clinic {' '.join(args)}: exit {ended.returncode}\n{ended.stderr}{ended.stdout}")
    return Ended(ended.stdout, ended.stderr)


class Program:
    """A long-running `clinic` command with its log; `ready_file` appears when it serves."""

    def __init__(self, name: str, args: Sequence[str], *, log: Path, ready_file: Path) -> None:
        self.name = name
        self._args = tuple(args)
        self._log = log
        self._ready_file = ready_file
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Process id of the running program, 0 when it does not run."""
        return self._process.pid if self._process is not None and self._process.poll() is None else 0

    def start(self, timeout_s: float = 30) -> None:
        """Start it and wait until it serves.

        Raises:
            ClinicError: it ended, or did not serve in time; the message holds the end of its log.
        """
        self._ready_file.unlink(missing_ok=True)
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [sys.executable, "-m", "cli", *self._args],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + timeout_s
        while not self._ready_file.exists():
            if self._process.poll() is not None or time.monotonic() > deadline:
                tail = self._log.read_text(encoding="utf-8", errors="replace")[-2000:]
                raise ClinicError(f"{self.name} did not start; see {self._log}\n{tail}")
            time.sleep(0.02)

    def kill(self) -> None:
        """Signal 9 to the program itself, as a crash would end it."""
        process = self._process  # a new one may be started as soon as this one is dead
        if process is not None:
            process.kill()
            process.wait()

    def stop(self, timeout_s: float = 10) -> None:
        """Ask it to end, then make it, with all it started."""
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return
