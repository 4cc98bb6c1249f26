"""Runs a command that dies with its parent: `python -m cloud_hospital.processes.leash PARENT_PID COMMAND...`.

prctl(2), PR_SET_PDEATHSIG: the kernel sends the signal when the parent is gone, also by kill -9; the setting stays
across execve(2) of an ordinary program.
"""

import ctypes
import os
import signal
import sys
from typing import Final

_PR_SET_PDEATHSIG: Final = 1  # linux/prctl.h


def leashed(command: list[str]) -> list[str]:
    """The command line that runs `command` on a leash held by the calling process."""
    return [sys.executable, "-m", "cloud_hospital.processes.leash", str(os.getpid()), *command]


def main(arguments: list[str]) -> None:
    """Put the leash on, then become the command."""
    parent, *command = arguments
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != int(parent):
        sys.exit(1)  # the parent died before the leash was on
    os.execvp(command[0], command)  # noqa: S606  # our own supervisor's command line


if __name__ == "__main__":
    main(sys.argv[1:])
