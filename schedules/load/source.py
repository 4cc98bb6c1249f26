"""Open what the coordinator gave: a workbook or a folder in our tables, or rules in another form beside them."""

from pathlib import Path

from clinic_records.errors import NotFound, RefusedInput
from schedules.load.csv_folder import SUFFIXES, read_folder
from schedules.load.foreign import RowPlace
from schedules.load.other_forms import rules_of_csv, rules_of_workbook
from schedules.load.rows import RawTable, RawTables
from schedules.load.workbook import read_workbook
from schedules.tables import TABLES

WORKBOOKS = (".xlsx", ".xlsm")


def _rules_of(path: Path, base: RawTables, year: int | None) -> RawTable | None:
    if path.suffix.lower() in WORKBOOKS:
        return rules_of_workbook(path, base, year)
    return rules_of_csv(path, base, year)


def _with_rules(tables: RawTables, rules: RawTable) -> RawTables:
    """The tables with these rules; a dated list has its exceptions in it already."""
    is_dated = any(isinstance(row.place, RowPlace) for row in rules.rows or ())
    own = {"exceptions": RawTable(tables["exceptions"].place, ())} if is_dated else {}
    return tables | {"rules": rules} | own


def _are_there(tables: RawTables) -> bool:
    return all(tables[name].rows is not None for name in ("points", "vehicles", "staff"))


def _beside(path: Path) -> RawTables:
    """The tables that lie in the same folder as CSV, else those of the first workbook there that holds them."""
    tables = read_folder(path.parent)
    for other in sorted(path.parent.iterdir()):
        if _are_there(tables):
            break
        if other.suffix.lower() in WORKBOOKS and other != path and not other.name.startswith(("~", ".")):
            try:
                found = read_workbook(other)
            except RefusedInput:
                continue
            tables = found if _are_there(found) else tables
    return tables


def _folder(folder: Path, year: int | None) -> RawTables:
    tables = read_folder(folder)
    if not any(one.code == "F01" for one in tables["rules"].findings):
        return tables
    ours = {name for table in TABLES.values() for name in (table.name, table.sheet)}
    for path in sorted(folder.iterdir(), key=lambda one: (one.suffix.lower() not in WORKBOOKS, one.name)):
        is_candidate = path.suffix.lower() in (*WORKBOOKS, *SUFFIXES) and not path.name.startswith(("~", "."))
        if is_candidate and path.stem not in ours:
            try:
                rules = _rules_of(path, tables, year)
            except RefusedInput:
                continue
            if rules is not None:
                return _with_rules(tables, rules)
    return tables


def read_tables(path: Path, year: int | None = None) -> RawTables:
    """All tables of a workbook (.xlsx, .xlsm) or of a folder of CSV files.

    Rules may also stand in a wall grid or a dated list: as a sheet of the workbook, as a file of the folder, or as a
    file of its own with the other tables beside it. `year` is the grid's where its title says none.

    Raises:
        NotFound: there is no such file.
        RefusedInput: it is none of these.
    """
    if path.is_dir():
        return _folder(path, year)
    if not path.is_file():
        raise NotFound(f"{path}: no such file or folder")
    if path.suffix.lower() in WORKBOOKS:
        tables = read_workbook(path)
        if tables["rules"].rows is not None or not any(one.code == "F01" for one in tables["rules"].findings):
            return tables
        base = tables if _are_there(tables) else _beside(path)
        rules = rules_of_workbook(path, base, year)
        return tables if rules is None else _with_rules(base, rules)
    if path.suffix.lower() in SUFFIXES:
        base = _beside(path)
        rules = rules_of_csv(path, base, year)
        if rules is not None:
            return _with_rules(base, rules)
    raise RefusedInput(f"{path.name}: give a workbook (.xlsx), a folder of CSV files, a wall grid or a dated list")
