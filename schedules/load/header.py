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
        finding(
            "F03",
            place.at(column.name),
            f"缺少列“{column.name}”，请加在第一行",
            f'column "{column.name}" is missing; add it to the first row',
        )
        for column in table.columns
        if column.is_required and column.name not in names
    ]
    for name in dict.fromkeys(names):
        if name and names.count(name) > 1:
            zh, en = f"列“{name}”出现两次，只留一个", f'column "{name}" stands twice; keep one'
            found.append(finding("F03", place.at(name), zh, en, value=name))
        elif name and name not in known:
            zh, en = f"不认识列“{name}”，没有读取", f'column "{name}" is not known and not read'
            found.append(finding("F07", place.at(name), zh, en, value=name))
    return found


def _row(place: Place, names: Sequence[str], cells: Sequence[object]) -> Row:
    return Row(place, {n: c for n, c in zip(names, cells, strict=False) if n and not _is_blank(c)})


def named_rows(table: Table, place: Place, lines: Iterable[Sequence[object]], first_row: int = 1) -> RawTable:
    """The table whose first line, row `first_row` of its sheet, is the header.

    Blank lines are passed over but counted, so that row numbers are the spreadsheet's. A row with more cells than
    the header is refused (F04): nobody knows which of them slipped.
    """
    numbered = enumerate(lines, start=first_row)
    _, header = next(numbered, (1, ()))
    names = _header_names(header)
    found = _header_findings(table, place, names)
    if any(one.code == "F03" for one in found):
        return RawTable(place, None, tuple(found))
    rows: list[Row] = []
    refused: list[Row] = []
    for number, line in numbered:
        here = Place(place.file, place.sheet, number)
        if number > ROW_LIMIT:
            zh, en = f"超过 {ROW_LIMIT} 行，后面的没有读取", f"more than {ROW_LIMIT} rows; the rest is not read"
            found.append(finding("F05", here, zh, en))
            break
        cells = list(line)
        while cells and _is_blank(cells[-1]):
            cells.pop()
        if not cells:
            continue
        if len(cells) > min(len(names), COLUMN_LIMIT):
            zh = f"本行有 {len(cells)} 格，表头只有 {len(names)} 列；含逗号的文字要加引号"
            en = f"{len(cells)} cells under a header of {len(names)}; put a text that holds commas in quotes"
            found.append(finding("F04", here, zh, en, value=cells[len(names)]))
            refused.append(_row(here, names, cells))
            continue
        too_long = next((name for name, cell in zip(names, cells, strict=False) if len(str(cell)) > CELL_LIMIT), None)
        if too_long is not None:
            zh, en = f"一格超过 {CELL_LIMIT} 个字", f"more than {CELL_LIMIT} characters in one cell"
            found.append(finding("F05", here.at(too_long), zh, en))
            refused.append(_row(here, names, cells))
            continue
        rows.append(_row(here, names, cells))
    return RawTable(place, tuple(rows), tuple(found), tuple(refused))
