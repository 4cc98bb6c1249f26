"""A report's lines as a page: what a device wrote, as text, nothing of it styled by the device."""

import unicodedata
from typing import Final

from clinic_web.draw.svg import document, text

WIDTH_MM: Final = 210.0
_LINE_MM: Final = 5.0
_MARGIN_MM: Final = 8.0
_COLUMNS: Final = 104
"""Half-width characters of a line; a Chinese one counts as two."""
MAX_LINES: Final = 600
"""A longer report is cut with a word about it; all of it is in the raw file."""


def report_svg(report: str, title: str) -> str:
    """The report as SVG, 210 mm wide."""
    rows = [row for line in report.split("\n") for row in _folded(line)]
    if len(rows) > MAX_LINES:
        rows = [*rows[:MAX_LINES], "..."]
    parts = [
        text(_MARGIN_MM, _MARGIN_MM + _LINE_MM * (index + 1), row, size_mm=3.4, extra=' xml:space="preserve"')
        for index, row in enumerate(rows)
    ]
    return document(WIDTH_MM, 2 * _MARGIN_MM + _LINE_MM * (len(rows) + 1), title, parts)


def _folded(line: str) -> list[str]:
    """The line cut to the page's width, its later rows as deep as its first."""
    indent = " " * min(len(line) - len(line.lstrip(" ")), _COLUMNS // 2)
    rows, row, width = [], "", 0
    for char in "".join(char for char in line if char.isprintable()):
        wide = 2 if unicodedata.east_asian_width(char) in "WF" else 1
        if width + wide > _COLUMNS:
            rows.append(row)
            row, width = indent + "  ", len(indent) + 2
        row, width = row + char, width + wide
    return [*rows, row]
