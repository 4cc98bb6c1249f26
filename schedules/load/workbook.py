"""A workbook with a sheet for each table, read by openpyxl row by row."""

import unicodedata
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from openpyxl import load_workbook
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from clinic_records.errors import ClinicError, RefusedInput
from schedules.findings import finding
from schedules.load.header import named_rows
from schedules.load.rows import COLUMN_LIMIT, ROW_LIMIT, Formula, Number1904, RawTable, RawTables
from schedules.load.zip_limits import check_workbook_file
from schedules.places import Place
from schedules.tables import TABLES, Table


def _lines(sheet: Any) -> Iterator[tuple[object, ...]]:
    sheet.reset_dimensions()  # the stated size of a sheet is often wrong
    for line in sheet.iter_rows(max_row=ROW_LIMIT + 1, values_only=True):  # each as wide as it is, never padded
        yield line[:COLUMN_LIMIT]


def _lines_with_formulas(values: Any, formulas: Any) -> Iterator[tuple[object, ...]]:
    """Stored results, and a Formula where there is none."""
    for results, texts in zip(_lines(values), _lines(formulas), strict=True):
        yield tuple(
            Formula(text) if result is None and isinstance(text, str) and text.startswith("=") else result
            for result, text in zip(results, texts, strict=True)
        )


def sheet_of(table: Table, titles: Iterable[str]) -> str | None:
    """The title of a table's sheet: its Chinese or its English name, in whatever width and case."""
    plain = {unicodedata.normalize("NFKC", title).strip().lower(): title for title in titles}
    return plain.get(table.sheet) or plain.get(table.name)


def _table(table: Table, path: Path, values: Any, formulas: Any) -> RawTable:
    place = Place(path.name, table.sheet)
    title = sheet_of(table, values.sheetnames)
    if title is None:
        if not table.is_required:
            return RawTable(place, ())
        zh, en = f"工作簿里没有工作表“{table.sheet}”", f'sheet "{table.sheet}" is not in the workbook'
        return RawTable(place, None, (finding("F01", place, zh, en),))
    sheet = values[title]
    lines = _lines(sheet) if formulas is None else _lines_with_formulas(sheet, formulas[title])
    if values.epoch == CALENDAR_MAC_1904:
        lines = (tuple(Number1904(cell) if type(cell) is int else cell for cell in line) for line in lines)
    return named_rows(table, Place(path.name, title), lines)


def read_workbook(path: Path) -> RawTables:
    """Every table of a workbook; a missing required sheet is a finding.

    Raises:
        RefusedInput: the file is not a workbook, or not one that may be opened.
    """
    has_formulas = check_workbook_file(path)
    books: list[Any] = []
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # openpyxl warns of styles and validations, which are not read
            books.append(load_workbook(path, read_only=True, data_only=True, keep_links=False))
            if has_formulas:
                books.append(load_workbook(path, read_only=True, keep_links=False))
            return {
                name: _table(table, path, books[0], books[1] if has_formulas else None)
                for name, table in TABLES.items()
            }
    except ClinicError:
        raise
    except Exception as error:  # openpyxl raises anything at all on a damaged workbook
        raise RefusedInput(f"{path.name} is not a readable .xlsx workbook: {error!r:.200}") from error
    finally:
        for book in books:
            book.close()
