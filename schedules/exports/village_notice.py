"""The notice a village hangs out: A4 upright, one clinic point and month, readable from three metres."""

from datetime import date, datetime
from typing import Final, NamedTuple

from schedules.exports.entries import Entries, Entry
from schedules.exports.page import BLACK, GREY, RED, Pages, line_height
from schedules.exports.printed import Printed, months
from schedules.exports.subjects import Kind, Subject
from schedules.exports.words import crew_names, day_text, plain

WIDTH: Final = 210.0
HEIGHT: Final = 297.0
MARGIN: Final = 15.0
INNER: Final = WIDTH - 2 * MARGIN
DATES_END: Final = 190.0
WORDS_END: Final = 268.0
"""Where the list of dates and the words under it must end, mm from the upper edge."""
LARGEST: Final = 42.0
LEAST: Final = 12.0
"""Sizes of type of a date, in points."""
NOTE: Final = 0.55
"""Size of the note under a moved date, of the date's own."""
WORDS_LARGEST: Final = 28.0
WORDS_LEAST: Final = 9.0


class _Date(NamedTuple):
    """A line of the list, its day to the left and its hours to the right, and the smaller one under it."""

    day: str
    hours: str
    note: str = ""
    is_change: bool = False


def _dates(listed: list[Entry]) -> list[_Date]:
    lines: list[_Date] = []
    for visit, change, is_gone in listed:
        day = day_text(visit.date)
        if is_gone:
            lines.append(_Date(day, "不来", is_change=True))
            continue
        moved = change is not None and change.original_date != visit.date
        note = f"（原定{day_text(change.original_date)}，改到这一天）" if moved and change else ""
        lines.append(_Date(day, f"{visit.start:%H:%M}－{visit.end:%H:%M}", note, moved))
    return lines or [_Date("本月没有安排", "")]


def _list(pages: Pages, y: float, dates: list[_Date]) -> float:
    """The framed list of dates; returns its lower edge."""
    lines = sum(1 + NOTE * bool(one.note) for one in dates)
    texts = [f"{one.day}　{one.hours}" for one in dates]
    size = pages.size_for(texts, INNER, LARGEST, LEAST)
    size = max(LEAST, min(size, size * (DATES_END - y - 4) / (line_height(size) * lines)))
    pages.box(MARGIN - 3, y, INNER + 6, line_height(size) * lines + 4)
    y += 2
    width = min(INNER, max(pages.width(text, size) for text in texts) + 1)
    left = MARGIN + (INNER - width) / 2
    for one in dates:
        colour = RED if one.is_change else BLACK
        pages.line(left, y, width, one.hours, size, align="R", colour=colour)
        y = pages.line(left, y, width, one.day, size, colour=colour)
        if one.note:
            y = pages.line(MARGIN, y, INNER, one.note, size * NOTE, align="C", colour=colour)
    return y + 2


def _words(pages: Pages, y: float, texts: list[str]) -> None:
    """Paragraphs in the largest type at which all of them fit above the foot."""
    size = WORDS_LARGEST
    while size > WORDS_LEAST:
        lines = sum(len(pages.wrapped(text, size, INNER)) for text in texts)
        if y + lines * line_height(size) <= WORDS_END:
            break
        size -= 1
    for text in texts:
        for line in pages.wrapped(text, size, INNER):
            if y + line_height(size) <= WORDS_END:
                y = pages.line(MARGIN, y, INNER, line, size)


def _notice(pages: Pages, entries: Entries, point_id: str, listed: list[Entry], first: date, hospital: str) -> None:
    plan = entries.plan
    point = plan.points[point_id]
    village = plan.villages.get(point.village_code)
    pages.add()
    y = pages.line(MARGIN, 12, INNER, "流动医院巡诊通知", 46, align="C", colour=RED)
    where = plain(f"{point.township}　{point.village_name or (village.village_name if village else '')}").strip("　")
    y = pages.line(MARGIN, y + 1, INNER, where, pages.size_for([where], INNER, 26, 14), align="C")
    name = plain(point.point_name)
    y = pages.line(MARGIN, y, INNER, name, pages.size_for([name], INNER, 36, 14), align="C")
    y = pages.line(MARGIN, y, INNER, f"{first.year}年{first.month}月", 30, align="C")
    y = _list(pages, y + 2, _dates(listed))
    present = [entry.visit for entry in listed if not entry.is_gone]
    services = dict.fromkeys(plain(word) for visit in present for word in plan.rules[visit.rule_id].services)
    crew = dict.fromkeys(person for visit in present for person in crew_names(plan, visit))
    words = {
        "服务": "、".join(services),
        "人员": "、".join(crew),
        "请带": "身份证、医保卡、正在吃的药",
        "联系": " ".join(word for word in (plain(point.contact_name), plain(point.contact_phone)) if word),
    }
    _words(pages, y + 4, [f"{head}：{text}" for head, text in words.items() if text])
    pages.line(MARGIN, HEIGHT - 28, INNER, "因天气、道路等原因不能来时另行通知。", 18)
    pages.line(MARGIN, HEIGHT - 18, INNER, plain(hospital), 14, align="R", colour=GREY)


def village_notices(entries: Entries, points: tuple[Subject, ...], stamp: datetime, hospital: str) -> Printed:
    """A page for each point and month.

    Args:
        entries: the plan on its days.
        points: which; subjects of another kind have no page.
        stamp: when it is made, at +08:00.
        hospital: the name under the notice.

    Raises:
        ConfigError: no font for Chinese is installed.
    """
    pages = Pages("portrait", "A4", stamp)
    for point in points:
        if point.kind is Kind.POINT:
            listed = entries.of(point.belongs)
            for first in months(entries.first, entries.last):
                month = [
                    one for one in listed if (one.visit.date.year, one.visit.date.month) == (first.year, first.month)
                ]
                _notice(pages, entries, point.id, month, first, hospital)
    return Printed(pages.file(), frozenset(pages.printable.lacking))
