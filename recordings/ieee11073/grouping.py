"""Which values are one measurement: those of one person and one moment, or the median of a stream."""

from dataclasses import replace
from datetime import datetime
from statistics import median_low
from typing import Final

from clinic_records.reading import Code, Numeric
from recordings.ieee11073.values import Measured

_LOOKED_BACK: Final = 8
"""Measurements of one moment among which the one is sought that a value belongs to."""


def together(moments: list[Measured]) -> list[Measured]:
    """Objects of one person and one time as one measurement; the same number again begins another one."""
    only_time = {each.at for each in moments if each.at is not None}
    filled = next(iter(only_time)) if len(only_time) == 1 else None
    groups: dict[tuple[datetime | None, int], list[Measured]] = {}
    for each in moments:
        at = each.at or filled
        mine = groups.setdefault((at, each.person), [])
        first = max(0, len(mine) - _LOOKED_BACK)
        found = next((i for i in range(first, len(mine)) if _fits(mine[i], each)), None)
        if found is None:
            mine.append(replace(each, at=at))
        else:
            mine[found] = _united(mine[found], each)
    unlike = {values_of(each): each for mine in groups.values() for each in reversed(mine)}
    return [_with_context(each) for mine in groups.values() for each in mine if unlike[values_of(each)] is each]


def values_of(group: Measured) -> str:
    """The same for a measurement that a device says twice; some put one into a report twice."""
    if group.at is None:
        return f"{id(group)}"
    values = ";".join(f"{each.code.code}={each.quantity or each.absent}" for each in group.numerics)
    return f"{group.at} {group.person} {group.context} {values}"


def _fits(group: Measured, other: Measured) -> bool:
    if group.context.keys() & other.context.keys():
        return False
    keys = {_key(each) for each in group.numerics}
    return not any(_key(each) in keys for each in other.numerics)


def _key(numeric: Numeric) -> tuple[Code, str]:
    return numeric.code, numeric.context.get("averaging", "")


def _united(one: Measured, other: Measured) -> Measured:
    return replace(
        one,
        modality=one.modality or other.modality,
        numerics=one.numerics + other.numerics,
        context=one.context | other.context,
        notes=one.notes + tuple(note for note in other.notes if note not in one.notes),
    )


def _with_context(group: Measured) -> Measured:
    """The enumerations' words put beside each number; what was measured on control solution is nobody's value."""
    if not group.context:
        return group
    numerics = tuple(Numeric(n.code, n.quantity, n.absent, n.context | group.context) for n in group.numerics)
    if group.context.get("site") != "control solution":
        return replace(group, numerics=numerics)
    return replace(group, numerics=(), notes=(*group.notes, "measured on control solution, not on a person"))


def averaged(moments: list[Measured]) -> Measured:
    """A stream as one measurement: the median of each number's good samples, with how many there were."""
    samples: dict[tuple[Code, str], list[Numeric]] = {}
    for each in moments:
        for numeric in each.numerics:
            samples.setdefault(_key(numeric), []).append(numeric)
    notes = tuple(dict.fromkeys(note for each in moments for note in each.notes))
    start = next((each.at for each in moments if each.at is not None), None)
    modality = next((each.modality for each in moments if each.modality), "")
    numerics = tuple(_median(each) for each in samples.values())
    return Measured(modality=modality, at=start, numerics=numerics, notes=notes)


def _median(samples: list[Numeric]) -> Numeric:
    good = [each for each in samples if each.quantity and each.context.get("quality") != "questionable"]
    count = {"samples": str(len(samples)), "good_samples": str(len(good))}
    if not good:
        doubtful = samples[-1]
        return Numeric(doubtful.code, doubtful.quantity, doubtful.absent, doubtful.context | count)
    middle = median_low([each.quantity.value for each in good if each.quantity])
    chosen = next(each for each in good if each.quantity and each.quantity.value == middle)
    return Numeric(chosen.code, chosen.quantity, None, chosen.context | count)
