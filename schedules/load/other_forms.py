"""Rules in another form than our table: wall grids and dated lists, in a workbook or a CSV file."""

import csv
import io
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any, Final

from openpyxl import load_workbook

from clinic_records.errors import ClinicError, Hint, RefusedInput
from schedules.findings import finding
from schedules.load.csv_folder import decoded
from schedules.load.dated_list import columns_of, list_table, read_list
from schedules.load.grid import HEADER_ROWS, Sheet, find_grid, read_grids, titles
from schedules.load.header import named_rows
from schedules.load.matrix import Matrix, matrix_of_lines, matrix_of_sheet, plain
from schedules.load.period import period_of
from schedules.load.registers import Registers
from schedules.load.rows import COLUMN_LIMIT, ROW_LIMIT, RawTable, RawTables
from schedules.load.workbook import sheet_of
from schedules.load.zip_limits import check_workbook_file
from schedules.places import Place
from schedules.tables import TABLES

GRID_LIMIT: Final = 8 << 20
"""Unpacked bytes of a workbook whose merged cells are looked at: it is held in memory whole."""

Lines = Iterable[Sequence[object]]


def _list_header(lines: Iterable[Sequence[object]]) -> tuple[int, list[str]] | None:
    for number, line in enumerate(lines, start=1):
        headers = [plain(cell) for cell in line]
        if columns_of(headers):
            return number, headers
    return None


def _days(sheets: Sequence[Sheet], path: Path, registers: Registers, year: int | None) -> tuple[date, date] | None:
    said = period_of(" ".join(titles(sheet.matrix) for sheet in sheets))
    if said is None and year is not None:
        said = date(year, 1, 1), date(year, 12, 31)
    return said or period_of(path.stem) or period_of(" ".join(registers.years if len(registers.years) == 1 else ()))


def _grids(sheets: Sequence[Sheet], path: Path, base: RawTables, year: int | None) -> RawTable:
    registers = Registers(base)
    days = _days(sheets, path, registers, year)
    if days is None:
        place = sheets[0].place
        zh, en = (
            "看不出是哪一年的排班，请在标题里写上，如 2026年",
            "no year is said; write it in the title, such as 2026年",
        )
        return RawTable(place, None, (finding("F03", Place(place.file, place.sheet, 1), zh, en),))
    return read_grids(sheets, registers, days)


def _list(lines: Lines, found: tuple[int, list[str]], place: Place, base: RawTables) -> RawTable:
    at, headers = found
    rows = named_rows(list_table(headers), place, islice(lines, at - 1, None), first_row=at)
    return read_list(rows, headers, Registers(base)) if rows.rows is not None else rows


def rules_of_csv(path: Path, base: RawTables, year: int | None) -> RawTable | None:
    """The rules of a CSV file in another form; None where it is neither.

    Raises:
        RefusedInput: it is neither UTF-8 nor GBK, too large, or no CSV.
    """
    text, about = decoded(path, place := Place(path.name))
    if text is None:
        raise RefusedInput(f"{path.name}: {about.message if about else 'not a text'}")
    delimiter = "\t" if "\t" in "".join(text.split("\n", HEADER_ROWS)[:HEADER_ROWS]) else ","
    try:
        lines = list(islice(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), ROW_LIMIT + 1))
    except csv.Error as error:
        raise RefusedInput(f"{path.name} is not CSV: {error}") from error
    first = lines[:HEADER_ROWS]
    header = _list_header(first)
    if header is not None:
        raw = _list(lines, header, place, base)
    elif find_grid(matrix_of_lines(first)) is not None:
        raw = _grids([Sheet(place, matrix_of_lines(lines))], path, base, year)
    else:
        return None
    return raw._replace(findings=(*(() if about is None else (about,)), *raw.findings))


def _kinds(book: Any) -> Iterator[tuple[str, tuple[int, list[str]] | None]]:
    """Sheets in another form: their names, and the header where it is a dated list."""
    ours = {sheet_of(table, book.sheetnames) for table in TABLES.values()}
    for sheet in book.worksheets:
        if sheet.title in ours:
            continue
        sheet.reset_dimensions()
        first = list(sheet.iter_rows(max_row=HEADER_ROWS, max_col=COLUMN_LIMIT, values_only=True))
        header = _list_header(first)
        if header is not None or find_grid(matrix_of_lines(first)) is not None:
            yield sheet.title, header


def _unpacked(path: Path) -> int:
    with zipfile.ZipFile(path) as archive:
        return sum(entry.file_size for entry in archive.infolist())


def _merged_lines(path: Path, name: str) -> Lines | None:
    """The lines of a sheet in which cells are merged downwards: a day's date beside all its visits; else None."""
    if _unpacked(path) > GRID_LIMIT:
        return None
    with closing(load_workbook(path, data_only=True, keep_links=False)) as book:
        ranges = [area for area in book[name].merged_cells.ranges if area.max_row > area.min_row]
        lines = [list(line) for line in book[name].iter_rows(max_col=COLUMN_LIMIT, values_only=True)] if ranges else []
    for area in ranges:
        for line in lines[area.min_row : area.max_row]:
            line[area.min_col - 1] = lines[area.min_row - 1][area.min_col - 1]
    return lines or None


def _grid_sheets(path: Path, names: Sequence[str]) -> list[Sheet]:
    size = _unpacked(path)
    if size > GRID_LIMIT:
        hint = Hint("请把每周排班表单独存成一个文件。", "Save the grid as a workbook of its own.")
        raise RefusedInput(f"{path.name} unpacks to {size} bytes; a grid has at most {GRID_LIMIT >> 20} MiB", hint=hint)
    with closing(load_workbook(path, data_only=True, keep_links=False)) as book:
        matrices: list[tuple[str, Matrix]] = [(name, matrix_of_sheet(book[name])) for name in names]
    return [Sheet(Place(path.name, name), matrix) for name, matrix in matrices]


def rules_of_workbook(path: Path, base: RawTables, year: int | None) -> RawTable | None:
    """The rules of a workbook in another form; None where it has none. All its grids count, or its first list.

    Raises:
        RefusedInput: the file is not a workbook, or not one that may be opened.
    """
    check_workbook_file(path)
    try:
        with closing(load_workbook(path, read_only=True, data_only=True, keep_links=False)) as book:
            kinds = list(_kinds(book))
            name, header = next(((name, header) for name, header in kinds if header is not None), ("", None))
            grids = [name for name, header in kinds if header is None]
            if header is not None and not grids:
                sheet = book[name]
                sheet.reset_dimensions()
                lines = _merged_lines(path, name) or sheet.iter_rows(
                    max_row=ROW_LIMIT + 1, max_col=COLUMN_LIMIT, values_only=True
                )
                return _list(lines, header, Place(path.name, name), base)
        return _grids(_grid_sheets(path, grids), path, base, year) if grids else None
    except ClinicError:
        raise
    except Exception as error:  # openpyxl raises anything at all on a damaged workbook
        raise RefusedInput(f"{path.name} is not a readable .xlsx workbook: {error!r:.200}") from error
