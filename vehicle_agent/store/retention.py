"""How long what the hospital has received stays on the vehicle, and how much of the disk is left (sync rule 3).

What was received stays for at least 30 days, and as long as the hospital says that a backup it may be restored from can
be old: a restored hospital asks for it again. What was not received stays for ever.
"""

import os
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Final

import msgspec

from vehicle_agent.store.durable import ROOM
from vehicle_agent.store.spool import Spool

LEAST_DAYS: Final = 30
"""Law 2: nothing received is cleared away sooner."""


class DiskLevel(StrEnum):
    """How full the vehicle's disk is; each level is worse than the one before."""

    WELL = "well"
    TIGHT = "tight"
    """A person should look in the coming days."""
    LOW = "low"
    """A person must look today."""
    CARE_ONLY = "care-only"
    """Devices and the downlink are refused: what is left is the reserve in which the nurse goes on (law 8)."""


class DiskView(msgspec.Struct, frozen=True):
    """The disk that the vehicle's folder lies on, in bytes."""

    free: int
    total: int
    level: DiskLevel


class DiskBudget(msgspec.Struct, frozen=True):
    """Bytes below which a level begins."""

    tight: int
    low: int

    def level(self, free: int) -> DiskLevel:
        """The level at `free` bytes."""
        steps = ((ROOM, DiskLevel.CARE_ONLY), (self.low, DiskLevel.LOW), (self.tight, DiskLevel.TIGHT))
        return next((level for below, level in steps if free < below), DiskLevel.WELL)


def look_at_disk(folder: Path, budget: DiskBudget) -> DiskView:
    """How much of the disk under `folder` is left."""
    found = os.statvfs(folder)
    free = found.f_bavail * found.f_frsize
    return DiskView(free, found.f_blocks * found.f_frsize, budget.level(free))


def keep_days(wanted: int, announced: int) -> int:
    """Days that what was received stays: the setting, the hospital's own word, and never less than LEAST_DAYS."""
    return max(LEAST_DAYS, wanted, announced)


def must_stay_since(spool: Spool, now: datetime, wanted_days: int, *, is_clock_doubtful: bool) -> datetime | None:
    """What was received before it may be cleared away; None while nobody can tell how much time has passed.

    Args:
        spool: of the vehicle.
        now: the vehicle's time.
        wanted_days: the setting.
        is_clock_doubtful: the clock lies below a time known to have passed; one that jumped ahead is not known, so
            the last signed time of the hospital counts where it is earlier.
    """
    session = spool.session.load()
    if is_clock_doubtful or session.peer_time is None:
        return None
    days = keep_days(wanted_days, session.keep_days)
    return min(now, session.peer_time) - timedelta(days=days)
