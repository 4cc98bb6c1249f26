"""From raw tables to typed rows: every cell read, ids unique, references followed.

A row with an error is left out and remembered as refused. What names a refused row is left out too, but only
counted under the row at fault (R07), so that one mistake reads as one mistake.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any, Final, NamedTuple

import msgspec

from schedules import model
from schedules.findings import Finding, Severity, finding
from schedules.load.cells import Unreadable, read_cell
from schedules.load.missing import Missing, following, missing_of
from schedules.load.row_checks import Values, check_row
from schedules.load.rows import RawTables, Row
from schedules.places import Place
from schedules.tables import TABLES, Column, Form, Table

_STRUCTS: Final[Mapping[str, type]] = {
    "villages": model.Village,
    "vehicles": model.Vehicle,
    "points": model.Point,
    "staff": model.StaffMember,
    "rules": model.Rule,
    "exceptions": model.DatedException,
    "holidays": model.Holiday,
    "unavailable": model.Unavailable,
    "travel_minutes": model.Travel,
}

_HARMLESS: Final = frozenset({"N01", "N02", "D04"})
"""Codes of findings with which a row is still taken."""


GUESSES: Final = 20
GUESSED_LENGTH: Final = 40
GUESSED_AMONG: Final = 2000
"""For so many unknown ids, up to so long, the nearest of so many known ones is looked for."""


class ReadPlan(NamedTuple):
    """The plan of all rows that can be used; every other row has an error among the findings."""

    plan: model.Plan
    findings: list[Finding]
    missing: Missing


def _is_broken(found: list[Finding]) -> bool:
    return any(one.code not in _HARMLESS for one in found)


class _Reader:
    """Works through the tables in the order of their references."""

    def __init__(self, raw: RawTables) -> None:
        self.raw = raw
        self.findings: list[Finding] = []
        self.taken: dict[str, dict[Any, Any]] = {name: {} for name in TABLES}
        self.refused: dict[str, dict[Any, Place]] = {name: {} for name in TABLES}
        self.refused_rows: defaultdict[str, list[Row]] = defaultdict(list)
        self.guessed: dict[str, dict[Any, Place]] = {name: {} for name in TABLES}
        self.doubled: dict[str, dict[Any, Place]] = {name: {} for name in TABLES}
        self.nameless: defaultdict[str, list[Place]] = defaultdict(list)
        self.unknown: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
        self.guesses_left = GUESSES
        self.waiting: Counter[tuple[Place, str]] = Counter()
        self.first_waiting: dict[tuple[Place, str], Place] = {}

    def read(self, table: Table) -> None:
        raw = self.raw[table.name]
        self.findings.extend(raw.findings)
        for row in raw.refused:
            self._refuse(table, row, self._values(table, row)[0], row.place)
        before: object = None
        ranks: dict[Any, object] = {}
        for row in raw.rows or ():
            values, found = self._values(table, row)
            key = table.identify(values)
            twice = self._twice(table, key, row.place)
            if twice or key is None:
                self._guess(table, key, row.place, following(before), ranks.get(key))
            if key is not None:
                ranks.setdefault(key, following(before))
                before = key
            found += twice
            if not _is_broken(found):
                found += check_row(table.name, values, row.place)
            unknown, cause = self._references(table, values, row.place)
            found += (one for _, one in unknown)
            for place, (refers, one) in enumerate(unknown, start=len(self.findings) + len(found) - len(unknown)):
                self.unknown[refers, one.value].append(place)
            self.findings.extend(found)
            if not _is_broken(found) and cause is None:
                self.taken[table.name][key] = _STRUCTS[table.name](**values, place=row.place)
            else:
                is_consequence = cause is not None and not _is_broken(found)
                self._refuse(table, row, values, cause if is_consequence and cause else row.place)
                if is_consequence and cause:
                    self._wait(cause, table, row.place)

    def _refuse(self, table: Table, row: Row, values: Values, cause: Place) -> None:
        self.refused_rows[table.name].append(row)
        key = table.identify(values)
        if key is not None and key not in self.taken[table.name]:
            self.refused[table.name].setdefault(key, cause)

    def _guess(self, table: Table, key: object, place: Place, *ids: object) -> None:
        """Of a row without an id of its own: which it should have had, by the numbering of the rows around it."""
        self.nameless[table.name].append(place)
        if key is not None:
            self.doubled[table.name].setdefault(key, place)
        for one in ids:
            if one is not None:
                self.guessed[table.name].setdefault(one, place)

    def _wait(self, cause: Place, table: Table, place: Place) -> None:
        self.waiting[cause, table.name] += 1
        self.first_waiting.setdefault((cause, table.name), place)

    def _values(self, table: Table, row: Row) -> tuple[Values, list[Finding]]:
        values: Values = {}
        found: list[Finding] = []
        for column in table.columns:
            raw = row.cells.get(column.name)
            place = row.place.at(column.name)
            if raw is None:
                if column.is_required:
                    found.append(finding("D09", place, f"{column.name} 没有填", f"{column.name} is empty"))
                continue
            try:
                values[column.name], notes = read_cell(column.form, raw)
            except Unreadable as error:
                found.append(finding(error.code, place, error.zh, error.en, value=raw))
            else:
                found += (finding(note.code, place, note.zh, note.en, value=raw) for note in notes)
        return values, found

    def _twice(self, table: Table, key: object, place: Place) -> list[Finding]:
        before = self.taken[table.name].get(key)
        first = before.place if before is not None else self.refused[table.name].get(key)
        if key is None or first is None:
            return []
        name, shown = table.key.name, " ".join(key) if isinstance(key, tuple) else key
        zh, en = f"{name} {shown} 在第 {first.row} 行已经用过", f"{name} {shown} is already used in row {first.row}"
        return [finding("D01", place.at(name), zh, en, value=shown)]

    def _references(self, table: Table, values: Values, place: Place) -> tuple[list[tuple[str, Finding]], Place | None]:
        """Tables and findings of unknown ids, and the refused row (or missing table) that one of the ids belongs to."""
        found: list[tuple[str, Finding]] = []
        cause: Place | None = None
        for column in table.columns:
            if not column.refers or column.name not in values:
                continue
            if self.raw[column.refers].rows is None:
                cause = cause or self.raw[column.refers].place
                continue
            value = values[column.name]
            for wanted in value if column.form is Form.IDS else (value,):
                if wanted in self.taken[column.refers]:
                    continue
                at_fault = self.refused[column.refers].get(wanted) or self.guessed[column.refers].get(wanted)
                if at_fault is not None:
                    cause = cause or at_fault
                else:
                    found.append((column.refers, self._unknown(column, wanted, place)))
        if table.name == "exceptions" and not found:
            other_point = [("", one) for one in self._point_of_rule(values, place)]
            twin = self.doubled["rules"].get(values.get("rule_id"))
            cause = cause or (twin if other_point else None)
            found += () if twin else other_point
        return found, cause

    def _unknown(self, column: Column, wanted: str, place: Place) -> Finding:
        where = self.raw[column.refers].place
        zh, en = f"{column.name}“{wanted}”不在 {where} 里", f'{column.name} "{wanted}" is not in {where}'
        near: list[str] = []
        if self.guesses_left:
            self.guesses_left -= 1
            near = get_close_matches(wanted[:GUESSED_LENGTH], list(self.taken[column.refers])[:GUESSED_AMONG], n=1)
        if near:
            zh, en = f"{zh}，是 {near[0]} 吗？", f"{en}; did you mean {near[0]}?"
        if "E+" in wanted.upper():
            zh += "；Excel 把长数字缩短了，请把该列设为文本格式"
            en += "; Excel shortened a long number: format the column as text"
        return finding(column.code, place.at(column.name), zh, en, value=wanted)

    def _point_of_rule(self, values: Values, place: Place) -> Iterator[Finding]:
        rule = self.taken["rules"].get(values.get("rule_id"))
        point = values.get("point_id")
        if rule is not None and point and point != rule.point_id:
            zh = f"服务点 {point} 不是规则 {rule.rule_id} 的服务点 {rule.point_id}"
            en = f"point {point} is not the point {rule.point_id} of rule {rule.rule_id}"
            yield finding("R06", place.at("point_id"), zh, en, value=point)

    def group_unknown(self) -> None:
        """An id named in many rows and unknown is that of a row without one, where there is such a row."""
        by_count = sorted(self.unknown.items(), key=lambda item: -len(item[1]))
        for (refers, _), places in by_count:
            if refers and len(places) > 1 and self.nameless[refers]:
                cause = str(self.nameless[refers].pop(0))
                for place in places:
                    self.findings[place] = msgspec.structs.replace(self.findings[place], cause=cause)

    def consequences(self) -> Iterator[Finding]:
        for (cause, name), count in self.waiting.items():
            at = self.first_waiting[cause, name]
            table = at.sheet or at.file
            zh = f"{table} 有 {count} 行要等 {cause} 改好"
            en = f"{count} row(s) of {table} wait for {cause}, which was refused; put that right first"
            yield finding("R07", at, zh, en, value=count, cause=cause)


def read_plan(raw: RawTables) -> ReadPlan:
    """The plan of all rows that can be used, what was found, and what the rows left out may keep from it."""
    reader = _Reader(raw)
    for table in TABLES.values():
        reader.read(table)
    reader.group_unknown()
    taken, refused = reader.taken, reader.refused
    plan = model.Plan(
        villages=taken["villages"],
        points=taken["points"],
        vehicles=taken["vehicles"],
        staff=taken["staff"],
        rules=taken["rules"],
        exceptions=taken["exceptions"],
        holidays=taken["holidays"],
        unavailable=taken["unavailable"],
        travel=taken["travel_minutes"],
    )
    unread = {
        name: Place(one.file, one.sheet, one.row, one.column)
        for name, table in raw.items()
        for one in table.findings
        if table.rows is None and one.severity is Severity.ERROR
    }
    missing = missing_of(
        reader.refused_rows,
        (*taken["points"], *refused["points"]),
        (*taken["villages"], *refused["villages"]),
        unread,
    )
    return ReadPlan(plan, [*reader.findings, *reader.consequences()], missing)
