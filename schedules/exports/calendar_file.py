"""iCalendar files (RFC 5545, published as RFC 5546 section 3.2.1 says): one event a visit, without recurrence.

Flat events are what every reader of calendars agrees on; rules with overrides are not. A visit keeps its UID through
every move; a moved or cancelled one has a higher SEQUENCE, so that a calendar that holds it takes the change.
"""

from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event, Timezone, TimezoneStandard

from clinic_records.schedule import VisitStatus
from schedules.exports.entries import Entries, Entry
from schedules.exports.request import Files, Request
from schedules.exports.subjects import Subject, subjects
from schedules.exports.words import crew_names, day_text, place_words, plain, services
from schedules.model import Action

ZONE: Final = ZoneInfo("Asia/Shanghai")
PRODUCT: Final = "-//mobile-clinic//schedule//ZH"
_END: Final = b"END:VCALENDAR\r\n"

_SINCE: Final = datetime(1991, 9, 15)  # noqa: DTZ001 - RFC 5545 3.6.5: local time; China's last change of clocks
_OFFSET: Final = timedelta(hours=8)

_CHANGED: Final = {
    VisitStatus.PLANNED: "",
    VisitStatus.MOVED: "改期 moved",
    VisitStatus.SUBSTITUTED: "替换 substituted",
}


def _timezone() -> Timezone:
    zone, standard = Timezone(), TimezoneStandard()
    zone.add("tzid", ZONE.key)
    standard.add("dtstart", _SINCE)
    standard.add("tzoffsetfrom", _OFFSET)
    standard.add("tzoffsetto", _OFFSET)
    standard.add("tzname", "CST")
    zone.add_component(standard)
    return zone


def _change_words(entry: Entry) -> str:
    if entry.change is None:
        return ""
    change = entry.change
    what = _CHANGED[entry.visit.status]
    if entry.is_gone:
        moved = change.action is Action.MOVE and change.new_date is not None
        what = f"改到 {day_text(change.new_date)}" if moved and change.new_date else "取消 cancelled"
        if change.action is Action.SUBSTITUTE:
            what = "改由他人 handed over"
    return plain(f"{what} {change.reason}")


def _event(entries: Entries, entry: Entry, site: str, stamp: datetime) -> Event:
    visit, plan = entry.visit, entries.plan
    point = plan.points[visit.point_id]
    event = Event()
    event.add("uid", f"{visit.visit_id}@{site}")
    event.add("dtstamp", stamp)
    event.add("sequence", 0 if entry.change is None else 1)
    event.add("status", "CANCELLED" if entry.is_gone else "CONFIRMED")
    event.add("dtstart", datetime.combine(visit.date, visit.start, ZONE))
    event.add("dtend", datetime.combine(visit.date, visit.end, ZONE))
    event.add("summary", f"流动医院 {plain(visit.vehicle_id)} → {plain(visit.point_name)}")
    event.add("location", ", ".join(place_words(plan, visit)))
    if point.lon is not None and point.lat is not None:
        event.add("geo", (point.lat, point.lon))
    lines = {
        "人员": "、".join(crew_names(plan, visit)),
        "服务": services(plan, visit),
        "车牌": plain(plan.vehicles[visit.vehicle_id].plate),
        "变动": _change_words(entry),
    }
    event.add("description", "\n".join(f"{name}: {text}" for name, text in lines.items() if text))
    return event


def _head(name: str) -> Calendar:
    calendar = Calendar()
    calendar.add("version", "2.0")
    calendar.add("prodid", PRODUCT)
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", name)
    calendar.add("x-wr-timezone", ZONE.key)
    calendar.add_component(_timezone())
    return calendar


class CalendarFiles:
    """Calendars of one plan; an event that stands in several of them is written once.

    Args:
        entries: the plan on its days.
        site: the right side of each UID (RFC 5545 3.8.4.7): the hospital's domain, the same in every export.
        stamp: when the files are made.
    """

    def __init__(self, entries: Entries, site: str, stamp: datetime) -> None:
        self._entries = entries
        self._site = site
        self._stamp = stamp.astimezone(UTC)
        self._written: dict[tuple[str, bool], bytes] = {}

    def _event(self, entry: Entry) -> bytes:
        key = entry.visit.visit_id, entry.is_gone
        if key not in self._written:
            self._written[key] = bytes(_event(self._entries, entry, self._site, self._stamp).to_ical())
        return self._written[key]

    def file(self, subject: Subject | None) -> bytes:
        """The calendar of one subject; None: of all visits."""
        name = "流动医院 mobile clinic" if subject is None else plain(subject.name)
        mine = self._entries.of((lambda _: True) if subject is None else subject.belongs)
        head = bytes(_head(name).to_ical()).removesuffix(_END)
        return b"".join([head, *(self._event(entry) for entry in mine), _END])


def files(request: Request) -> Files:
    """A calendar for each vehicle, point and person; of one subject its own alone."""
    calendars = CalendarFiles(request.entries, request.site, request.stamp)
    whose = subjects(request.entries.plan) if request.subject is None else [request.subject]
    for subject in whose:
        yield f"{subject.kind}-{subject.id}-{request.label}.ics", calendars.file(subject)
