"""In a stranger's county: cells, rows and columns of every table spoilt, each found where it is and nowhere else."""

from collections.abc import Iterator
from datetime import date, time
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from schedules.draft import check_files
from schedules.findings import Finding, Severity
from schedules.tables import TABLES, Form
from tests.unit.schedules.another_county import another_county
from tests.unit.schedules.schedule_county import Lines, put, write_csv, write_xlsx

YEAR = date(2026, 1, 1), date(2026, 12, 31)
COUNTY = 1
"""A county of two vehicles, so that every case is quick."""

SPOILT: dict[Form, tuple[str, tuple[Any, ...]]] = {
    Form.DATE: ("D02", ("2026-02-30", "2026-13-01", "31/12/2026", "明天", "2026-01-05（周三）", "#N/A")),
    Form.TIME: ("D03", ("25:00", "8:75", "上午", "8")),
    Form.COUNT: ("D05", ("四", "-1", "1.5")),
    Form.NUMBER: ("D05", ("abc", "12,5")),
    Form.WEEKDAYS: ("D10", ("XX", "每天")),
    Form.DAY_KIND: ("D10", ("调休", "X")),
    Form.ACTION: ("D06", ("postpone", "延期")),
}


class Case(NamedTuple):
    """What is done to a table; `column` is that of the finding."""

    code: str
    table: str
    column: str
    value: Any = None
    kind: str = "cell"


def cases() -> Iterator[Case]:
    for name, table in TABLES.items():
        if name == "unavailable":
            continue
        yield Case("F04", name, "", kind="slipped")
        yield Case("F07", name, "乱七八糟", kind="strange column")
        if table.key_columns == 1:
            yield Case("D01", name, table.key.name, kind="twice")
        if table.is_required:
            yield Case("F01", name, "", kind="no table")
        for column in table.columns:
            code, values = SPOILT.get(column.form, ("", ()))
            yield from (Case("F06" if value == "#N/A" else code, name, column.name, value) for value in values)
            if column.refers:
                yield Case(column.code, name, column.name, "Z999")
            if column.is_required:
                yield Case("D09", name, column.name, "")
                yield Case("F03", name, column.name, kind="no column")


def spoil(lines: Lines, case: Case, row: int) -> int:
    """Do it; returns the row of the finding."""
    table = lines[case.table]
    match case.kind:
        case "cell":
            put(lines, case.table, row, case.column, case.value)
        case "slipped":
            table[row - 1].append("x")
        case "twice":
            put(lines, case.table, row, case.column, table[row - 2][0])
        case "no table":
            del lines[case.table]
            return 0
        case "no column":
            at = table[0].index(case.column)
            for line in table:
                del line[at]
            return 1
        case "strange column":
            for number, line in enumerate(table):
                line.insert(2, case.column if number == 0 else "x")
            return 1
    return row


def found_in(lines: Lines, path: Path) -> tuple[Finding, ...]:
    written = write_xlsx(lines, path) if path.suffix else write_csv(lines, path)
    return check_files(written, YEAR, YEAR[0]).checked.findings


def own_errors(findings: tuple[Finding, ...]) -> set[tuple[str, str, int, str]]:
    return {where(one) for one in findings if one.severity is Severity.ERROR and not one.cause}


def where(one: Finding) -> tuple[str, str, int, str]:
    sheets = {table.sheet: table.name for table in TABLES.values()}
    return one.code, sheets.get(one.sheet) or one.file.removesuffix(".csv"), one.row, one.column


@pytest.mark.parametrize("case", list(cases()), ids=lambda case: "-".join(map(str, case)))
def test_found_at_its_place_and_nothing_else(case: Case, tmp_path: Path) -> None:
    for name in ("c", "c.xlsx")[: 1 + (case.value in {None, ""})]:
        lines = another_county(COUNTY)
        row = spoil(lines, case, 3)
        findings = found_in(lines, tmp_path / name)
        here = case.code, case.table, row, case.column
        assert here in {where(one) for one in findings}
        assert own_errors(findings) <= {here}


def rule_row(lines: Lines, point: str) -> int:
    at = lines["rules"][0].index("point_id")
    return next(number for number, line in enumerate(lines["rules"], 1) if line[at] == point)


@pytest.mark.parametrize(
    ("code", "table", "column", "value", "found"),
    [
        ("T01", "rules", "end", time(7), ("rules", "end")),
        ("T01", "points", "open_to", time(7), ("points", "open_to")),
        ("T02", "rules", "effective_to", date(2025, 12, 31), ("rules", "effective_to")),
        ("D04", "points", "lat", 0.5, ("points", "lat")),
        ("D04", "villages", "lon", 12, ("villages", "lon")),
        ("D08", "rules", "pattern", "每月逢三的礼拜", ("rules", "pattern")),
        ("D08", "rules", "pattern", "隔周周二", ("rules", "pattern")),
        ("T03", "points", "open_to", time(8, 15), ("rules of the point", "end")),
        ("Q02", "points", "needs_equipment", "CT", ("rules of the point", "vehicle_id")),
        ("Q03", "points", "vehicle_max_length_m", 4, ("rules of the point", "vehicle_id")),
        ("Q01", "rules", "staff_ids", "S01D;S01R", ("rules", "staff_ids")),
        ("Q04", "staff", "licence_valid_to", date(2026, 5, 31), ("staff", "licence_valid_to")),
        ("Q05", "vehicles", "inspection_due", date(2026, 5, 31), ("vehicles", "inspection_due")),
        ("Q05", "vehicles", "in_service_from", date(2026, 5, 31), ("vehicles", "in_service_from")),
        ("X01", "exceptions", "original_date", date(2026, 2, 1), ("exceptions", "original_date")),
        ("A01", "exceptions", "approved_by", "", ("exceptions", "approved_by")),
        ("A02", "exceptions", "announced_on", date(2026, 12, 31), ("exceptions", "announced_on")),
        ("C01", "points", "visits_per_month", 9, ("points", "visits_per_month")),
    ],
)
def test_what_the_rules_say(
    code: str, table: str, column: str, value: Any, found: tuple[str, str], tmp_path: Path
) -> None:
    lines = another_county(COUNTY)
    put(lines, table, 3, column, value)
    row = rule_row(lines, str(lines["points"][2][0])) if "point" in found[0].split()[-1] and " " in found[0] else 3
    here = code, found[0].split()[0], row, found[1]
    findings = found_in(lines, tmp_path / "c.xlsx")
    assert here in {where(one) for one in findings}
    assert {one[0] for one in own_errors(findings)} <= {code, "H01" if code == "X01" else code}


def test_a_table_of_changes_that_cannot_be_read_is_one_mistake(tmp_path: Path) -> None:
    lines = another_county(COUNTY)
    lines["exceptions"][0][0] = "编号"
    findings = found_in(lines, tmp_path / "c")
    assert own_errors(findings) == {("F03", "exceptions", 1, "exception_id")}
    holidays = [one for one in findings if one.code == "H01"]
    assert holidays
    assert {one.cause for one in holidays} == {"exceptions.csv row 1 exception_id"}
