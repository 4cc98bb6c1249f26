"""A sheet as people lay it out by hand: cells by row and column, merged ones filled from their first cell."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

ROWS: Final = 2000
COLUMNS: Final = 64
"""What is looked at of a sheet made by hand."""


_WIDE: Final = re.compile("[\uff10-\uff19\uff1a]")


class Cell(NamedTuple):
    """A cell; `anchor` is row and column of the first cell of its merged range, or its own.

    `is_wide` tells that the text holds full-width digits or colons, which are read as plain ones.
    """

    row: int
    column: int
    text: str
    anchor: tuple[int, int]
    is_wide: bool = False


Matrix = list[list[Cell]]
"""Rows of cells, all of the same length; rows and columns count from 1."""


def plain(value: object) -> str:
    """The text of a cell with full-width signs as plain ones, lines kept."""
    if value is None:
        return ""
    return unicodedata.normalize("NFKC", str(value)).replace("\r", "").strip()


def _cell(row: int, column: int, value: object) -> Cell:
    return Cell(row, column, plain(value), (row, column), isinstance(value, str) and bool(_WIDE.search(value)))


def matrix_of_lines(lines: Iterable[Sequence[object]]) -> Matrix:
    """A matrix without merged cells."""
    taken = [tuple(line)[:COLUMNS] for _, line in zip(range(ROWS), lines, strict=False)]
    width = max((len(line) for line in taken), default=0)
    return [
        [_cell(row, column, line[column - 1] if column <= len(line) else None) for column in range(1, width + 1)]
        for row, line in enumerate(taken, start=1)
    ]


def matrix_of_sheet(sheet: Any) -> Matrix:
    """A matrix of a whole (not read-only) openpyxl worksheet, its merged cells filled."""
    rows, columns = min(sheet.max_row, ROWS), min(sheet.max_column, COLUMNS)
    cells = matrix_of_lines(sheet.iter_rows(max_row=rows, max_col=columns, values_only=True))
    for merged in list(sheet.merged_cells.ranges):
        for row in range(merged.min_row, min(merged.max_row, len(cells)) + 1):
            for column in range(merged.min_col, min(merged.max_col, len(cells[row - 1])) + 1):
                first = cells[merged.min_row - 1][merged.min_col - 1]
                cells[row - 1][column - 1] = first._replace(row=row, column=column)
    return cells


def turned(matrix: Matrix) -> Matrix:
    """Rows as columns; the cells still know where they stand."""
    return [list(column) for column in zip(*matrix, strict=True)]
