"""Clocks lie (law 11): what a time is, where it came from, and how far it may be trusted.

Order never comes from a clock; it comes from (vehicle, incarnation, seq). Birth dates are `datetime.date` and
have no zone. Instants are aware UTC datetimes, cut to milliseconds, the precision everything on the wire keeps.
"""

import time
from datetime import UTC, datetime, timedelta, timezone
from typing import Protocol

import msgspec

CHINA = timezone(timedelta(hours=8), "+08:00")
"""China keeps one zone and has had no daylight saving since 1991; wall times on pages and schedules use it."""


def from_ms(unix_ms: int) -> datetime:
    """The instant `unix_ms` milliseconds after 1970, UTC."""
    return datetime.fromtimestamp(unix_ms / 1000, UTC)


def to_ms(instant: datetime) -> int:
    """Milliseconds since 1970 of an aware datetime."""
    return round(instant.timestamp() * 1000)


class Clock(Protocol):
    """What code that needs the time asks for."""

    def now(self) -> datetime:
        """The vehicle's (or hospital's) own time, UTC, never below the floor."""

    def monotonic_s(self) -> float:
        """Seconds that only run forward, for timeouts."""

    @property
    def is_doubtful(self) -> bool:
        """Whether `now` is only the floor, because the machine's clock lies below a time known to have passed."""


class SystemClock:
    """The machine's clock, held above a floor: the last signed hospital time or GPS time seen."""

    def __init__(self, floor: datetime | None = None) -> None:
        self._floor = floor

    def now(self) -> datetime:
        """The machine's time, or the floor where the machine's clock lies below it."""
        wall = from_ms(time.time_ns() // 1_000_000)
        return wall if self._floor is None or wall >= self._floor else self._floor

    def monotonic_s(self) -> float:
        """The machine's monotonic clock."""
        return time.monotonic()

    @property
    def floor(self) -> datetime | None:
        """The last trusted time; None while there was none."""
        return self._floor

    def raise_floor(self, trusted: datetime) -> None:
        """Remember a trusted time; the floor never falls."""
        if self._floor is None or trusted > self._floor:
            self._floor = trusted

    @property
    def is_doubtful(self) -> bool:
        """Whether the machine's clock lies below a time known to have passed."""
        return self._floor is not None and from_ms(time.time_ns() // 1_000_000) < self._floor


class Stamp(msgspec.Struct, frozen=True, omit_defaults=True):
    """When something happened, as far as anyone knows.

    Attributes:
        vehicle_time: the vehicle's clock when the thing reached it.
        device_time: what the device's own clock said, unchanged; None where it has none.
        device_offset_ms: vehicle minus device clock, measured at connection; None where unknown.
        clock_doubtful: the vehicle's own clock lay below its floor.
    """

    vehicle_time: datetime
    device_time: datetime | None = None
    device_offset_ms: int | None = None
    clock_doubtful: bool = False


class Origin(msgspec.Struct, frozen=True):
    """The order key: `seq` counts commits of one incarnation of one vehicle, from 1, without gaps."""

    vehicle: str
    incarnation: int
    seq: int
