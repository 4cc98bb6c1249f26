"""Q04, Q05: licences and inspections that hold; the row of the person or vehicle is the cause of what follows."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date

from clinic_records.schedule import Visit
from schedules.findings import Finding, finding
from schedules.places import Place
from schedules.rules.calendar import Calendar, Gathering

_Late = defaultdict[Place, list[Visit]]


def _ended(
    calendar: Calendar, code: str, column: str, late: _Late, what: dict[Place, tuple[str, date, str, str]]
) -> Iterator[Finding]:
    found = Gathering()
    for place, visits in late.items():
        name, end, zh, en = what[place]
        days = len({visit.date for visit in visits})
        more_zh = f"，{visits[0].date} 起还有 {days} 天排了班"
        more_en = f"; visits on {days} day(s) from {visits[0].date}"
        yield finding(code, place, zh + more_zh, en + more_en, value=end)
        for visit in visits:
            here = calendar.place(visit).at(column)
            says_zh, says_en = f"{zh}，{visit.date} 还排了班", f"{en}; visit on {visit.date}"
            found.add(code, here, visit.date, says_zh, says_en, value=name, key=f"{name} {place.column}", cause=place)
    yield from found.findings()


def licences(calendar: Calendar) -> Iterator[Finding]:
    """Q04."""
    late: _Late = defaultdict(list)
    what: dict[Place, tuple[str, date, str, str]] = {}
    for visit in calendar.visits:
        for person in (calendar.plan.staff[name] for name in visit.staff_ids):
            end, name = person.licence_valid_to, person.staff_id
            if end is not None and visit.date > end:
                place = person.place.at("licence_valid_to")
                late[place].append(visit)
                what[place] = name, end, f"{name} 的执照到 {end} 为止", f"licence of {name} ends {end}"
    yield from _ended(calendar, "Q04", "staff_ids", late, what)


def inspections(calendar: Calendar) -> Iterator[Finding]:
    """Q05: the inspection has ended, or the vehicle is not in service yet."""
    late: _Late = defaultdict(list)
    what: dict[Place, tuple[str, date, str, str]] = {}
    for visit in calendar.visits:
        vehicle = calendar.plan.vehicles[visit.vehicle_id]
        end, begin, name = vehicle.inspection_due, vehicle.in_service_from, vehicle.vehicle_id
        if end is not None and visit.date > end:
            place = vehicle.place.at("inspection_due")
            late[place].append(visit)
            what[place] = name, end, f"{name} 年检到 {end} 为止", f"inspection of {name} ends {end}"
        if begin is not None and visit.date < begin:
            place = vehicle.place.at("in_service_from")
            late[place].append(visit)
            what[place] = name, begin, f"{name} 从 {begin} 起才启用", f"{name} is in service from {begin}"
    yield from _ended(calendar, "Q05", "vehicle_id", late, what)
