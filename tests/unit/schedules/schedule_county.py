"""Small plans for tests: the invented county of `examples`, as CSV in any encoding or as a workbook."""

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from openpyxl import Workbook

from schedules.tables import TABLES

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "county-small"

Lines = dict[str, list[list[Any]]]
"""Table name -> its lines, the header first."""


def example() -> Lines:
    """The example county, cell by cell."""
    return {
        name: list(csv.reader(io.StringIO((EXAMPLE / f"{name}.csv").read_text(encoding="utf-8")))) for name in TABLES
    }


def put(lines: Lines, table: str, row: int, column: str, value: Any, *, header: int = 1) -> None:
    """Write one cell, rows counted as a spreadsheet does."""
    words = lines[table][header - 1]
    lines[table][row - 1][words.index(column)] = value


def write_csv(
    lines: Mapping[str, list[list[Any]]], folder: Path, *, encoding: str = "utf-8", tab: bool = False
) -> Path:
    """A folder of CSV files."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in lines.items():
        text = io.StringIO()
        csv.writer(text, delimiter="\t" if tab else ",").writerows(table)
        (folder / f"{name}.csv").write_bytes(text.getvalue().encode(encoding))
    return folder


def write_xlsx(lines: Mapping[str, list[list[Any]]], path: Path) -> Path:
    """A workbook; cells keep the types they have."""
    book = Workbook()
    book.remove(book.worksheets[0])
    for name, table in lines.items():
        sheet = book.create_sheet(TABLES[name].sheet)
        for line in table:
            sheet.append([None if cell == "" else cell for cell in line])
    book.save(path)
    return path


calm = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""Property tests say nothing about time: the machine may be busy."""
