"""The month of a vehicle for the wall of the office: A3 across, a box a day, Monday first."""

from calendar import Calendar
from datetime import date, datetime
from typing import Final

from schedules.exports.entries import Entries, Entry
from schedules.exports.page import BLACK, GREY, RED, Pages, line_height
from schedules.exports.printed import Printed, months
from schedules.exports.subjects import Kind, Subject
from schedules.exports.words import WEEKDAYS, day_text, holiday_name, plain
from schedules.model import Holiday
from schedules.tables import HOLIDAY

WIDTH: Final = 420.0
HEIGHT: Final = 297.0
MARGIN: Final = 12.0
HEAD: Final = 34.0
FOOT: Final = 9.0
WEEKDAY_BAR: Final = 10.0
LARGEST: Final = 13.0
LEAST: Final = 6.0
"""Sizes of type of a stop, in points."""
PAD: Final = 1.5


def _stops(entries: list[Entry]) -> list[tuple[str, bool]]:
    """The lines of a day, and whether each tells a change."""
    lines: list[tuple[str, bool]] = []
    for visit, change, is_gone in entries:
        text = f"{visit.start:%H:%M}-{visit.end:%H:%M} {plain(visit.point_name)}"
        moved = change is not None and change.original_date != visit.date
        if is_gone:
            text = f"取消 {text}"
        elif change is not None:
            text += f"（原{day_text(change.original_date)}）" if moved else "（有替换）"
        lines.append((text, change is not None))
    return lines


def _fit(
    pages: Pages, lines: list[tuple[str, bool]], width: float, height: float
) -> tuple[float, list[tuple[str, bool]]]:
    """The largest size at which all lines, wrapped, fit the box; at the least one what fits of them."""
    size = LARGEST
    while True:
        wrapped = [(part, is_change) for text, is_change in lines for part in pages.wrapped(text, size, width)]
        room = int(height // line_height(size))
        if len(wrapped) <= room:
            return size, wrapped
        if size <= LEAST:
            return size, [*wrapped[: max(room - 1, 0)], (f"… 共 {len(lines)} 站", True)]
        size -= 0.5


def _day(pages: Pages, x: float, y: float, width: float, height: float, day: date, holiday: Holiday | None) -> None:
    is_off = holiday is not None and holiday.kind == HOLIDAY
    is_rest = is_off or (holiday is None and day.weekday() >= 5)
    pages.box(x, y, width, height, fill=240 if is_rest else None)
    pages.line(x + PAD, y + 0.5, 14, str(day.day), 18, colour=RED if is_rest else BLACK)
    if holiday is not None:
        words = f"{'休' if is_off else '班'} {holiday_name(holiday.name)}"
        pages.line(x + 14, y + 2, width - 14 - PAD, words, 9, align="R", colour=RED if is_off else GREY)


def _month(pages: Pages, entries: Entries, vehicle: Subject, first: date, made_on: date, hospital: str) -> None:
    listed: dict[date, list[Entry]] = {}
    for entry in entries.of(vehicle.belongs):
        listed.setdefault(entry.visit.date, []).append(entry)
    pages.add()
    inner = WIDTH - 2 * MARGIN
    title = f"{first.year}年{first.month}月　{plain(hospital)}　{plain(vehicle.name)}"
    pages.line(MARGIN, 10, inner, title, pages.size_for([title], inner, 40, 20), align="C")
    weeks = Calendar().monthdatescalendar(first.year, first.month)
    width = inner / 7
    for number, name in enumerate(WEEKDAYS):
        pages.box(MARGIN + number * width, HEAD, width, WEEKDAY_BAR, fill=225)
        pages.line(MARGIN + number * width, HEAD + 1, width, name, 16, align="C")
    top = HEAD + WEEKDAY_BAR
    height = (HEIGHT - top - MARGIN - FOOT) / len(weeks)
    for row, week in enumerate(weeks):
        for column, day in enumerate(week):
            x, y = MARGIN + column * width, top + row * height
            if day.month != first.month:
                pages.box(x, y, width, height)
                continue
            _day(pages, x, y, width, height, day, entries.plan.holidays.get(day))
            size, lines = _fit(pages, _stops(listed.get(day, [])), width - 2 * PAD, height - 10)
            below = y + 9
            for text, is_change in lines:
                below = pages.line(x + PAD, below, width - 2 * PAD, text, size, colour=RED if is_change else BLACK)
    foot = f"{made_on:%Y-%m-%d} 制表；红字为改期、替换或取消。"
    pages.line(MARGIN, HEIGHT - MARGIN - 6, inner, foot, 10, colour=GREY)


def wall_calendars(entries: Entries, vehicles: tuple[Subject, ...], stamp: datetime, hospital: str) -> Printed:
    """A page for each vehicle and month.

    Args:
        entries: the plan on its days.
        vehicles: whose; subjects of another kind have no page.
        stamp: when it is made, at +08:00.
        hospital: the name in the title.

    Raises:
        ConfigError: no font for Chinese is installed.
    """
    pages = Pages("landscape", "A3", stamp)
    for vehicle in vehicles:
        if vehicle.kind is Kind.VEHICLE:
            for first in months(entries.first, entries.last):
                _month(pages, entries, vehicle, first, stamp.date(), hospital)
    return Printed(pages.file(), frozenset(pages.printable.lacking))
