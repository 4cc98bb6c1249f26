"""Ruin and recreate: take neighbouring stops out, put each back where it costs least, keep what is better.

After Schrimpf et al., "Record breaking optimization results using the ruin and recreate principle", Journal of
Computational Physics 159 (2000), with the string removals and blinks of Christiaens and Vanden Berghe, "Slack
induction by string removals for vehicle routing problems", Transportation Science 54 (2020). The work is counted,
not timed, so the same seed gives the same plan on every machine.
"""

from math import exp, log
from random import Random
from typing import Final, NamedTuple

from schedules.planning.week import Week

ROUNDS: Final = 8_000
"""Ruins; a county of 78 points takes two seconds on one quiet core."""

UNSERVED: Final = 1_000_000
MOVED: Final = 1_000
"""In minutes driven: a point left out outweighs all moves, a moved point every way saved."""

MEAN_REMOVED: Final = 10
BLINK: Final = 0.01
WARMEST, COLDEST = 60.0, 3.0
"""Minutes a plan may become worse by, at the beginning and at the end."""


class Found(NamedTuple):
    """Of each slot its stops, and the stops that found no place (bit masks)."""

    masks: tuple[int, ...]
    absent: int


class _Search:
    def __init__(self, week: Week, seed: int, *, is_kept: bool) -> None:
        self.week = week
        self.random = Random(seed)  # noqa: S311 - a search, no secret
        self.count = len(week.stops)
        fitting = 0
        for mask in week.allowed:
            fitting |= mask
        self.fitting = [number for number in range(self.count) if fitting >> number & 1]
        self.penalties = [
            [0 if not is_kept or week.present[slot] >> number & 1 else MOVED for slot in range(len(week.slots))]
            for number in range(self.count)
        ]
        self.options = [
            [slot for slot in range(len(week.slots)) if week.allowed[slot] >> number & 1]
            for number in range(self.count)
        ]
        self.drives = [week.tours[slot.group].drives for slot in week.slots]
        self.near = self._neighbours()

    def _neighbours(self) -> list[list[int]]:
        tours = self.week.tours[0]
        return [sorted(self.fitting, key=lambda other: (tours.apart(one, other), other)) for one in range(self.count)]

    def start(self) -> tuple[list[int], list[int]]:
        """Today's template as far as it still fits, rounds of absent vehicles whole on free days; stops to place."""
        masks = [0] * len(self.week.slots)
        placed = 0
        for slot, present in enumerate(self.week.present):
            masks[slot] = self._part(slot, present & self.week.allowed[slot] & ~placed)
            placed |= masks[slot]
        for orphaned in self.week.orphaned:
            free = [slot for slot, mask in enumerate(masks) if not mask]
            parts = [(self._part(slot, orphaned & self.week.allowed[slot] & ~placed), slot) for slot in free]
            part, slot = max(parts, key=lambda one: one[0].bit_count(), default=(0, 0))
            if part:
                masks[slot] = part
                placed |= part
        return masks, [number for number in self.fitting if not placed >> number & 1]

    def _part(self, slot: int, mask: int) -> int:
        """As many stops of a round as make a day on a slot."""
        while mask and self.drive(slot, mask) is None:
            fewer = [mask ^ 1 << number for number in range(self.count) if mask >> number & 1]
            mask = next((one for one in fewer if self.drive(slot, one) is not None), fewer[0])
        return mask

    def drive(self, slot: int, mask: int) -> int | None:
        """Minutes of a slot's day."""
        return self.week.tours[self.week.slots[slot].group].drive(mask)

    def ruin(self, masks: list[int], where: list[int]) -> list[int]:
        """Take neighbours of one stop out, from each day they stand on a piece."""
        removed: list[int] = []
        touched: set[int] = set()
        days = self.random.randint(1, MEAN_REMOVED // 2)
        for number in self.near[self.random.choice(self.fitting)]:
            slot = where[number]
            if slot < 0 or slot in touched:
                continue
            touched.add(slot)
            members = [other for other in self.near[number] if masks[slot] >> other & 1]
            gone = members[: self.random.randint(1, len(members))]
            kept = masks[slot] ^ sum(1 << other for other in gone)
            for other in members if self.drive(slot, kept) is None else gone:
                masks[slot] ^= 1 << other
                where[other] = -1
                removed.append(other)
            if len(touched) == days:
                break
        return removed

    def recreate(self, masks: list[int], where: list[int], absent: list[int]) -> list[int]:
        """Put each stop where it costs least; those that fit nowhere are returned."""
        self.random.shuffle(absent)
        how = self.random.randrange(3)
        stops = self.week.stops
        if how == 1:
            absent.sort(key=lambda number: (-stops[number].minutes, len(self.options[number])))
        elif how == 2:
            absent.sort(key=lambda number: -(self.week.tours[0].drive(1 << number) or 0))
        left = []
        for number in absent:
            slot = self._cheapest(masks, number)
            if slot < 0:
                left.append(number)
            else:
                masks[slot] |= 1 << number
                where[number] = slot
        return left

    def _cheapest(self, masks: list[int], number: int) -> int:
        best, least = -1, UNSERVED
        penalties, bit = self.penalties[number], 1 << number
        chance = self.random.random
        for slot in self.options[number]:
            if chance() < BLINK:
                continue
            drives, before = self.drives[slot], masks[slot]
            after = drives.get(before | bit, -1)
            if after == -1:
                after = self.drive(slot, before | bit)
            if after is None:
                continue
            added = after - (drives[before] or 0) + penalties[slot]
            if added < least:
                best, least = slot, added
        return best

    def cost(self, masks: list[int], absent: list[int]) -> int:
        """What is made small: minutes driven, moves and stops left out."""
        total = len(absent) * UNSERVED
        for slot, mask in enumerate(masks):
            total += self.drive(slot, mask) or 0
        return total

    def moves(self, where: list[int]) -> int:
        """The price of all moves."""
        return sum(self.penalties[number][slot] for number, slot in enumerate(where) if slot >= 0)


def search(week: Week, seed: int, *, rounds: int = ROUNDS, is_kept: bool = False) -> Found:
    """The best week found; where `is_kept`, the one with the fewest points moved from their day or vehicle first."""
    work = _Search(week, seed, is_kept=is_kept)
    masks, absent = work.start() if is_kept else ([0] * len(week.slots), list(work.fitting))
    where = [-1] * work.count
    for slot, mask in enumerate(masks):
        for number in range(work.count):
            if mask >> number & 1:
                where[number] = slot
    if not work.fitting:
        return Found(tuple(masks), 0)
    absent = work.recreate(masks, where, absent)
    cost = work.cost(masks, absent) + work.moves(where)
    best = (cost, list(masks), list(absent))
    cooling = log(COLDEST / WARMEST)
    for round_ in range(rounds):
        warmth = WARMEST * exp(cooling * round_ / rounds)
        new_masks, new_where = list(masks), list(where)
        removed = work.ruin(new_masks, new_where)
        new_absent = work.recreate(new_masks, new_where, removed + absent)
        new_cost = work.cost(new_masks, new_absent) + work.moves(new_where)
        if new_cost < cost - warmth * log(1.0 - work.random.random()):
            masks, where, absent, cost = new_masks, new_where, new_absent, new_cost
            if cost < best[0]:
                best = (cost, list(masks), list(absent))
    return Found(tuple(best[1]), sum(1 << number for number in best[2]))
