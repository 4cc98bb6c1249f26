"""Which version of the plan a vehicle-day goes by: that of its first check-in, whatever comes later."""

from collections.abc import Iterable
from datetime import date, datetime

from clinic_records.care import Stop


def came_at(stop: Stop) -> datetime | None:
    """When the vehicle came to a stop: its check-in, or its opening where nobody checked in."""
    return stop.arrived.at if stop.arrived else stop.opened_at


def kept_versions(stops: Iterable[Stop]) -> dict[date, int]:
    """The version that each day of one vehicle keeps; a day that began without any plan takes the first that comes."""
    first: dict[date, tuple[datetime, int]] = {}
    for stop in stops:
        at = came_at(stop)
        if at is not None and stop.schedule_version:
            first[stop.day] = min(first.get(stop.day, (at, stop.schedule_version)), (at, stop.schedule_version))
    return {day: version for day, (_, version) in first.items()}
