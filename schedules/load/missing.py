"""What refused rows keep from the calendar, so that nobody is told twice of one mistake."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from schedules.load.rows import Row
from schedules.places import Place


class Missing(NamedTuple):
    """Where visits may be absent only because a row was refused.

    Attributes:
        points: ids of points that a refused row names.
        villages: codes of villages that a refused point names.
        rule: the first refused rule whose point is not known: its visits may be anybody's.
        point: the first refused point whose village is not known.
    """

    points: frozenset[str] = frozenset()
    villages: frozenset[str] = frozenset()
    rule: Place | None = None
    point: Place | None = None


def _names(rows: Iterable[Row], column: str) -> frozenset[str]:
    return frozenset(str(row.cells[column]).strip() for row in rows if column in row.cells)


def _nobodys(rows: Iterable[Row], column: str, known: frozenset[str]) -> Place | None:
    return next((row.place for row in rows if str(row.cells.get(column, "")).strip() not in known), None)


def missing_of(refused: dict[str, list[Row]], points: Iterable[str], villages: Iterable[str]) -> Missing:
    """What the refused rows of each table take away, given all ids of points and villages, refused ones too."""
    changed = (*refused["rules"], *refused["exceptions"], *refused["points"])
    return Missing(
        points=_names(changed, "point_id"),
        villages=_names(refused["points"], "village_code"),
        rule=_nobodys(refused["rules"], "point_id", frozenset(points)),
        point=_nobodys(refused["points"], "village_code", frozenset(villages)),
    )


_NUMBERED = re.compile(r"(.*?)(\d{1,9})")


def following(identifier: object) -> str | None:
    """The id that comes after one in a numbered list: R014 after R013."""
    match = _NUMBERED.fullmatch(str(identifier))
    return match and f"{match[1]}{int(match[2]) + 1:0{len(match[2])}}"
