"""A plan as the workbook that its import reads: the coordinator's own file with what was changed since."""

import io

from openpyxl import Workbook

from schedules.model import Plan
from schedules.planning.csv_rows import cell_text
from schedules.tables import TABLES, Form

_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


def _cell(form: Form, value: object) -> str:
    if form is Form.WEEKDAYS and isinstance(value, tuple):
        return ";".join(_WEEKDAYS[day] for day in value)
    return cell_text(value)


def plan_workbook(plan: Plan) -> bytes:
    """The nine sheets with every row of the plan; all cells are text, which the import reads as well."""
    book = Workbook(write_only=True)
    for name, table in TABLES.items():
        sheet = book.create_sheet(table.sheet)
        sheet.freeze_panes = "A2"
        sheet.append([column.name for column in table.columns])
        rows = plan.travel if name == "travel_minutes" else getattr(plan, name)
        for row in rows.values():
            sheet.append([_cell(column.form, getattr(row, column.name)) or None for column in table.columns])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()
