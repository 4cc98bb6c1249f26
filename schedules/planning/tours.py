"""The best way round a day's stops: exact up to six stops, beyond that one stop after another where it fits best."""

from collections.abc import Iterator
from itertools import permutations
from typing import Final, NamedTuple

from schedules.rules.travel import LUNCH, LUNCH_MIN, longest_pause

STEP: Final = 5
"""Minutes: visits start at times villagers can keep in mind."""

EXACT_UP_TO: Final = 6
"""Stops of a day for which all orders are tried."""

NO_WAY: Final = 1_000_000
"""Minutes that fit into no day: what a way takes that is not known."""

LUNCH_WORTH: Final = 10
"""Minutes of driving that an order of stops with time for lunch may take beyond one without."""

Ways = tuple[int, ...]
"""Minutes to every stop."""


class Stop(NamedTuple):
    """A point to be visited: how long, and between which minutes of the day."""

    point_id: str
    minutes: int
    opens: int
    closes: int


class Terms(NamedTuple):
    """A vehicle's day: minutes out to each stop and back, when it may leave, how long it may be out."""

    out: Ways
    back: Ways
    leaves: int
    limit: int


class _Tour(NamedTuple):
    drive: int
    starts: tuple[int, ...]
    order: tuple[int, ...]


class DayTours:
    """Remembers for every set of stops (a bit mask) its shortest drive that keeps hours and limit."""

    def __init__(self, stops: tuple[Stop, ...], between: tuple[Ways, ...], terms: Terms) -> None:
        self._stops = stops
        self._between = between
        self._terms = terms
        self._known: dict[int, _Tour | None] = {0: _Tour(0, (), ())}
        self.drives: dict[int, int | None] = {0: 0}

    def drive(self, mask: int) -> int | None:
        """Minutes driven, depot to depot; None where the stops do not fit into one day."""
        if mask not in self.drives:
            tour = self._tour(mask)
            self.drives[mask] = None if tour is None else tour.drive
        return self.drives[mask]

    def timetable(self, mask: int) -> tuple[tuple[int, int], ...]:
        """Stops of a set that fits, each with its start in minutes of the day, in the order of the day."""
        tour = self._tour(mask)
        return () if tour is None else tuple(zip(tour.order, tour.starts, strict=True))

    def apart(self, one: int, two: int) -> int:
        """Minutes between two stops, NO_WAY where the way is not known."""
        return self._between[one][two]

    def _tour(self, mask: int) -> _Tour | None:
        if mask not in self._known:
            self._known[mask] = self._best(mask)
        return self._known[mask]

    def _best(self, mask: int) -> _Tour | None:
        numbers = [number for number in range(mask.bit_length()) if mask >> number & 1]
        out, back, between = self._terms.out, self._terms.back, self._between
        most = self._terms.limit - sum(self._stops[number].minutes for number in numbers)
        best: _Tour | None = None
        least = NO_WAY
        if most < min(out[number] for number in numbers) + min(back[number] for number in numbers):
            return None
        for order in self._orders(mask, numbers):
            last = order[0]
            drive = out[last]
            for number in order:
                drive += between[last][number]
                last = number
            drive += back[last]
            if drive > most or drive >= least:
                continue
            starts = self._starts(order)
            if starts is None:
                continue
            cost = drive if self._has_lunch(order, starts) else drive + LUNCH_WORTH
            if cost < least:
                best, least = _Tour(drive, starts, order), cost
        return best

    def _orders(self, mask: int, numbers: list[int]) -> Iterator[tuple[int, ...]]:
        if len(numbers) <= EXACT_UP_TO:
            yield from permutations(numbers)
            return
        rest = self._tour(mask ^ 1 << numbers[-1])
        if rest is not None:
            for place in range(len(rest.order) + 1):
                yield (*rest.order[:place], numbers[-1], *rest.order[place:])

    def _starts(self, order: tuple[int, ...]) -> tuple[int, ...] | None:
        """Starts that leave time for lunch where that is possible; None where they break a limit."""
        plain = self._timed(order, 0)
        if plain is None or self._has_lunch(order, plain):
            return plain
        for place in range(1, len(order)):
            starts = self._timed(order, place)
            if starts is not None and self._has_lunch(order, starts):
                return starts
        return plain

    def _timed(self, order: tuple[int, ...], lunch_before: int) -> tuple[int, ...] | None:
        """Starts that end the day soonest and begin it as late as then possible; None where they break a limit.

        Before the stop at place `lunch_before`, 0 for none, the crew eats.
        """
        starts: list[int] = []
        free = self._terms.leaves + self._terms.out[order[0]]
        for place, number in enumerate(order):
            stop = self._stops[number]
            if place:
                way = self._between[order[place - 1]][number]
                free = max(free + way, max(free, LUNCH[0]) + LUNCH_MIN) if place == lunch_before else free + way
            start = -(-max(free, stop.opens) // STEP) * STEP
            free = start + stop.minutes
            if free > stop.closes:
                return None
            starts.append(start)
        for place in range(len(order) - 2, -1, -1):
            stop, way = self._stops[order[place]], self._between[order[place]][order[place + 1]]
            latest = min(starts[place + 1] - way, stop.closes)
            if place + 1 == lunch_before:
                latest = min(latest, min(starts[place + 1], LUNCH[1]) - LUNCH_MIN)
            starts[place] = (latest - stop.minutes) // STEP * STEP
        leaves = starts[0] - self._terms.out[order[0]]
        if free + self._terms.back[order[-1]] - leaves > self._terms.limit:
            return None
        return tuple(starts)

    def _has_lunch(self, order: tuple[int, ...], starts: tuple[int, ...]) -> bool:
        visits = ((start, start + self._stops[number].minutes) for number, start in zip(order, starts, strict=True))
        return longest_pause(visits) >= LUNCH_MIN
