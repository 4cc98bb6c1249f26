"""Open what the coordinator gave: a workbook or a folder."""

from pathlib import Path

from clinic_records.errors import NotFound, RefusedInput
from schedules.load.csv_folder import read_folder
from schedules.load.rows import RawTables
from schedules.load.workbook import read_workbook


def read_tables(path: Path) -> RawTables:
    """All tables of a workbook (.xlsx, .xlsm) or of a folder of CSV files.

    Raises:
        NotFound: there is no such file.
        RefusedInput: it is neither.
    """
    if path.is_dir():
        return read_folder(path)
    if not path.is_file():
        raise NotFound(f"{path}: no such file or folder")
    if path.suffix.lower() in {".xlsx", ".xlsm"}:
        return read_workbook(path)
    raise RefusedInput(f"{path.name}: give a workbook (.xlsx) or a folder of CSV files")
