"""T03, T04, H01, H02, H03: the point is open, and the day is a working day."""

from collections.abc import Iterator
from typing import Final

from schedules.findings import Finding, finding
from schedules.places import Place
from schedules.rules.calendar import Calendar, Gathering
from schedules.tables import HOLIDAY, TABLES

_WEEKDAYS: Final = ("周一", "周二", "周三", "周四", "周五", "周六", "周日")


def point_is_open(calendar: Calendar) -> Iterator[Finding]:
    """T03 outside the hours of the point, T04 on a weekday it is closed."""
    found = Gathering()
    for visit in calendar.visits:
        point, place = calendar.plan.points[visit.point_id], calendar.place(visit)
        late = point.open_to is not None and visit.end > point.open_to
        if late or (point.open_from is not None and visit.start < point.open_from):
            hours = "-".join("?" if hour is None else f"{hour:%H:%M}" for hour in (point.open_from, point.open_to))
            when = f"{visit.start:%H:%M}-{visit.end:%H:%M}"
            zh, en = (
                f"{when} 在 {point.point_id} 开放时间 {hours} 之外",
                f"{when} is outside {hours} of {point.point_id}",
            )
            field = "end" if late else "start"
            found.add("T03", calendar.origin(visit, field).at(field), visit.date, zh, en, value=when)
        if visit.date.weekday() in point.closed_weekdays:
            zh = f"{visit.date} 是{_WEEKDAYS[visit.date.weekday()]}，{point.point_id} 不开放"
            en = f"{point.point_id} is closed on {visit.date:%A}s, visit on {visit.date}"
            found.add("T04", place, visit.date, zh, en, value=visit.date)
    yield from found.findings()


def working_day(calendar: Calendar) -> Iterator[Finding]:
    """H01 public holiday, H02 a weekend day that is no make-up workday, H03 a year whose holidays nobody imported."""
    holidays = calendar.plan.holidays
    known = {day.year for day in holidays}
    for year in sorted({visit.date.year for visit in calendar.visits} - known):
        place = Place(*_holiday_place(calendar))
        zh = f"没有 {year} 年的节假日，无法检查；请补上国务院办公厅的放假安排"
        en = f"no holidays of {year}: nothing can be checked against them; add the State Council's notice of the year"
        yield finding("H03", place, zh, en, value=year, cause=calendar.missing.unread.get("holidays"))
    found = Gathering()
    for visit in calendar.visits:
        holiday, place, day = holidays.get(visit.date), calendar.place(visit), visit.date
        if holiday is not None and holiday.kind == HOLIDAY:
            zh = f"{visit.point_id} 排在 {day} {holiday.name}，请改期或取消"
            en = f"{visit.point_id} is visited on {day} {holiday.name}; move or cancel it"
            cause = calendar.missing.change_of(visit)
            found.add("H01", place, day, zh, en, value=day, key=str(cause or ""), cause=cause)
        elif day.weekday() >= 5 and holiday is None and day.year in known:
            zh, en = f"{day} 是周末，不是调休上班日", f"{day} is a weekend day and no make-up workday"
            found.add("H02", place, day, zh, en, value=day)
    yield from found.findings()


def _holiday_place(calendar: Calendar) -> tuple[str, str]:
    """The table of holidays: a file beside that of the rules, or a sheet beside theirs."""
    rule = next(iter(calendar.plan.rules.values()))
    table = TABLES["holidays"]
    return (rule.place.file, table.sheet) if rule.place.sheet else (f"{table.name}.csv", "")
