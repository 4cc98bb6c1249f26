"""Who may be connected to a port of ours, and who has to go when too many are. Sans-I/O.

A caller waits until its first message is whole, and is served from then on. Waiting costs almost nothing, so the
newest waits and the oldest of the address with most waiting goes: a silent crowd keeps no device out. Serving costs
a thread, so an address has only so many places.
"""

from collections import Counter
from collections.abc import Collection
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
        is_newest_served: where an address has all its places, its oldest connection goes. For devices that keep one
            connection and come back after a power cut that nobody told us of; else the newest is refused.
    """

    waiting: int = 64
    per_address: int = 8
    in_all: int = 16
    first_s: float = 10.0
    is_newest_served: bool = False


class Places:
    """The callers of one port, by number; each number is given once."""

    def __init__(self, allowed: Collection[str], limits: Limits) -> None:
        """`allowed` are IP addresses; ANY among them lets everybody in."""
        self._allowed = frozenset(allowed)
        self._limits = limits
        self._numbers = count(1)
        self._waiting: dict[int, str] = {}
        self._served: dict[int, str] = {}

    def come(self, address: str) -> tuple[int, int] | None:
        """A place to wait: its number, and the number of who must go for it (0: nobody); None for a stranger."""
        if ANY not in self._allowed and address not in self._allowed:
            return None
        number = next(self._numbers)
        self._waiting[number] = address
        if len(self._waiting) <= self._limits.waiting:
            return number, 0
        of = Counter(self._waiting.values())
        loudest = max(of.values())
        gone = next(each for each, where in self._waiting.items() if of[where] == loudest)
        del self._waiting[gone]
        return number, gone

    def serve(self, number: int) -> int | None:
        """The first message is whole: the number of who must go for it (0: nobody), or None: it is to be refused."""
        address = self._waiting.pop(number)
        of_address = [each for each, where in self._served.items() if where == address]
        gone = 0
        if len(of_address) >= self._limits.per_address and self._limits.is_newest_served:
            gone = of_address[0]
            del self._served[gone]
        elif len(of_address) >= self._limits.per_address:
            return None
        if len(self._served) >= self._limits.in_all:
            return None
        self._served[number] = address
        return gone

    def leave(self, number: int) -> None:
        """The connection is closed; harmless when done twice."""
        self._waiting.pop(number, None)
        self._served.pop(number, None)
