"""An empty workbook to start from: every sheet with its headers, what each column wants, and its choices."""

from pathlib import Path
from typing import Final

from openpyxl import Workbook
from openpyxl.comments import Comment
from openpyxl.styles import Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation

from schedules.annotate import AUTHOR
from schedules.tables import ACTIONS, TABLES, Column, Form

_ROWS: Final = 1000
"""Rows prepared with formats and choices."""

_WANTED: Final = {
    Form.TEXT: ("文字", "text"),
    Form.ID: ("编号，文本格式", "an id, as text"),
    Form.IDS: ("编号，用 ; 隔开", "ids with ; between them"),
    Form.WORDS: ("词，用 ; 隔开", "words with ; between them"),
    Form.DATE: ("日期 2026-11-23", "a date, 2026-11-23"),
    Form.TIME: ("时间 08:30", "a time, 08:30"),
    Form.COUNT: ("整数", "a whole number"),
    Form.NUMBER: ("数字", "a number"),
    Form.WEEKDAYS: ("MO;TU;WE;TH;FR;SA;SU 或 周一;周二", "MO;TU;WE;TH;FR;SA;SU"),
    Form.ACTION: ("改期、取消、替换", "move, cancel, substitute"),
    Form.DAY_KIND: ("放假、补班", "holiday, makeup_workday"),
}
_FORMATS: Final = {Form.ID: "@", Form.IDS: "@", Form.TEXT: "@", Form.DATE: "yyyy-mm-dd", Form.TIME: "hh:mm"}
_PATTERNS: Final = "每周二 · 第1、3个周二 · 最后一个周五 · 5/12/19/26 · 农历逢1、6 · 2026-11-03、2026-11-17 · RRULE:…"


def _note(column: Column) -> str:
    zh, en = (_PATTERNS, "which days") if column.name == "pattern" else _WANTED[column.form]
    must_zh, must_en = ("必填", "required") if column.is_required else ("可不填", "optional")
    refers = f"\n见“{TABLES[column.refers].sheet}”" if column.refers else ""
    return f"{must_zh}：{zh}{refers}\n{must_en}: {en}"


def write_template(out: Path) -> None:
    """Write the workbook at `out`."""
    book = Workbook()
    book.remove(book.worksheets[0])
    for table in TABLES.values():
        sheet = book.create_sheet(table.sheet)
        sheet.freeze_panes = "A2"
        for place, column in enumerate(table.columns, start=1):
            letter = get_column_letter(place)
            head = sheet.cell(1, place, column.name)
            head.font = Font(bold=column.is_required)
            head.fill = PatternFill("solid", fgColor="FFDDEBF7")
            head.comment = Comment(_note(column), AUTHOR, height=120, width=320)
            sheet.column_dimensions[letter].width = max(12, len(column.name) + 3)
            cells = f"{letter}2:{letter}{_ROWS}"
            for row in range(2, _ROWS + 1) if column.form in _FORMATS else ():
                sheet.cell(row, place).number_format = _FORMATS[column.form]
            choices = None
            if column.form is Form.ACTION:
                choices = f'"{",".join(ACTIONS)}"'
            elif column.refers and column.form is Form.ID:
                choices = f"'{TABLES[column.refers].sheet}'!$A$2:$A${_ROWS}"
            if choices:
                choice = DataValidation(type="list", formula1=choices, allow_blank=not column.is_required)
                choice.add(cells)
                sheet.add_data_validation(choice)
    book.save(out)
