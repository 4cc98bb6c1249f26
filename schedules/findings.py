"""What is wrong in the coordinator's files, said so that the cell can be found and put right.

Codes are those of `schedules/codes.py`. The consequences of one broken row stand under it (`cause`), once per
kind, so that one bad rule does not print its 25 exceptions.
"""

from enum import StrEnum

import msgspec

from schedules.codes import SEVERITY
from schedules.places import Place


class Severity(StrEnum):
    """`error` stops publication."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Finding(msgspec.Struct, frozen=True):
    """One thing found.

    Attributes:
        row: as the spreadsheet counts; 0 for the whole file or sheet.
        value: the text of the cell, as read.
        message: what is wrong and what to write instead, in English; `message_zh` the same in Chinese.
        cause: place of the row whose fault this is only a consequence of; empty for a fault of its own.
    """

    code: str
    severity: Severity
    file: str
    sheet: str
    row: int
    column: str
    value: str
    message: str
    message_zh: str
    cause: str = ""


VALUE_LIMIT = 80
"""Longest piece of a cell's text repeated in a finding."""


def finding(
    code: str,
    place: Place,
    zh: str,
    en: str,
    *,
    value: object = "",
    cause: Place | None = None,
    severity: Severity | None = None,
) -> Finding:
    """A finding; `severity` is that of the code's table unless the rule knows it better."""
    return Finding(
        code=code,
        severity=severity or Severity(SEVERITY[code]),
        file=place.file,
        sheet=place.sheet,
        row=place.row,
        column=place.column,
        value=str(value)[:VALUE_LIMIT],
        message=en,
        message_zh=zh,
        cause="" if cause is None else str(cause),
    )


def has_errors(findings: list[Finding] | tuple[Finding, ...]) -> bool:
    """Whether anything forbids publication."""
    return any(one.severity is Severity.ERROR for one in findings)
