"""How fast the link is, and what follows: chunk size, window and patience (sync rules 12, 17, 20).

The rate is measured from the receiver's acknowledgements alone. It starts low, so that a 16 kbit/s link is not
flooded by the first chunk, and doubles with every quick answer like TCP's slow start (RFC 5681, section 3.1).
"""

from typing import Final

MIN_CHUNK: Final = 4 * 1024
MAX_CHUNK: Final = 64 * 1024
"""Bytes; measured: two of 64 KiB in flight fill 95 % of an 8 Mbit/s, 60 ms link, more only delays what is urgent."""
FIRST_RATE: Final = 8 * 1024.0
"""Bytes/s assumed before the first answer: 64 kbit/s, the slowest 2G data service."""
CHUNKS_IN_WINDOW: Final = 2
MIN_PATIENCE_S: Final = 5.0
"""Seconds before silence counts as a dead link, whatever the rate."""
_RTT_GAIN: Final = 0.125
"""Weight of a new sample (RFC 6298, section 2: alpha = 1/8)."""


class Pace:
    """The measured rate (bytes/s) and round trip (seconds) of one direction."""

    def __init__(self) -> None:
        self.rate = FIRST_RATE
        self.rtt_s = 0.0

    @property
    def chunk(self) -> int:
        """Bytes a part may carry: at most one second of the rate, a power of two."""
        wanted = int(min(MAX_CHUNK, max(MIN_CHUNK, self.rate)))
        return 1 << (wanted.bit_length() - 1)

    @property
    def window(self) -> int:
        """Bytes that may be unacknowledged."""
        return CHUNKS_IN_WINDOW * self.chunk

    def patience_s(self, in_flight: int) -> float:
        """Seconds without any answer after which the link is dead."""
        return max(MIN_PATIENCE_S, 4 * in_flight / self.rate + self.rtt_s)

    def answered(self, size: int, waited_s: float, *, was_full: bool) -> None:
        """An answer came for `size` bytes sent `waited_s` ago; `was_full`: the window had been used up.

        Only a full window shows the rate; a small message answered quickly shows that there is room for more.
        """
        waited_s = max(waited_s, 1e-4)
        self.rtt_s = waited_s if not self.rtt_s else self.rtt_s + _RTT_GAIN * (waited_s - self.rtt_s)
        sample = size / waited_s
        if sample > self.rate:
            self.rate = min(sample, 2 * self.rate)
        elif was_full:
            self.rate += 0.5 * (sample - self.rate)

    def stalled(self) -> None:
        """The link went silent: whatever the rate was, it is far less now."""
        self.rate = max(self.rate / 8, MIN_CHUNK / 8)
