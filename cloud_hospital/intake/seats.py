"""Seats: how many bulk workers of one machine are at work at once; the others stand by.

A worker without a core of its own adds no speed: it only makes everybody's transactions smaller and more. So the
workers of a machine share its seats, each a locked file; who has none is not in the group, and has a seat as soon as
somebody who had one is gone, killed or not.
"""

import asyncio
import contextlib
import fcntl
import os
import re
import socket
from collections.abc import Callable
from pathlib import Path
from typing import IO, Final

from sync.durable import open_or_make

LOOK_EVERY_S: Final = 0.5
"""Seconds between two looks for a free seat."""


def seats_here() -> int:
    """One less than the cores this process may use, at least one: broker, database and urgent worker need one too."""
    return max(1, len(os.sched_getaffinity(0)) - 1)


def free_seat(folder: Path, count: int) -> IO[bytes] | None:
    """One of this machine's `count` seats, held until it is closed or the process is gone; None where all are taken."""
    machine = re.sub("[^a-z0-9]+", "", socket.gethostname().lower())
    for number in range(count):
        seat = os.fdopen(open_or_make(folder / f"seat-{machine}-{number + 1}", os.O_WRONLY), "wb")
        try:
            fcntl.flock(seat, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            seat.close()
        else:
            return seat
    return None


async def seated(folder: Path, count: int, stop: asyncio.Event, stand_by: Callable[[], None]) -> IO[bytes] | None:
    """A seat, as soon as one is free; None where `stop` came first. `stand_by` is called where none is at once."""
    has_told = False
    while not stop.is_set():
        if (seat := free_seat(folder, count)) is not None:
            return seat
        if not has_told:
            has_told = True
            stand_by()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK_EVERY_S):
                await stop.wait()
    return None
