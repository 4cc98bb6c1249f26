"""Helper processes end with the agent, however it ends: even a kill -9 leaves none behind."""

import ctypes
import os
import signal
import sys
from typing import Final

_PR_SET_PDEATHSIG: Final = 1
"""prctl option (Linux, prctl(2)): the signal this process gets when the thread that made it ends."""


def die_with(parent: int) -> None:
    """Ask the kernel to kill this process when process `parent` ends; ends at once where it is gone already."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent:
        sys.exit("the agent is gone")
