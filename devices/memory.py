"""What a device's memory holds, told once a connection, and which of it is today's (hazard H02).

A record is today's when it alone was measured in the last NEWNESS by the device's own clock, read in the same listing;
or, where the device tells no clock, when it alone was added to a list that was read before on this connection.
Everything else is from memory and never binds by itself.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

import msgspec

from devices.framing.base import Frame

NEWNESS: Final = timedelta(minutes=10)
_AHEAD: Final = timedelta(minutes=2)
"""A record may lie so far after the clock that was read a moment before it, or be cut to whole minutes."""
_MOST_KNOWN: Final = 1 << 14


class _Held(msgspec.Struct, frozen=True):
    raw: bytes
    taken: datetime | None


class DeviceMemory:
    """One list of records, of one connection."""

    def __init__(self, media_type: str) -> None:
        """`media_type` is that of the frames."""
        self._media_type = media_type
        self._known: set[bytes] = set()
        self._held: list[_Held] = []
        self._count = 0
        self._first = b""
        self._is_listing = False
        self._told: tuple[int, bytes] | None = None
        """Number of records and the first of them, of the last listing that was complete."""

    def begin(self, count: int) -> None:
        """A listing of `count` records begins."""
        self._count = count
        self._first = b""
        self._is_listing = True

    def add(self, raw: bytes, identity: bytes, taken: datetime | None) -> bool:
        """A record of the listing, measured at `taken` by the device's clock.

        Returns:
            Whether the list is the one told before, so that the rest of it need not be read.
        """
        is_first, self._first = not self._first, self._first or identity
        if identity not in self._known:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known.add(identity)
            self._held.append(_Held(raw, taken))
        return is_first and self._told == (self._count, identity)

    def end(self, device_now: datetime | None) -> list[Frame]:
        """The listing is complete: its new records, today's marked; `device_now` is None where it tells no clock."""
        todays = list(self._todays(device_now))
        alone = todays[0] if len(todays) == 1 else None
        frames = [Frame(one.raw, self._media_type, from_memory=one is not alone) for one in self._held]
        self._held.clear()
        self._told = (self._count, self._first)
        self._is_listing = False
        return frames

    def give_up(self) -> list[Frame]:
        """The line fell silent: what came of a listing that was broken off, all from memory."""
        if not self._is_listing:
            return []
        frames = [Frame(one.raw, self._media_type, from_memory=True) for one in self._held]
        self._held.clear()
        self._told = None
        self._is_listing = False
        return frames

    def _todays(self, device_now: datetime | None) -> Iterator[_Held]:
        for one in self._held:
            if device_now is None:
                if self._told is not None:
                    yield one
            elif one.taken is not None and -_AHEAD <= device_now - one.taken <= NEWNESS:
                yield one
