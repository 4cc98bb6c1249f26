"""A folder of CSV files: UTF-8 with or without byte order mark, GB 18030 (of which GBK is a part); comma or tab."""

import codecs
import csv
import io
from pathlib import Path
from typing import Final

from schedules.findings import Finding, finding
from schedules.load.header import TITLE_ROWS, named_rows
from schedules.load.rows import RawTable, RawTables
from schedules.places import Place
from schedules.tables import TABLES, Table

SUFFIXES: Final = (".csv", ".tsv", ".txt")

FILE_LIMIT: Final = 32 << 20
"""Bytes of one file; the largest table of a province's year is under 10 MiB."""


def _decode(raw: bytes, place: Place) -> tuple[str | None, Finding | None]:
    is_utf_16 = raw[:2] in {codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE}  # what Excel calls Unicode text
    try:
        return raw.decode("utf-16" if is_utf_16 else "utf-8-sig"), None
    except UnicodeDecodeError:
        pass
    try:
        text = raw.decode("gb18030")
    except UnicodeDecodeError:
        return None, finding(
            "F05", place, "既不是 UTF-8 也不是 GBK，请另存为 CSV UTF-8", "neither UTF-8 nor GBK; save it as CSV UTF-8"
        )
    return text, finding(
        "F02",
        place,
        "文件是 GBK 编码，已按 GBK 读取；姓名有生僻字时请用 CSV UTF-8",
        "in GBK, read as such; CSV UTF-8 is safer for rare characters in names",
    )


def decoded(path: Path, place: Place) -> tuple[str | None, Finding | None]:
    """The text of a file, and what is to be said of its size or encoding; no text where it cannot be read."""
    if path.stat().st_size > FILE_LIMIT:
        zh, en = f"大于 {FILE_LIMIT >> 20} MiB，没有读取", f"larger than {FILE_LIMIT >> 20} MiB; not read"
        return None, finding("F05", place, zh, en)
    return _decode(path.read_bytes(), place)


def read_csv_table(table: Table, path: Path) -> RawTable:
    """One CSV file as a table, with its findings."""
    place = Place(path.name)
    text, about_encoding = decoded(path, place)
    found = () if about_encoding is None else (about_encoding,)
    if text is None:
        return RawTable(place, None, found)
    above = "".join(text.split("\n", TITLE_ROWS)[:TITLE_ROWS])
    lines = csv.reader(io.StringIO(text, newline=""), delimiter="\t" if above.count("\t") > above.count(",") else ",")
    try:
        raw = named_rows(table, place, lines)
    except csv.Error as error:
        zh, en = f"第 {lines.line_num} 行不是 CSV 格式", f"line {lines.line_num} is not CSV: {error}"
        return RawTable(place, None, (*found, finding("F05", place, zh, en)))
    return raw._replace(findings=(*found, *raw.findings))


def read_folder(folder: Path) -> RawTables:
    """Every table of a folder; a missing required one is a finding."""
    tables: RawTables = {}
    there = {path.name.strip().lower(): path for path in sorted(folder.iterdir(), reverse=True) if path.is_file()}
    for table in TABLES.values():
        names = [stem + suffix for stem in (table.name, table.sheet) for suffix in SUFFIXES]
        path = next((there[name] for name in names if name in there), None)
        place = Place(table.name + ".csv")
        if path is not None:
            tables[table.name] = read_csv_table(table, path)
        elif table.is_required:
            zh, en = f"文件夹里没有 {place.file}", f"{place.file} is not in the folder"
            tables[table.name] = RawTable(place, None, (finding("F01", place, zh, en),))
        else:
            tables[table.name] = RawTable(place, ())
    return tables
