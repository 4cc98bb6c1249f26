"""Which way of writing a payload brings it over soonest: pure arithmetic on what was measured."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, TypeVar

UNKNOWN: Final = 0.0
"""A link whose rate nobody has measured: taken as slow, so the smallest wins."""


@dataclass(frozen=True)
class Trial:
    """What one coder made of some bytes: `coded` bytes of them in `seconds` of work."""

    coded: int
    seconds: float

    def cost_s(self, rate: float, *, is_idle: bool = False) -> float:
        """Seconds until it is over a link of `rate` bytes/s.

        Coding goes on beside the sending of what was coded before; on an idle link there is nothing of that kind.
        """
        return self.seconds + self.coded / rate if is_idle else max(self.seconds, self.coded / rate)


K = TypeVar("K")


def best(trials: Iterable[tuple[K, Trial]], rate: float, *, is_idle: bool = False) -> K:
    """The key of the cheapest trial of the same bytes; of equally cheap ones the smallest, then the first."""

    def cost(tried: tuple[K, Trial]) -> tuple[float, int]:
        trial = tried[1]
        return (trial.cost_s(rate, is_idle=is_idle) if rate > UNKNOWN else float(trial.coded), trial.coded)

    return min(trials, key=cost)[0]
