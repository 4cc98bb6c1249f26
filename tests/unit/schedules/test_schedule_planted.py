"""Mistakes planted in a whole county: each is found at its row, alone and among all others, and nothing else is new."""

import csv
from collections import Counter
from datetime import date
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from schedules.check import Checked, check
from schedules.findings import Finding
from schedules.load.source import read_tables
from schedules.tables import TABLES
from tests.unit.schedules.schedule_county import Lines, put, write_csv, write_xlsx

FIRST, LAST = date(2026, 1, 1), date(2026, 12, 31)


class Planted(NamedTuple):
    """What is written where; `found` is table and row of the finding where that is another row."""

    code: str
    table: str
    row: int
    cells: dict[str, str]
    found: tuple[str, int] | None = None

    @property
    def expected(self) -> tuple[str, str, int]:
        table, row = self.found or (self.table, self.row)
        return self.code, table, row


PLANTED = [
    Planted("R01", "rules", 5, {"point_id": "P999"}),
    Planted("R02", "rules", 8, {"vehicle_id": "V77"}),
    Planted("R03", "rules", 11, {"staff_ids": "S001;S999"}),
    Planted("R04", "points", 12, {"village_code": "331127999999"}),
    Planted("R05", "exceptions", 20, {"rule_id": "R999"}),
    Planted("R06", "exceptions", 25, {"point_id": "P001"}),
    Planted("D01", "rules", 15, {"rule_id": "R013"}),
    Planted("D02", "rules", 18, {"effective_from": "2025-02-30"}),
    Planted("D03", "rules", 21, {"start": "25:00"}),
    Planted("D04", "points", 6, {"lon": "28.05452", "lat": "119.74327"}),
    Planted("D05", "points", 9, {"visits_per_month": "四"}),
    Planted("D06", "exceptions", 30, {"action": "postpone"}),
    Planted("D07", "exceptions", 33, {"new_date": ""}),
    Planted("D08", "rules", 25, {"pattern": "每月逢三的礼拜"}),
    Planted("D09", "rules", 27, {"staff_ids": ""}),
    Planted("D10", "points", 15, {"closed_weekdays": "XX"}),
    Planted("T01", "rules", 30, {"end": "07:00"}),
    Planted("T02", "rules", 33, {"effective_to": "2025-01-01"}),
    Planted("T03", "rules", 37, {"start": "06:00", "end": "08:00"}),
    Planted("T04", "points", 3, {"closed_weekdays": "MO"}, ("rules", 2)),
    Planted("N01", "rules", 40, {"vehicle_id": "Ｖ02"}),
    Planted("N02", "rules", 50, {"effective_from": "46023"}),
    Planted("F04", "rules", 45, {"": "slipped"}),
    Planted("X01", "exceptions", 42, {"original_date": "2026-07-05"}),
    Planted("A01", "exceptions", 50, {"approved_by": ""}),
    Planted("A02", "exceptions", 55, {"announced_on": "2026-12-31"}),
    Planted("C01", "points", 60, {"visits_per_month": "9"}),
    Planted("C03", "villages", 69, {"village_code": "331127999001", "village_name": "孤村"}),
    Planted("V01", "rules", 3, {"start": "10:00"}),
    Planted("V02", "rules", 4, {"start": "12:21"}),
    Planted("S01", "rules", 6, {"staff_ids": "S001;S006;S007;S008"}),
    Planted("Q01", "rules", 2, {"staff_ids": "S001;S002;S004"}),
    Planted("Q02", "points", 3, {"needs_equipment": "CT"}, ("rules", 2)),
    Planted("Q04", "staff", 10, {"licence_valid_to": "2026-03-31"}),
    Planted("Q05", "vehicles", 3, {"inspection_due": "2026-05-31"}),
    Planted("L02", "unavailable", 2, {"unavailable_id": "U1", "first_day": "2026-03-02", "last_day": "2026-03-02",
                                      "vehicle_id": "V01"}, ("rules", 2)),
    Planted("W01", "staff", 5, {"max_hours_per_day": "5"}, ("rules", 4)),
]  # fmt: skip


def county(shared: Path) -> Lines:
    lines: Lines = {}
    for name, table in TABLES.items():
        path = shared / "schedules" / f"{name}.csv"
        if path.is_file():
            with path.open(encoding="utf-8-sig", newline="") as file:
                lines[name] = list(csv.reader(file))
        else:
            lines[name] = [[column.name for column in table.columns]]
    return lines


def plant(lines: Lines, one: Planted) -> None:
    table = lines[one.table]
    while len(table) < one.row:
        table.append([""] * len(table[0]))
    for column, text in one.cells.items():
        if column:
            put(lines, one.table, one.row, column, text)
        else:
            table[one.row - 1] = [*table[one.row - 1], text]


def laid_out(path: Path) -> Checked:
    return check(read_tables(path), FIRST, LAST)


def where(one: Finding) -> tuple[str, str, int]:
    """Code, table and row."""
    sheets = {table.sheet: table.name for table in TABLES.values()}
    return one.code, sheets.get(one.sheet) or one.file.removesuffix(".csv"), one.row


@cache
def said_of(folder: Path) -> frozenset[tuple[str, str, int]]:
    """What is said of the county as it is."""
    found = laid_out(folder).findings
    assert not [one for one in found if one.severity == "error"]
    return frozenset(where(one) for one in found)


@pytest.mark.parametrize("one", PLANTED, ids=lambda one: one.code)
def test_alone(one: Planted, shared_data: Path, tmp_path: Path) -> None:
    lines = county(shared_data)
    plant(lines, one)
    found = laid_out(write_csv(lines, tmp_path / "c")).findings
    assert one.expected in {where(finding) for finding in found}
    own = {where(f) for f in found if f.severity == "error" and not f.cause and where(f) != one.expected}
    own -= said_of(shared_data / "schedules")
    assert own <= {(one.code, "rules", row) for row in range(2, 80)}, "no other errors but those of the same kind"


def test_all_of_them_at_once(shared_data: Path, tmp_path: Path) -> None:
    lines = county(shared_data)
    for one in PLANTED:
        plant(lines, one)
    for path in (write_csv(lines, tmp_path / "c"), write_xlsx(lines, tmp_path / "c.xlsx")):
        counts = Counter(where(finding) for finding in laid_out(path).findings if not finding.cause)
        assert [one.expected for one in PLANTED if not counts[one.expected]] == []
        assert [one for one, count in counts.items() if count > 12] == [], "no row is told more than a month's worth"


def test_a_rule_on_another_weekday_is_one_mistake_not_one_of_each_exception(shared_data: Path, tmp_path: Path) -> None:
    lines = county(shared_data)
    put(lines, "rules", 60, "pattern", "每周三")  # R059, whose exceptions are all of Fridays
    found = [one for one in laid_out(write_csv(lines, tmp_path / "c")).findings if one.code == "X01"]
    own = [one for one in found if not one.cause]
    assert len(found) > 3
    assert [(one.code, one.row) for one in own] == [("X01", 2)]
    assert "row 60" in own[0].message
    assert {one.cause for one in found[1:]} == {"exceptions.csv row 2"}
