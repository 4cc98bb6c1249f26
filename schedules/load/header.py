"""From lines of cells to named rows: the header's columns, and rows that do not fit under it."""

import unicodedata
from collections.abc import Iterable, Sequence

from schedules.findings import Finding, finding
from schedules.load.rows import CELL_LIMIT, COLUMN_LIMIT, ROW_LIMIT, RawTable, Row
from schedules.places import Place
from schedules.tables import Table


def _is_blank(cell: object) -> bool:
    return cell is None or (isinstance(cell, str) and not cell.strip())


def _header_names(cells: Sequence[object]) -> list[str]:
    names = [unicodedata.normalize("NFKC", "" if cell is None else str(cell)).strip() for cell in cells]
    while names and not names[-1]:
        names.pop()
    return names


def _header_findings(table: Table, place: Place, names: list[str]) -> list[Finding]:
    place = Place(place.file, place.sheet, 1)
    known = {column.name for column in table.columns}
    found = [
        finding("F03", place.at(column.name), f'column "{column.name}" is missing; add it to the first row')
        for column in table.columns
        if column.is_required and column.name not in names
    ]
    for name in dict.fromkeys(names):
        if name and names.count(name) > 1:
            found.append(finding("F03", place.at(name), f'column "{name}" stands twice; keep one', value=name))
        elif name and name not in known:
            found.append(finding("F07", place.at(name), f'column "{name}" is not known and not read', value=name))
    return found


def named_rows(table: Table, place: Place, lines: Iterable[Sequence[object]]) -> RawTable:
    """The table whose first line is the header.

    Blank lines are passed over but counted, so that row numbers are the spreadsheet's. A row with more cells than
    the header is refused (F04): nobody knows which of them slipped.
    """
    numbered = enumerate(lines, start=1)
    _, header = next(numbered, (1, ()))
    names = _header_names(header)
    found = _header_findings(table, place, names)
    if any(one.code == "F03" for one in found):
        return RawTable(place, None, tuple(found))
    rows: list[Row] = []
    for number, line in numbered:
        here = Place(place.file, place.sheet, number)
        if number > ROW_LIMIT:
            found.append(finding("F05", here, f"more than {ROW_LIMIT} rows; the rest is not read"))
            break
        cells = list(line)
        while cells and _is_blank(cells[-1]):
            cells.pop()
        if not cells:
            continue
        if len(cells) > min(len(names), COLUMN_LIMIT):
            message = f"{len(cells)} cells under a header of {len(names)}; put a text that holds commas in quotes"
            found.append(finding("F04", here, message, value=cells[len(names)]))
            continue
        too_long = next((name for name, cell in zip(names, cells, strict=False) if len(str(cell)) > CELL_LIMIT), None)
        if too_long is not None:
            found.append(finding("F05", here.at(too_long), f"more than {CELL_LIMIT} characters in one cell"))
            continue
        rows.append(Row(here, {n: c for n, c in zip(names, cells, strict=False) if n and not _is_blank(c)}))
    return RawTable(place, tuple(rows), tuple(found))
