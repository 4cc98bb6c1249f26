"""Findings with what only follows from them: one broken row is one thing to put right."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from schedules.findings import Finding, Severity
from schedules.places import Place


class Group(NamedTuple):
    """A finding, and those whose cause it is."""

    own: Finding
    following: tuple[Finding, ...] = ()


def grouped(findings: Sequence[Finding]) -> list[Group]:
    """Each finding of its own with its consequences; those whose cause is not among the findings stand alone, last."""
    following: defaultdict[str, list[Finding]] = defaultdict(list)
    for one in findings:
        if one.cause:
            following[one.cause].append(one)
    made = [Group(one, tuple(_taken(one, following))) for one in findings if not one.cause]
    made += [Group(one) for rest in following.values() for one in rest]
    return made


def _taken(one: Finding, following: dict[str, list[Finding]]) -> Iterable[Finding]:
    for place in (Place(one.file, one.sheet, one.row, one.column), Place(one.file, one.sheet, one.row)):
        yield from following.pop(str(place), ())


def worst_first(groups: Iterable[Group]) -> list[Group]:
    """Errors, then warnings, then what is for information, each in the order given."""
    rank = list(Severity)
    return sorted(groups, key=lambda group: rank.index(group.own.severity))
