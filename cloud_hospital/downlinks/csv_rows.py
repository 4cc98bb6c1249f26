"""Tables people keep in spreadsheets: read whole, every mistake named by row and column before anything is taken."""

import csv
import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, TypeVar

from clinic_records.errors import ConfigError, Hint, RefusedInput

T = TypeVar("T")

Row = Mapping[str, str]

MOST: Final = 100_000
"""Rows of one table; a county's formulary has some thousands. Our choice."""
_SHOWN: Final = 20
"""Mistakes told at once."""


class Mistake(Exception):
    """What is wrong with one cell: its column, and what to write instead."""

    def __init__(self, column: str, zh: str, en: str) -> None:
        super().__init__(en)
        self.column = column
        self.zh = zh
        self.en = en


def read_table(path: Path, columns: tuple[str, ...], make: Callable[[Row], T], *, key: str) -> tuple[T, ...]:
    """The things of a CSV file (UTF-8, or GB 18030 as Chinese spreadsheet programs write it), in order of `key`.

    Args:
        path: the file; its first line names the columns.
        columns: those it must have.
        make: one thing of one row, cells stripped; raises Mistake.
        key: the column that must differ in every row.

    Raises:
        ConfigError: it cannot be read.
        RefusedInput: with every mistake (at most 20) as `row 3, column unit: ...`; rows count as in a spreadsheet.
    """
    rows = _rows(path, columns)
    made: dict[str, T] = {}
    zh: list[str] = []
    en: list[str] = []
    for number, row in rows:
        try:
            made[_new_key(row[key], made, key)] = make(row)
        except Mistake as error:
            zh.append(f"第{number}行 {error.column} 列: {error.zh}")
            en.append(f"row {number}, column {error.column}: {error.en}")
    if en:
        raise RefusedInput(
            f"{path}: {len(en)} mistakes: {'; '.join(en[:_SHOWN])}",
            hint=Hint("改好再装: " + "; ".join(zh[:_SHOWN]), "Correct these rows, then load it again."),
        )
    if not made:
        raise RefusedInput(f"{path}: no rows", hint=Hint("表里没有内容。", "The table is empty."))
    return tuple(made[each] for each in sorted(made))


def _new_key(value: str, made: Mapping[str, object], column: str) -> str:
    if not value:
        raise Mistake(column, "不能空", "must not be empty")
    if value in made:
        raise Mistake(column, f"{value} 出现了两次", f"{value} stands there twice")
    return value


def _rows(path: Path, columns: tuple[str, ...]) -> list[tuple[int, Row]]:
    reader = csv.DictReader(io.StringIO(_text(path), newline=""))
    try:
        missing = [name for name in columns if name not in (reader.fieldnames or ())]
        if missing:
            raise RefusedInput(
                f"{path}: row 1: no column {', '.join(missing)}",
                hint=Hint(f"第一行要有这些列: {', '.join(columns)}", f"Row 1 names the columns: {', '.join(columns)}"),
            )
        rows: list[tuple[int, Row]] = []
        for row in reader:
            cells = {name: (row[name] or "").strip() for name in columns}
            if any(cells.values()):
                rows.append((reader.line_num, cells))
            if len(rows) > MOST:
                raise RefusedInput(f"{path}: more than {MOST} rows")
    except csv.Error as error:
        raise RefusedInput(f"{path}: row {reader.line_num}: {error}") from None
    return rows


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise RefusedInput(f"{path}: neither UTF-8 nor GB 18030 text; save it as CSV UTF-8")
