"""The example county laid out for exports, as it is and with cells changed."""

from datetime import date, datetime
from pathlib import Path

from clinic_records.clock import CHINA
from schedules.draft import check_files
from schedules.exports.entries import Entries, entries
from schedules.exports.request import Request
from schedules.exports.subjects import Subject
from tests.unit.schedules.schedule_county import EXAMPLE

STAMP = datetime(2026, 10, 20, 9, 30, tzinfo=CHINA)
SITE = "hospital.example"


def laid_out(path: Path = EXAMPLE, first: date = date(2026, 11, 1), last: date = date(2026, 11, 30)) -> Entries:
    """The entries of a plan between two days."""
    checked = check_files(path, (first, last), first).checked
    return entries(checked.plan, checked.visits, first, last)


def asked(of: Entries, subject: Subject | None = None, told: list[str] | None = None) -> Request:
    """A request whose lines go to `told`."""
    return Request(of, subject, SITE, "示例流动医院", STAMP, ([] if told is None else told).append)
