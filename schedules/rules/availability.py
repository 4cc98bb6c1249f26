"""L01 to L04: nobody on leave is planned, no vehicle in the workshop, no point behind a closed road."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta

from clinic_records.schedule import Visit
from schedules.findings import Finding
from schedules.model import Unavailable
from schedules.rules.calendar import Calendar, Gathering

_Off = defaultdict[tuple[str, str, date], list[Unavailable]]
"""By code, id and day; the id of L04 is empty."""


def _subjects(row: Unavailable) -> list[tuple[str, str]]:
    named = [("L01", row.staff_id), ("L02", row.vehicle_id), ("L03", row.point_id)]
    return [(code, name) for code, name in named if name] or [("L04", "")]


def _by_day(calendar: Calendar) -> _Off:
    found: _Off = defaultdict(list)
    for row in calendar.plan.unavailable.values():
        first, last = max(row.first_day, calendar.first), min(row.last_day, calendar.last)
        for number in range((last - first).days + 1):
            for code, name in _subjects(row):
                found[code, name, first + timedelta(days=number)].append(row)
    return found


def _of_visit(visit: Visit) -> Iterator[tuple[str, str, str, str, str]]:
    """Code, id, column, and what is said of it in Chinese and English."""
    for person in visit.staff_ids:
        yield "L01", person, "staff_ids", f"{person} 休假", f"{person} is on leave"
    yield "L02", visit.vehicle_id, "vehicle_id", f"{visit.vehicle_id} 停用", f"{visit.vehicle_id} is in the workshop"
    point = visit.point_id
    yield "L03", point, "point_id", f"{point} 的路不通", f"the road to {point} is closed"
    yield "L04", "", "", "全县停诊", "nobody drives"


def everybody_is_there(calendar: Calendar) -> Iterator[Finding]:
    """L01 leave, L02 workshop, L03 closed road, L04 no driving at all."""
    off, found = _by_day(calendar), Gathering()
    if not off:
        return
    for visit in calendar.visits:
        for code, name, column, zh, en in _of_visit(visit):
            for row in off.get((code, name, visit.date), ()):
                place = calendar.place(visit)
                place = place.at(column) if column else place
                where_zh, where_en = f"{row.place.sheet or row.place.file} 第 {row.place.row} 行", str(row.place)
                reason = f" {row.reason}" if row.reason else ""
                found.add(
                    code,
                    place,
                    visit.date,
                    f"{visit.date}{reason}，{zh}（{where_zh}）；请改期、换人换车或取消",
                    f"{en} on {visit.date}{reason} ({where_en}); move, substitute or cancel the visit",
                    value=name or visit.date,
                    key=row.unavailable_id,
                )
    yield from found.findings()
