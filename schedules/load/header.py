"""From lines of cells to named rows: the header's columns, and rows that do not fit under it."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Final

from schedules.findings import Finding, finding
from schedules.headings import HEADINGS
from schedules.load.foreign import RowPlace
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


TITLE_ROWS: Final = 10
"""A header stands within so many rows, below titles."""

_REMARK: Final = re.compile(
    r"[(]?(?:备注|说明|附注|注|填表|制表|审核|审批|打印|合计|总计|共计|note|total)s?(?:[:：人日]|$)", re.IGNORECASE
)
"""How a line under a table begins that is no row of it."""


def _word(text: str) -> str:
    return "".join(text.lower().split()).rstrip("*").removesuffix("(必填)")


def _ours(table: Table) -> Mapping[str, str]:
    """What may stand above a column of this table -> our name of it; a word that two columns share is neither's."""
    names = [column.name for column in table.columns]
    words = [(word, name) for name in names for word in HEADINGS.get(name, ())]
    shared = [word for word, _ in words]
    return {word: name for word, name in words if shared.count(word) == 1} | {name.lower(): name for name in names}


def _find_header(
    table: Table, lines: Iterable[Sequence[object]], first_row: int
) -> tuple[int, list[str], Iterator[Sequence[object]]]:
    """Row and names of the header, and the lines below it; the first line where no line names two columns."""
    rest = iter(lines)
    above = list(islice(rest, TITLE_ROWS))
    ours = _ours(table)
    many = min(2, len(table.columns))
    for number, line in enumerate(above):
        if sum(_word(name) in ours for name in _header_names(line[:COLUMN_LIMIT])) >= many:
            return first_row + number, _header_names(line), chain(above[number + 1 :], rest)
    return first_row, _header_names(above[0] if above else ()), chain(above[1:], rest)


def _header_findings(table: Table, place: Place, names: list[str]) -> list[Finding]:
    known = {column.name for column in table.columns}
    found = [
        finding(
            "F03",
            place.at(column.name),
            f"缺少列“{column.name}”，请加在第 {place.row} 行",
            f'column "{column.name}" is missing; add it to row {place.row}',
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


def _is_remark(table: Table, cells: Sequence[object]) -> bool:
    said = [cell for cell in cells if not _is_blank(cell)]
    return (
        len(said) == 1 and len(table.columns) > 2 and isinstance(said[0], str) and bool(_REMARK.match(said[0].strip()))
    )


def named_rows(table: Table, place: Place, lines: Iterable[Sequence[object]], first_row: int = 1) -> RawTable:
    """The table whose first line is row `first_row` of its sheet, and its header or a title above that.

    Columns may bear other headings of theirs (`HEADINGS`); findings then name them as the sheet does.
    Blank lines are passed over but counted, so that row numbers are the spreadsheet's. A row with more cells than
    the header is refused (F04): nobody knows which of them slipped.
    """
    header_row, theirs, below = _find_header(table, lines, first_row)
    ours = _ours(table)
    names = [ours.get(_word(name), name) for name in theirs]
    headings = tuple((one, other) for one, other in zip(names, theirs, strict=True) if one != other)
    found = _header_findings(table, RowPlace(place.file, place.sheet, header_row, "", headings), names)
    if any(one.code == "F03" for one in found):
        return RawTable(place, None, tuple(found))
    rows: list[Row] = []
    refused: list[Row] = []
    for number, line in enumerate(below, start=header_row + 1):
        here = (
            RowPlace(place.file, place.sheet, number, "", headings)
            if headings
            else Place(place.file, place.sheet, number)
        )
        if number > ROW_LIMIT:
            zh, en = f"超过 {ROW_LIMIT} 行，后面的没有读取", f"more than {ROW_LIMIT} rows; the rest is not read"
            found.append(finding("F05", here, zh, en))
            break
        cells = list(line)
        while cells and _is_blank(cells[-1]):
            cells.pop()
        if not cells:
            continue
        if _is_remark(table, cells):
            zh, en = "这一行是说明，没有当作数据", "a remark, not read as a row"
            found.append(finding("N03", here, zh, en, value=next(cell for cell in cells if not _is_blank(cell))))
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
