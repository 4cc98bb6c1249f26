"""V01, T05, Q02, Q03: one vehicle at one place at a time, equipped and short enough for it."""

from collections.abc import Iterator
from itertools import groupby
from operator import attrgetter

from clinic_records.schedule import Visit
from schedules.findings import Finding
from schedules.model import Point, Vehicle
from schedules.rules.calendar import Calendar, Gathering


def two_places(calendar: Calendar) -> Iterator[Finding]:
    """V01: a visit starts before the vehicle has left the one before; T05: and both are at the same point."""
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
    root, (row_zh, row_en) = calendar.rule(two, "start"), calendar.row(one, place)
    if one.point_id == two.point_id and one.rule_id == two.rule_id:
        zh = f"{two.date}，{two.rule_id} 有两次巡诊（另见{row_zh}）；请把其中一次改到别的日子"
        en = f"{two.rule_id} has two visits on {two.date} (see {row_en}); move one of them to another day"
        found.add("T05", place, two.date, zh, en, value=f"{two.start:%H:%M}", key=one.rule_id, root=root)
        return
    if one.point_id == two.point_id:
        zh = f"{two.date}，{two.point_id} 同时有 {one.rule_id}（{row_zh}）和 {two.rule_id}；旧的请在前一天失效"
        en = (
            f"{two.rule_id} and {one.rule_id} ({row_en}) both bring {two.vehicle_id} to {two.point_id} on {two.date}; "
            "let the older one end the day before"
        )
        found.add("T05", place, two.date, zh, en, value=f"{two.start:%H:%M}", key=one.rule_id, root=root)
        return
    zh = (
        f"{two.date}，{two.vehicle_id} 在 {one.point_id} 到 {one.end:%H:%M}（{row_zh}），"
        f"又从 {two.start:%H:%M} 起在 {two.point_id}；请改到 {one.end:%H:%M} 以后或换车"
    )
    en = (
        f"{two.vehicle_id} is at {one.point_id} until {one.end:%H:%M} ({row_en}) and at {two.point_id} from "
        f"{two.start:%H:%M} on {two.date}; start at {one.end:%H:%M} or later, or change the vehicle"
    )
    found.add("V01", place, two.date, zh, en, value=f"{two.start:%H:%M}", key=one.rule_id, root=root)


def lacking_equipment(vehicle: Vehicle, point: Point) -> list[str]:
    """What a point needs and a vehicle has not, in whatever case it is written."""
    there = {name.casefold() for name in vehicle.equipment}
    return sorted(name for name in point.needs_equipment if name.casefold() not in there)


def fitness(calendar: Calendar) -> Iterator[Finding]:
    """Q02 equipment the point needs, Q03 length of the road's limit."""
    found = Gathering()
    for visit in calendar.visits:
        vehicle = calendar.plan.vehicles[visit.vehicle_id]
        point = calendar.plan.points[visit.point_id]
        limit, length = point.vehicle_max_length_m, vehicle.length_m
        is_too_long = limit is not None and length is not None and length > limit
        lacking = ";".join(lacking_equipment(vehicle, point))
        if not lacking and not is_too_long:
            continue
        place, name = calendar.origin(visit, "vehicle_id").at("vehicle_id"), vehicle.vehicle_id
        if lacking:
            zh, en = (
                f"{name} 没有 {point.point_id} 需要的 {lacking}",
                f"{name} lacks {lacking}, needed at {point.point_id}",
            )
            found.add("Q02", place, visit.date, zh, en, value=name)
        if is_too_long:
            zh = f"{name} 长 {length} 米，{point.point_id} 的路最多 {limit} 米"
            en = f"{name} is {length} m long, the road to {point.point_id} takes {limit} m"
            found.add("Q03", place, visit.date, zh, en, value=name)
    yield from found.findings()
