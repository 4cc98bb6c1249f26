"""How fast the link is, and what follows: chunk size, window and patience (sync rules 12, 17, 20).

Rate and round trip are measured from the receiver's acknowledgements alone. The window is what the link holds, rate
times base round trip (the bandwidth-delay product), and a short queue before it: less leaves the link idle, more only
delays what is urgent. Like TCP BBR (Cardwell et al., "BBR: Congestion-Based Congestion Control", ACM Queue 14(5),
2016) it forgets the base round trip now and then and measures it again behind a short window, because a full window
hides it. How long the receiver holds what came before it answers is no part of the link: it says so itself, and the
window grows by as much. The rate starts low, so that the first chunks do not flood a 16 kbit/s link, and at most
doubles with an answer, as TCP does in slow start (RFC 5681, section 3.1).
"""

from typing import Final

MIN_CHUNK: Final = 4 * 1024
MAX_CHUNK: Final = 256 * 1024
FIRST_RATE: Final = 8 * 1024.0
"""Bytes/s assumed before the first answer: 64 kbit/s, the slowest 2G data service."""
FIRST_RTT_S: Final = 0.1
"""Base round trip assumed before one was measured: a mobile link's."""
NEAR_RTT_S: Final = 0.015
"""Base round trip below which a link is a cable: LTE's is 20 ms at least (ITU-R M.2134: 10 ms each way). Our choice."""
QUEUE_S: Final = 0.1
"""Seconds of the rate that may wait before the link. It hides the scheduler's lag; an urgent item waits behind it."""
PROBE: Final = 1.25
"""The window's part of the base round trip; above 1, so that a faster link shows (BBR's pacing gain)."""
CHUNKS_IN_WINDOW: Final = 4
"""Credit comes back in quarters: two chunks would leave the link idle while the receiver's disk is busy with one."""
MEASURE_EVERY_S: Final = 30.0
"""Age at which the base round trip is measured again: a vehicle drives from cell to cell."""
MIN_PATIENCE_S: Final = 5.0
"""Seconds before silence counts as a dead link, whatever the rate."""
_RTT_GAIN: Final = 0.125
"""Weight of a new sample (RFC 6298, section 2: alpha = 1/8)."""
_HELD_GAIN: Final = 0.25
"""Weight of how long the receiver held the last one: one slow fsync lets no long queue grow before the link."""
_RATE_GAIN: Final = 0.25
"""Weight of a rate sample above what is believed, near it; one far above counts in full, up to a factor of two ..."""
_FALL_GAIN: Final = 0.0625
"""... and of one below, where it is more than half: late answers of a link whose delay varies must not shrink the
window, which would make the next ones lower still (BBR takes the highest of ten round trips)."""


class Pace:
    """The measured rate (bytes/s) and round trips (seconds) of one direction."""

    def __init__(self) -> None:
        self.rate = FIRST_RATE
        self.rtt_s = 0.0
        self.base_rtt_s = FIRST_RTT_S
        self._held_s = 0.0
        self._base_at: float | None = None
        self._measuring_since: float | None = None
        self._is_starting = True
        self._has_filled = False
        self._short_from = self._short_to = 0.0

    @property
    def chunk(self) -> int:
        """Bytes a part may carry: a power of two, at most a second of the rate.

        A quarter of what the link holds, or of what the receiver holds where that is more: where it is the busy one,
        many small parts would make it slower still, and those of a busy hour would never end.
        """
        quarter = self.rate * max(self._full_s, self._held_s) / CHUNKS_IN_WINDOW
        wanted = int(min(MAX_CHUNK, max(MIN_CHUNK, min(quarter, self.rate))))
        return 1 << (wanted.bit_length() - 1)

    @property
    def second(self) -> int:
        """Bytes of a second of the rate, at most the largest chunk."""
        return int(min(MAX_CHUNK, self.rate))

    @property
    def window(self) -> int:
        """Bytes that may be unacknowledged."""
        if self._measuring_since is not None:
            return max(2 * MIN_CHUNK, int(self.rate * self.base_rtt_s / 2))
        return 2 * self._full_window if self._is_starting else self._full_window

    @property
    def _full_window(self) -> int:
        return max(2 * MIN_CHUNK, int(self.rate * (self._full_s + self._held_s)))

    @property
    def _full_s(self) -> float:
        """Seconds of the rate that the link and the queue before it hold."""
        return PROBE * self.base_rtt_s + QUEUE_S

    def patience_s(self, in_flight: int) -> float:
        """Seconds without any answer after which the link is dead."""
        return max(MIN_PATIENCE_S, 4 * in_flight / self.rate + self.rtt_s)

    @property
    def is_filled(self) -> bool:
        """Whether the link was ever seen full: until then the rate is only what it carries at least."""
        return self._has_filled

    @property
    def is_near(self) -> bool:
        """Whether the round trip is shorter than any mobile network's; not before one was measured."""
        return self.base_rtt_s < NEAR_RTT_S

    def answered(self, delivered: int, *, sent_at: float, now: float, was_full: bool, held_s: float = 0.0) -> None:
        """An answer came; between `sent_at` of what it answers and `now` `delivered` bytes were answered in all.

        `was_full`: the window was used up when that was sent. Only then a low rate is the link's and not ours; a high
        one is the link's in any case. `held_s`: for so long it lay at either end instead of being under way.
        """
        waited_s = max(now - sent_at, 1e-4)
        held_s = min(max(held_s, 0.0), waited_s)
        under_way_s = max(waited_s - held_s, 1e-4)
        self._held_s += _HELD_GAIN * (held_s - self._held_s)
        self.rtt_s = waited_s if not self.rtt_s else self.rtt_s + _RTT_GAIN * (waited_s - self.rtt_s)
        is_measured = self._measuring_since is not None and sent_at >= self._measuring_since
        is_short = is_measured or self._short_from <= sent_at <= self._short_to
        self._note_rate(delivered / waited_s, was_full=was_full and not is_short)
        if self._base_at is None or is_measured or under_way_s < self.base_rtt_s:
            if self._measuring_since is not None:
                self._short_from, self._short_to = self._measuring_since, now
            self.base_rtt_s, self._base_at, self._measuring_since = under_way_s, now, None
        elif was_full and under_way_s > self._full_s:
            self._is_starting, self._has_filled = False, True
        if was_full and now - self._base_at > MEASURE_EVERY_S and self._measuring_since is None:
            self._measuring_since = now

    def _note_rate(self, sample: float, *, was_full: bool) -> None:
        if sample > self.rate:
            gain = 1.0 if self._is_starting or sample > 2 * self.rate else _RATE_GAIN
            self.rate = min(2 * self.rate, self.rate + gain * (sample - self.rate))
        elif was_full:
            gain = 0.5 if sample < self.rate / 2 else _FALL_GAIN
            self.rate += gain * (sample - self.rate)

    def connected(self) -> None:
        """A new connection: perhaps another cell, so the round trip is unknown; the rate is the best guess there is."""
        self._base_at = self._measuring_since = None
        self._is_starting = True

    def stalled(self) -> None:
        """The link went silent: whatever the rate was, it is far less now."""
        self.rate = max(self.rate / 8, MIN_CHUNK / 8)
