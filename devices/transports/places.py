"""Who may be connected to a port of ours, and who has to go when too many are. Sans-I/O.

A caller waits until its first message is whole, and is served from then on. Waiting costs almost nothing, so the
newest waits and the oldest of the address with most waiting goes: a silent crowd keeps no device out. Serving costs
a thread, so places are few; where none is left, the longest silent goes, as devices lose power or radio without a
word. Nobody goes who has just spoken.
"""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import count
from typing import Final

ANY: Final = ""
"""In a list of addresses: everybody."""


@dataclass(frozen=True)
class Limits:
    """Our choices; a device opens one or two connections, a modality some four.

    Attributes:
        waiting: callers whose first message is not whole.
        per_address: served at one time for one address.
        in_all: served at one time.
        first_s: seconds from connecting to the end of the first message.
        silent_s: seconds of silence after which a caller may have to go for a newer one.
    """

    waiting: int = 64
    per_address: int = 6
    in_all: int = 24
    first_s: float = 10.0
    silent_s: float = 2.0


@dataclass
class _Served:
    address: str
    spoke: float


class Places:
    """The callers of one port, by number; each number is given once. `now` is in seconds and never goes back."""

    def __init__(self, allowed: Collection[str], limits: Limits) -> None:
        """`allowed` are IP addresses; ANY among them lets everybody in."""
        self._allowed = frozenset(allowed)
        self._limits = limits
        self._numbers = count(1)
        self._waiting: dict[int, str] = {}
        self._served: dict[int, _Served] = {}

    def come(self, address: str) -> tuple[int, int] | None:
        """A place to wait: its number, and the number of who must go for it (0: nobody); None for a stranger."""
        if ANY not in self._allowed and address not in self._allowed:
            return None
        number = next(self._numbers)
        self._waiting[number] = address
        if len(self._waiting) <= self._limits.waiting:
            return number, 0
        loudest = _loudest(self._waiting.values())
        gone = next(each for each, where in self._waiting.items() if where in loudest)
        del self._waiting[gone]
        return number, gone

    def serve(self, number: int, now: float) -> int | None:
        """The first message is whole: the number of who must go for it (0: nobody), or None: it is to be refused."""
        address = self._waiting.pop(number)
        of_address = [each for each, served in self._served.items() if served.address == address]
        gone: int | None = 0
        if len(of_address) >= self._limits.per_address:
            gone = self._silent(of_address, now)
        elif len(self._served) >= self._limits.in_all:
            loudest = _loudest(served.address for served in self._served.values())
            gone = self._silent([each for each, served in self._served.items() if served.address in loudest], now)
        if gone is None:
            return None
        self._served.pop(gone, None)
        self._served[number] = _Served(address, now)
        return gone

    def spoke(self, number: int, now: float) -> None:
        """It is alive; nothing happens where it has left."""
        if number in self._served:
            self._served[number].spoke = now

    def leave(self, number: int) -> None:
        """The connection is closed; harmless when done twice."""
        self._waiting.pop(number, None)
        self._served.pop(number, None)

    def _silent(self, numbers: list[int], now: float) -> int | None:
        """The longest silent of these, if it is silent at all."""
        found = min(numbers, key=lambda each: self._served[each].spoke)
        return found if now - self._served[found].spoke >= self._limits.silent_s else None


def _loudest(addresses: Iterable[str]) -> frozenset[str]:
    """The addresses that have most."""
    of = Counter(addresses)
    return frozenset(address for address, times in of.items() if times == max(of.values()))
