"""Text messages to each point's contact: one a point and month, as a table for the sender's own program."""

import csv
import io
import re
from collections import defaultdict
from datetime import date
from typing import Final, NamedTuple

from clinic_records.schedule import VisitStatus
from schedules.exports.entries import Entries, Entry
from schedules.exports.request import Files, Request
from schedules.exports.words import WEEKDAYS, day_text, plain

HEADER: Final = ("phone", "name", "point_id", "month", "text", "parts")

SINGLE: Final = 70
"""Characters of one message in UCS-2 (3GPP TS 23.038 section 6.2.3: 140 octets)."""
JOINED: Final = 67
"""Characters of each part of a longer one (3GPP TS 23.040 section 9.2.3.24.1: 6 octets go to the header)."""

_PHONE: Final = re.compile(r"\+\d+")


class TextMessage(NamedTuple):
    """One message; `phone` is empty where the table names none."""

    phone: str
    name: str
    point_id: str
    month: str
    text: str

    @property
    def parts(self) -> int:
        """How many messages the network charges."""
        units = len(self.text.encode("utf-16-be")) // 2
        return 1 if units <= SINGLE else -(-units // JOINED)


def _days(days: list[date], moved: list[str]) -> str:
    """`11月2、9、16日（周一）` of days of one weekday in one month, short enough for one message; else each in full."""
    if len(days) > 1 and len({(day.month, day.weekday()) for day in days}) == 1:
        numbers = "、".join(str(day.day) for day in days)
        return "、".join([f"{days[0].month}月{numbers}日（{WEEKDAYS[days[0].weekday()]}）", *moved])
    return "、".join([*(day_text(day) for day in days), *moved])


def _text(name: str, hospital: str, month_entries: list[Entry]) -> str:
    by_hours: defaultdict[str, tuple[list[date], list[str]]] = defaultdict(lambda: ([], []))
    gone: list[str] = []
    for visit, change, is_gone in month_entries:
        if is_gone:
            gone.append(day_text(visit.date))
            continue
        is_moved = change is not None and visit.status is VisitStatus.MOVED
        regular, moved = by_hours[f"{visit.start:%H:%M}-{visit.end:%H:%M}"]
        if change is not None and is_moved:
            moved.append(f"{day_text(visit.date)}（由{day_text(change.original_date)}改期）")
        else:
            regular.append(visit.date)
    days = "；".join(f"{_days(*on)} {hours}" for hours, on in by_hours.items())
    sentences = [f"{days}巡诊。" if days else "", f"{'、'.join(gone)}不来。" if gone else ""]
    return f"【{hospital}】{name}：{''.join(sentences)}{'请带身份证、医保卡。' if days else ''}"


def text_messages(entries: Entries, hospital: str) -> tuple[TextMessage, ...]:
    """The messages, by point in the order of the plan and by month; each begins with the hospital's name."""
    made: list[TextMessage] = []
    for point in entries.plan.points.values():
        months: defaultdict[str, list[Entry]] = defaultdict(list)
        for entry in entries.of(lambda visit, id_=point.point_id: visit.point_id == id_):  # type: ignore[misc]
            months[f"{entry.visit.date:%Y-%m}"].append(entry)
        name = plain(point.point_name)
        made += (
            TextMessage(
                plain(point.contact_phone),
                plain(point.contact_name),
                point.point_id,
                month,
                _text(name, plain(hospital), listed),
            )
            for month, listed in months.items()
        )
    return tuple(made)


def _cell(text: str) -> str:
    """A text that a spreadsheet would run as a formula, made plain text."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) and not _PHONE.fullmatch(text) else text


def text_message_table(messages: tuple[TextMessage, ...]) -> bytes:
    """CSV in UTF-8 with byte order mark, which spreadsheets and gateways both read."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(HEADER)
    for one in messages:
        cells = (one.phone, one.name, one.point_id, one.month, one.text)
        writer.writerow([*(_cell(cell) for cell in cells), one.parts])
    return text.getvalue().encode("utf-8-sig")


def files(request: Request) -> Files:
    """One table."""
    yield f"sms{request.whose}-{request.label}.csv", text_message_table(text_messages(request.own, request.hospital))
