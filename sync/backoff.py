"""When to try to connect again: at once, then soon while coverage is likely, then seldom."""

import random
from typing import Final

LIKELY_FOR_S: Final = 60.0
"""Seconds after the last good connection in which coverage is likely to be there still: a bend, a tunnel."""
SOON_S: Final = 0.5
SELDOM_S: Final = 15.0
"""Upper ends of the random time from one attempt's begin to the next's; without the spread every vehicle of a county
would return in the same instant."""


class Backoff:
    """Waits between attempts, from a source of randomness."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._lost_at: float | None = None
        self._attempts = 0
        self._began_at = 0.0

    def connected(self) -> None:
        """An attempt succeeded."""
        self._attempts = 0

    def lost(self, now: float) -> None:
        """A connection that had succeeded ended; monotonic seconds."""
        self._lost_at = now

    def next_wait_s(self, now: float) -> float:
        """Seconds to wait before the next attempt; what the last one took before it failed was waited already."""
        self._attempts += 1
        wait_s = 0.0
        if self._attempts > 1:
            is_likely = self._lost_at is not None and now - self._lost_at < LIKELY_FOR_S
            longest = SOON_S if is_likely else SELDOM_S
            wait_s = max(0.0, longest * (0.25 + 0.75 * self._rng.random()) - (now - self._began_at))
        self._began_at = now + wait_s
        return wait_s
