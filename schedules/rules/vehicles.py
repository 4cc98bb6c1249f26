"""V01, Q02, Q03, Q05: one vehicle at one place at a time, equipped, short enough and inspected for it."""

from collections.abc import Iterator
from itertools import groupby
from operator import attrgetter

from clinic_records.schedule import Visit
from schedules.findings import Finding
from schedules.rules.calendar import Calendar, Gathering


def two_places(calendar: Calendar) -> Iterator[Finding]:
    """V01: a visit starts before the vehicle has left the one before."""
    found = Gathering()
    for _, day in groupby(calendar.visits, key=attrgetter("date", "vehicle_id")):
        standing: Visit | None = None
        for visit in day:
            if standing is not None and visit.start < standing.end:
                _meeting(calendar, found, standing, visit)
            if standing is None or visit.end > standing.end:
                standing = visit
    yield from found.findings()


def _meeting(calendar: Calendar, found: Gathering, one: Visit, two: Visit) -> None:
    place = calendar.place(two).at("start")
    row_zh, row_en = calendar.row(one, place)
    zh = (
        f"{two.date}，{two.vehicle_id} 在 {one.point_id} 到 {one.end:%H:%M}（{row_zh}），"
        f"又从 {two.start:%H:%M} 起在 {two.point_id}；请改到 {one.end:%H:%M} 以后或换车"
    )
    en = (
        f"{two.vehicle_id} is at {one.point_id} until {one.end:%H:%M} ({row_en}) and at {two.point_id} from "
        f"{two.start:%H:%M} on {two.date}; start at {one.end:%H:%M} or later, or change the vehicle"
    )
    found.add("V01", place, two.date, zh, en, value=f"{two.start:%H:%M}", key=one.rule_id)


def fitness(calendar: Calendar) -> Iterator[Finding]:
    """Q02 equipment the point needs, Q03 length of the road's limit, Q05 inspection and service dates."""
    found = Gathering()
    for visit in calendar.visits:
        vehicle = calendar.plan.vehicles[visit.vehicle_id]
        point = calendar.plan.points[visit.point_id]
        place, name = calendar.place(visit).at("vehicle_id"), vehicle.vehicle_id
        lacking = ";".join(sorted(set(point.needs_equipment) - set(vehicle.equipment)))
        if lacking:
            zh, en = (
                f"{name} 没有 {point.point_id} 需要的 {lacking}",
                f"{name} lacks {lacking}, needed at {point.point_id}",
            )
            found.add("Q02", place, visit.date, zh, en, value=name)
        limit = point.vehicle_max_length_m
        if limit is not None and vehicle.length_m is not None and vehicle.length_m > limit:
            zh = f"{name} 长 {vehicle.length_m} 米，{point.point_id} 的路最多 {limit} 米"
            en = f"{name} is {vehicle.length_m} m long, the road to {point.point_id} takes {limit} m"
            found.add("Q03", place, visit.date, zh, en, value=name)
        if vehicle.inspection_due is not None and visit.date > vehicle.inspection_due:
            zh, en = (
                f"{name} 年检到 {vehicle.inspection_due} 为止",
                f"inspection of {name} ends {vehicle.inspection_due}",
            )
            found.add(
                "Q05", place, visit.date, f"{zh}，{visit.date} 还排了班", f"{en}; visit on {visit.date}", value=name
            )
        if vehicle.in_service_from is not None and visit.date < vehicle.in_service_from:
            zh, en = (
                f"{name} 从 {vehicle.in_service_from} 起才启用",
                f"{name} is in service from {vehicle.in_service_from}",
            )
            found.add(
                "Q05", place, visit.date, f"{zh}，{visit.date} 已排班", f"{en}; visit on {visit.date}", value=name
            )
    yield from found.findings()
