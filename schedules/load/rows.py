"""A table as it stands in a file: rows of cells that know where they are."""

from typing import NamedTuple

from schedules.findings import Finding
from schedules.places import Place


class Formula:
    """A cell whose formula was never calculated, so that the file holds no value for it."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __str__(self) -> str:
        return self.text


class Number1904(int):
    """A whole number of a workbook that counts days from 1904-01-01 (ECMA-376 part 1, 18.17.4.1)."""


class Row(NamedTuple):
    """One row under the header: column name -> what the cell holds (text, number, date ...; blank cells absent)."""

    place: Place
    cells: dict[str, object]


class RawTable(NamedTuple):
    """One file or sheet: `rows` is None where the table is not there or has no usable header.

    `refused` are rows that do not fit under the header; their cells may have slipped.
    """

    place: Place
    rows: tuple[Row, ...] | None
    findings: tuple[Finding, ...] = ()
    refused: tuple[Row, ...] = ()


RawTables = dict[str, RawTable]
"""Table name -> the table as found."""

ROW_LIMIT = 100_000
"""Rows read of one table; a province's year of dated rows is about 33,000 a prefecture."""

COLUMN_LIMIT = 256
"""Columns read of one row."""

CELL_LIMIT = 4096
"""Characters read of one cell."""
