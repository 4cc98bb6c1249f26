"""What refused rows keep from the calendar, so that nobody is told twice of one mistake."""

import re
from collections.abc import Iterable, Mapping
from datetime import date
from types import MappingProxyType
from typing import Final, NamedTuple

from clinic_records.schedule import Visit, VisitStatus
from schedules.load.cells import Unreadable, read_cell
from schedules.load.rows import Row
from schedules.places import Place
from schedules.tables import Form

FIFTH_WEEK: Final = 5
"""Most visits a month of a rule by the week."""


class Missing(NamedTuple):
    """Where visits may be absent only because a row was refused.

    Attributes:
        points: ids of points that a refused row names.
        villages: codes of villages that a refused point names.
        rule: the first refused rule whose point is not known: its visits may be anybody's.
        rule_visits: how many visits a month all such rules may have.
        unplaced: refused points whose village is not known, by the name of a village (empty for none).
        changes: rows of refused exceptions by the rule, or the point, and the day they were to change.
        unread: by its name, what is wrong with a table that cannot be read at all.
    """

    points: frozenset[str] = frozenset()
    villages: frozenset[str] = frozenset()
    rule: Place | None = None
    rule_visits: int = 0
    unplaced: Mapping[str, Place] = MappingProxyType({})
    changes: Mapping[tuple[str, date | None], Place] = MappingProxyType({})
    unread: Mapping[str, Place] = MappingProxyType({})

    def change_of(self, visit: Visit) -> Place | None:
        """The refused exception that was perhaps to change this visit."""
        if visit.status is not VisitStatus.PLANNED:
            return None
        keys = ((visit.rule_id, visit.date), (visit.point_id, visit.date), (visit.rule_id, None))
        return next((self.changes[key] for key in keys if key in self.changes), self.unread.get("exceptions"))


def _names(rows: Iterable[Row], column: str) -> frozenset[str]:
    return frozenset(str(row.cells[column]).strip() for row in rows if column in row.cells)


def _nobodys(rows: Iterable[Row], column: str, known: frozenset[str]) -> list[Row]:
    return [row for row in rows if str(row.cells.get(column, "")).strip() not in known]


def _visits(row: Row) -> int:
    """How many visits a month a rule may have at most: its own limit, else one a week."""
    text = str(row.cells.get("max_per_month", ""))
    return int(text) if text.isascii() and text.isdigit() else FIFTH_WEEK


def _changes(rows: Iterable[Row]) -> dict[tuple[str, date | None], Place]:
    found: dict[tuple[str, date | None], Place] = {}
    for row in rows:
        try:
            day = read_cell(Form.DATE, row.cells.get("original_date", ""))[0]
        except Unreadable:
            day = None
        for column in ("rule_id", "point_id") if isinstance(day, date) else ("rule_id",):
            if column in row.cells:
                found.setdefault((str(row.cells[column]).strip(), day if isinstance(day, date) else None), row.place)
    return found


def missing_of(
    refused: dict[str, list[Row]], points: Iterable[str], villages: Iterable[str], unread: Mapping[str, Place]
) -> Missing:
    """What the refused rows of each table take away, given all ids of points and villages, refused ones too."""
    rules = _nobodys(refused["rules"], "point_id", frozenset(points))
    unplaced = _nobodys(refused["points"], "village_code", frozenset(villages))
    changed = (*refused["rules"], *refused["exceptions"], *refused["points"])
    return Missing(
        points=_names(changed, "point_id"),
        villages=_names(refused["points"], "village_code"),
        rule=rules[0].place if rules else None,
        rule_visits=sum(_visits(row) for row in rules),
        unplaced={str(row.cells.get("village_name", "")).strip(): row.place for row in unplaced},
        changes=_changes(refused["exceptions"]),
        unread=unread,
    )


_NUMBERED = re.compile(r"(.*?)(\d{1,9})")


def following(identifier: object) -> str | None:
    """The id that comes after one in a numbered list: R014 after R013."""
    match = _NUMBERED.fullmatch(str(identifier))
    return match and f"{match[1]}{int(match[2]) + 1:0{len(match[2])}}"
