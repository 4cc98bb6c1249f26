"""The coordinator's workbook back with a comment on every cell that is wrong."""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from openpyxl import Workbook, load_workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE, Cell
from openpyxl.comments import Comment
from openpyxl.styles import PatternFill

from clinic_records.errors import RefusedInput
from schedules.findings import Finding, Severity
from schedules.load.grid import HEADER_ROWS
from schedules.load.matrix import plain
from schedules.load.rows import COLUMN_LIMIT, RawTables
from schedules.load.zip_limits import check_workbook_file
from schedules.tables import TABLES

AUTHOR: Final = "clinic"
SUMMARY: Final = "检查结果"
"""Name of the sheet that lists all findings."""

_COLOURS: Final = {Severity.ERROR: "FFF4B6B6", Severity.WARNING: "FFFFE699", Severity.INFO: "FFDDEBF7"}
"""ARGB of a cell's ground."""
_RANK: Final = list(Severity)
_COLUMNS: Final = ("severity", "code", "sheet", "row", "column", "value", "说明", "message", "cause")

COMMENT_LIMIT: Final = 2000
"""Characters of one comment; a spreadsheet shows no more of it."""


def _text(value: object) -> str:
    """Text as a cell may hold it, never read as a formula."""
    text = ILLEGAL_CHARACTERS_RE.sub("", str(value))
    return f"'{text}" if text[:1] in {"=", "+", "-", "@"} else text


def _book_of_tables(tables: RawTables) -> Workbook:
    """A workbook of what CSV files hold, every row at its own number."""
    book = Workbook()
    book.remove(book.worksheets[0])
    for name, table in TABLES.items():
        sheet = book.create_sheet(table.sheet)
        raw = tables[name]
        rows = [*(raw.rows or ()), *raw.refused]
        names = [column.name for column in table.columns]
        names += sorted({cell for row in rows for cell in row.cells} - set(names))
        sheet.append(names)
        for row in rows:
            for place, column in enumerate(names, start=1):
                if column in row.cells:
                    sheet.cell(max(row.place.row, 2), place).value = _text(row.cells[column])
    return book


def _column(sheet: Any, name: str) -> int:
    """The column under a header; 1 where there is none of that name."""
    for line in sheet.iter_rows(max_row=HEADER_ROWS, max_col=COLUMN_LIMIT):
        for cell in line:
            if name and plain(cell.value) == name:
                return int(cell.column)
    return 1


def _cell(sheet: Any, one: Finding) -> Cell:
    """The cell a finding is about; of a merged range its first."""
    row, column = max(one.row, 1), _column(sheet, one.column)
    for merged in sheet.merged_cells.ranges:
        if merged.min_row <= row <= merged.max_row and merged.min_col <= column <= merged.max_col:
            row, column = merged.min_row, merged.min_col
    found: Cell = sheet.cell(row, column)
    return found


def _summary(book: Workbook, findings: Iterable[Finding]) -> None:
    if SUMMARY in book.sheetnames:
        book.remove(book[SUMMARY])
    sheet = book.create_sheet(SUMMARY, 0)
    sheet.append(_COLUMNS)
    for one in findings:
        words = (one.severity, one.code, one.sheet or one.file, one.row, one.column, one.value)
        sheet.append([_text(word) if isinstance(word, str) else word for word in words])
        for place, text in enumerate((one.message_zh, one.message, one.cause), start=len(words) + 1):
            sheet.cell(sheet.max_row, place).value = _text(text)
    sheet.freeze_panes = "A2"
    sheet.auto_filter.ref = sheet.dimensions


def annotate(source: Path, tables: RawTables, findings: Iterable[Finding], out: Path) -> int:
    """Write `out`: the workbook at `source` (or one made of its CSV files) with comments; how many cells have one.

    A finding that stands under another is only in the list of all findings, the first sheet.

    Raises:
        RefusedInput: the workbook cannot be opened, or `out` is the source itself.
    """
    if out.resolve() == source.resolve():
        raise RefusedInput(f"{out} is the file that was checked; give another name")
    found = list(findings)
    is_book = source.suffix.lower() in {".xlsx", ".xlsm"}
    if is_book:
        check_workbook_file(source)
    book = load_workbook(source, keep_links=False) if is_book else _book_of_tables(tables)
    by_cell: defaultdict[tuple[str, int, str], list[Finding]] = defaultdict(list)
    sheets = {f"{table.name}.csv": table.sheet for table in TABLES.values()}
    for one in found:
        sheet = one.sheet if one.file == source.name else sheets.get(one.file, "")
        if sheet in book.sheetnames and not one.cause:
            by_cell[sheet, one.row, one.column].append(one)
    for (sheet, _, _), ones in by_cell.items():
        cell = _cell(book[sheet], ones[0])
        text = "\n".join(f"[{one.code}] {one.message_zh}\n{one.message}" for one in ones)
        if cell.comment is not None:
            text = f"{cell.comment.text}\n{text}"
        cell.comment = Comment(text[:COMMENT_LIMIT], AUTHOR, height=160, width=360)
        worst = min((one.severity for one in ones), key=_RANK.index)
        cell.fill = PatternFill("solid", fgColor=_COLOURS[worst])
    _summary(book, found)
    book.save(out)
    return len(by_cell)
