"""What a coordinator asks an export for, and the formats there are."""

from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from importlib import import_module
from typing import Final, NamedTuple, cast

from clinic_records.errors import RefusedInput
from schedules.exports.entries import Entries
from schedules.exports.subjects import Subject


class Request(NamedTuple):
    """An export to be made.

    Attributes:
        entries: the plan on its days.
        subject: whose; None for the whole county.
        site: the hospital's domain, in UIDs of calendars and as address of the GTFS agency.
        hospital: its name, under notices and as GTFS agency.
        stamp: when it is made, at +08:00.
        tell: takes lines for the person who waits: progress, and signs no font has.
    """

    entries: Entries
    subject: Subject | None
    site: str
    hospital: str
    stamp: datetime
    tell: Callable[[str], None]

    @property
    def own(self) -> Entries:
        """The entries of the subject alone."""
        return self.entries if self.subject is None else self.entries.narrowed(self.subject.belongs)

    @property
    def label(self) -> str:
        """The days in a file name: `2026-03`, or the first and the last day."""
        first, last = self.entries.first, self.entries.last
        return f"{first:%Y-%m}" if (first, last) == _month_of(first) else f"{first}_{last}"

    @property
    def whose(self) -> str:
        """`-V01` in a file name that is one subject's."""
        return "" if self.subject is None else f"-{self.subject.id}"


def _month_of(day: date) -> tuple[date, date]:
    first = day.replace(day=1)
    following = first.replace(year=day.year + day.month // 12, month=day.month % 12 + 1)
    return first, date.fromordinal(following.toordinal() - 1)


Files = Iterator[tuple[str, bytes]]
"""File name, not yet made safe, and content."""

FORMATS: Final[Mapping[str, str]] = {
    "ics": "schedules.exports.calendar_file:files",
    "xlsx": "schedules.exports.workbook:files",
    "gtfs": "schedules.exports.gtfs:files",
    "sms": "schedules.exports.text_messages:files",
    "poster": "schedules.exports.poster:files",
}
"""Name -> what makes its files; imported only when asked for, for some bring heavy libraries."""


def files(format_: str, request: Request) -> Files:
    """The files of a format, one after the other.

    Raises:
        RefusedInput: there is no such format, or it cannot be made of this plan.
        ConfigError: something on this machine is missing for it.
    """
    if format_ not in FORMATS:
        raise RefusedInput(f'no format "{format_}"; there are {", ".join(FORMATS)}')
    module, _, name = FORMATS[format_].partition(":")
    make = cast(Callable[[Request], Files], getattr(import_module(module), name))
    return make(request)
