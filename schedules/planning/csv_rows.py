"""Rows of a plan as CSV with the columns its import reads."""

import csv
import io
from collections.abc import Iterable
from datetime import date, time
from enum import Enum

import msgspec

from schedules.tables import TABLES


def cell_text(value: object) -> str:
    """A value as its cell holds it; empty where there is none."""
    if value is None:
        return ""
    if isinstance(value, time):
        return f"{value:%H:%M}"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Enum):
        return str(value.value)
    return ";".join(str(one) for one in value) if isinstance(value, tuple) else str(value)


def as_csv(table: str, rows: Iterable[msgspec.Struct]) -> str:
    """A table's text, the header first."""
    columns = [column.name for column in TABLES[table].columns]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([cell_text(getattr(row, name)) for name in columns] for row in rows)
    return out.getvalue()
