"""Minutes of the day as a time."""

from datetime import time


def clock(minute: int) -> time:
    """The time of day of so many minutes since midnight."""
    return time(minute // 60, minute % 60)
