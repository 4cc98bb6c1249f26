"""From raw tables to typed rows: every cell read, ids unique, references followed.

A row with an error is left out and remembered as refused. What names a refused row is left out too, but only
counted under the row at fault (R07), so that one mistake reads as one mistake.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import date, time
from typing import Any, Final, cast

from clinic_records.errors import RefusedInput
from schedules import model
from schedules.findings import Finding, finding
from schedules.load.cells import Unreadable, read_cell
from schedules.load.rows import RawTables, Row
from schedules.patterns import parse_pattern
from schedules.places import Place
from schedules.tables import TABLES, Column, Form, Table

Values = dict[str, Any]
"""Column name -> value; columns without one are absent."""


def _rule(values: Values, place: Place) -> Iterator[Finding]:
    try:
        parse_pattern(values["pattern"])
    except RefusedInput as error:
        zh = f"看不懂“{values['pattern'][:80]}”。{error.hint.zh}"
        yield finding("D08", place.at("pattern"), zh, str(error), value=values["pattern"])
    start, end = values["start"], values["end"]
    if end <= start:
        zh, en = f"结束 {end:%H:%M} 不晚于开始 {start:%H:%M}", f"end {end:%H:%M} is not after start {start:%H:%M}"
        yield finding("T01", place.at("end"), zh, en, value=f"{end:%H:%M}")
    first, last = values["effective_from"], values.get("effective_to")
    if last is not None and last < first:
        zh, en = f"{last} 早于生效日 {first}", f"{last} is before effective_from {first}"
        yield finding("T02", place.at("effective_to"), zh, en, value=last)


def _point(values: Values, place: Place) -> Iterator[Finding]:
    opens: time | None = values.get("open_from")
    closes: time | None = values.get("open_to")
    if opens and closes and closes <= opens:
        zh = f"关门 {closes:%H:%M} 不晚于开门 {opens:%H:%M}"
        en = f"open_to {closes:%H:%M} is not after open_from {opens:%H:%M}"
        yield finding("T01", place.at("open_to"), zh, en, value=f"{closes:%H:%M}")


def _exception(values: Values, place: Place) -> Iterator[Finding]:
    action = values["action"]
    if action is model.Action.MOVE and "new_date" not in values:
        yield finding("D07", place.at("new_date"), "改期必须写新日期 new_date", "a move needs new_date")
    changes = ("new_vehicle_id", "new_staff_ids", "new_start")
    if action is model.Action.SUBSTITUTE and not any(name in values for name in changes):
        zh = "替换必须写 new_vehicle_id、new_staff_ids 或 new_start"
        yield finding("D07", place, zh, "a substitute needs new_vehicle_id, new_staff_ids or new_start")


_ROW_CHECKS: Final[Mapping[str, Callable[[Values, Place], Iterator[Finding]]]] = {
    "points": _point,
    "rules": _rule,
    "exceptions": _exception,
}


def _check_row(table: str, values: Values, place: Place) -> Iterator[Finding]:
    check = _ROW_CHECKS.get(table)
    if check is not None:
        yield from check(values, place)


_STRUCTS: Final[Mapping[str, type]] = {
    "villages": model.Village,
    "vehicles": model.Vehicle,
    "points": model.Point,
    "staff": model.StaffMember,
    "rules": model.Rule,
    "exceptions": model.DatedException,
    "holidays": model.Holiday,
}


class _Reader:
    """Works through the tables in the order of their references."""

    def __init__(self, raw: RawTables) -> None:
        self.raw = raw
        self.findings: list[Finding] = []
        self.taken: dict[str, dict[Any, Any]] = {name: {} for name in TABLES}
        self.refused: dict[str, dict[Any, Place]] = {name: {} for name in TABLES}
        self.waiting: Counter[tuple[Place, str]] = Counter()
        self.first_waiting: dict[tuple[Place, str], Place] = {}

    def read(self, table: Table) -> None:
        raw = self.raw[table.name]
        self.findings.extend(raw.findings)
        for row in raw.rows or ():
            values, found = self._values(table, row)
            key = values.get(table.key.name)
            found += self._twice(table, key, row.place)
            if not any(one.code[0] != "N" for one in found):
                found += _check_row(table.name, values, row.place)
            unknown, cause = self._references(table, values, row.place)
            found += unknown
            self.findings.extend(found)
            broken = any(one.code[0] != "N" for one in found)
            if not broken and cause is None:
                self.taken[table.name][key] = _STRUCTS[table.name](**values, place=row.place)
            elif key is not None and key not in self.taken[table.name]:
                self.refused[table.name].setdefault(key, row.place if broken or cause is None else cause)
                if not broken and cause is not None:
                    self._wait(cause, table, row.place)

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
        name = table.key.name
        zh, en = f"{name} {key} 在第 {first.row} 行已经用过", f"{name} {key} is already used in row {first.row}"
        return [finding("D01", place.at(name), zh, en, value=key)]

    def _references(self, table: Table, values: Values, place: Place) -> tuple[list[Finding], Place | None]:
        """Findings of unknown ids, and the refused row (or missing table) that one of the ids belongs to."""
        found: list[Finding] = []
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
                at_fault = self.refused[column.refers].get(wanted)
                if at_fault is not None:
                    cause = cause or at_fault
                else:
                    found.append(self._unknown(column, wanted, place))
        if table.name == "exceptions" and not found:
            found += self._point_of_rule(values, place)
        return found, cause

    def _unknown(self, column: Column, wanted: str, place: Place) -> Finding:
        where = self.raw[column.refers].place
        zh, en = f"{column.name}“{wanted}”不在 {where} 里", f'{column.name} "{wanted}" is not in {where}'
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

    def consequences(self) -> Iterator[Finding]:
        for (cause, name), count in self.waiting.items():
            at = self.first_waiting[cause, name]
            table = at.sheet or at.file
            zh = f"{table} 有 {count} 行要等 {cause} 改好"
            en = f"{count} row(s) of {table} wait for {cause}, which was refused; put that right first"
            yield finding("R07", at, zh, en, value=count, cause=cause)


def read_plan(raw: RawTables) -> tuple[model.Plan, list[Finding]]:
    """The plan of all rows that can be used, and what was found; every other row has an error among the findings."""
    reader = _Reader(raw)
    for table in TABLES.values():
        reader.read(table)
    taken = reader.taken
    plan = model.Plan(
        villages=taken["villages"],
        points=taken["points"],
        vehicles=taken["vehicles"],
        staff=taken["staff"],
        rules=taken["rules"],
        exceptions=taken["exceptions"],
        holidays=cast(dict[date, model.Holiday], taken["holidays"]),
    )
    return plan, [*reader.findings, *reader.consequences()]
