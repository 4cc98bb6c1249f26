"""The week to be planned: which stops, which vehicle-days, what may stand where; what cannot be planned, and why."""

from dataclasses import dataclass
from datetime import date
from typing import Final, NamedTuple

from clinic_records.errors import Hint, RefusedInput
from schedules.model import Plan, Point, Vehicle
from schedules.patterns import days_between, parse_pattern
from schedules.planning.crews import has_nurse, home_crew
from schedules.planning.tours import NO_WAY, DayTours, Stop, Terms
from schedules.planning.ways import way_minutes
from schedules.rules.travel import DAY_LIMIT_H, minutes
from schedules.rules.vehicles import lacking_equipment

WEEKDAYS: Final = range(5)
"""Monday to Friday; the weekend is the crews' own."""

EARLIEST_DEPARTURE: Final = 7 * 60 + 30
"""Minutes of the day before which no vehicle leaves its depot; the county's own rule."""

ALL_DAY: Final = (0, 24 * 60)
MOST_A_MONTH: Final = 4
"""One weekday a week gives so many visits in every month."""


class Unserved(NamedTuple):
    """A point that is not in the template, and why; `code` is that of the rule it would break, or a word."""

    point_id: str
    code: str
    zh: str
    en: str


class Slot(NamedTuple):
    """One vehicle on one weekday; `group` numbers the tours it shares with vehicles of its depot and day's length."""

    vehicle_id: str
    weekday: int
    group: int


@dataclass(frozen=True)
class Week:
    """What the search works on. Sets of stops are bit masks: bit i is `stops[i]`.

    Attributes:
        allowed: of each slot the stops that may stand there.
        present: of each slot the stops that stand there in the template of today.
        orphaned: rounds of today whose vehicle cannot go out.
    """

    stops: tuple[Stop, ...]
    slots: tuple[Slot, ...]
    allowed: tuple[int, ...]
    present: tuple[int, ...]
    orphaned: tuple[int, ...]
    tours: tuple[DayTours, ...]
    unserved: tuple[Unserved, ...]
    crews: dict[str, tuple[str, ...]]


def _stop(point: Point) -> Stop | Unserved:
    name, wanted = point.point_id, point.visits_per_month
    if not point.visit_minutes:
        return Unserved(name, "D09", f"{name} 没有填 visit_minutes", f"{name} has no visit_minutes")
    if wanted is not None and wanted > MOST_A_MONTH:
        zh = f"{name} 每月要 {wanted} 次；固定一个星期几每月只有 {MOST_A_MONTH} 次"
        en = f"{name} wants {wanted} visits a month; one weekday a week gives {MOST_A_MONTH}"
        return Unserved(name, "C01", zh, en)
    opens = ALL_DAY[0] if point.open_from is None else minutes(point.open_from)
    closes = ALL_DAY[1] if point.open_to is None else minutes(point.open_to)
    if closes - opens < point.visit_minutes:
        zh = f"{name} 开放 {closes - opens} 分钟，不够一次巡诊 {point.visit_minutes} 分钟"
        en = f"{name} is open for {closes - opens} min, a visit takes {point.visit_minutes} min"
        return Unserved(name, "T03", zh, en)
    return Stop(name, point.visit_minutes, opens, closes)


def obstacle(plan: Plan, vehicle: Vehicle, point: Point) -> tuple[str, str, str] | None:
    """Why a vehicle cannot serve a point on any day: code, Chinese, English; None where it can."""
    lacking = ";".join(lacking_equipment(vehicle, point))
    one = vehicle.vehicle_id
    if lacking:
        return "Q02", f"{one} 没有 {lacking}", f"{one} lacks {lacking}"
    limit = point.vehicle_max_length_m
    if limit is not None and vehicle.length_m is not None and vehicle.length_m > limit:
        return (
            "Q03",
            f"{one} 长 {vehicle.length_m} 米，路最多 {limit} 米",
            f"{one} is too long for the road ({limit} m)",
        )
    if way_minutes(plan, vehicle.depot, point.point_id) is None:
        zh = f"路程表里没有 {vehicle.depot} 到 {point.point_id}"
        return "V02", zh, f"travel_minutes has no way from {vehicle.depot} to {point.point_id}"
    return None


def _usable(plan: Plan, without: frozenset[str], day: date) -> dict[str, tuple[str, ...]]:
    """Crews of the vehicles that can go out from a day on."""
    found: dict[str, tuple[str, ...]] = {}
    for name, vehicle in plan.vehicles.items():
        crew = home_crew(plan, name, day)
        is_fit = vehicle.inspection_due is None or vehicle.inspection_due >= day
        is_here = vehicle.in_service_from is None or vehicle.in_service_from <= day
        has_seats = vehicle.seats is None or len(crew) <= vehicle.seats
        if name not in without and is_fit and is_here and has_seats and has_nurse(plan, crew):
            found[name] = crew
    return found


def _day_limit(plan: Plan, crew: tuple[str, ...]) -> int:
    hours = [plan.staff[name].max_hours_per_day for name in crew]
    return int(60 * min((one for one in hours if one is not None), default=DAY_LIMIT_H))


def make_week(plan: Plan, without: frozenset[str], day: date) -> Week:
    """The week as it is to be from `day` on, without some vehicles.

    Raises:
        RefusedInput: a vehicle to leave out is unknown, there are no ways, or no vehicle can go out.
    """
    if unknown := sorted(without - plan.vehicles.keys()):
        raise RefusedInput(f"{', '.join(unknown)}: no such vehicle", hint=_KNOWN)
    if not plan.travel:
        raise RefusedInput("travel_minutes is empty; planning needs the minutes between points", hint=_TRAVEL)
    crews = _usable(plan, without, day)
    if not crews:
        raise RefusedInput(
            f"no vehicle can go out on {day}: each needs a crew with a nurse, seats for it, an inspection that holds",
            hint=_CREWS,
        )
    taken: list[Stop] = []
    unserved: list[Unserved] = []
    for point in plan.points.values():
        if point.visits_per_month == 0:
            continue
        made = _reachable(plan, crews, point) or _stop(point)
        if isinstance(made, Stop):
            taken.append(made)
        else:
            unserved.append(made)
    return _lay_out(plan, tuple(taken), unserved, crews)


def _reachable(plan: Plan, crews: dict[str, tuple[str, ...]], point: Point) -> Unserved | None:
    """Why no vehicle may ever stand at a point."""
    name = point.point_id
    if set(WEEKDAYS) <= set(point.closed_weekdays):
        return Unserved(name, "T04", f"{name} 周一到周五都不开放", f"{name} is closed from Monday to Friday")
    found = [obstacle(plan, plan.vehicles[one], point) for one in crews]
    reasons = [one for one in found if one is not None]
    if len(reasons) < len(found):
        return None
    kinds = dict.fromkeys(reasons)
    zh, en = "；".join(one[1] for one in kinds), "; ".join(one[2] for one in kinds)
    return Unserved(name, reasons[0][0], f"没有车能到 {name}：{zh}", f"no vehicle can serve {name}: {en}")


def _lay_out(plan: Plan, stops: tuple[Stop, ...], unserved: list[Unserved], crews: dict[str, tuple[str, ...]]) -> Week:
    groups: dict[tuple[str, int], int] = {}
    tours: list[DayTours] = []

    def way(start: str, end: str) -> int:
        known = way_minutes(plan, start, end)
        return NO_WAY if known is None else known

    between = tuple(tuple(way(one.point_id, two.point_id) for two in stops) for one in stops)
    for name, crew in crews.items():
        depot, limit = plan.vehicles[name].depot, _day_limit(plan, crew)
        if (depot, limit) not in groups:
            groups[depot, limit] = len(tours)
            out = tuple(way(depot, stop.point_id) for stop in stops)
            back = tuple(way(stop.point_id, depot) for stop in stops)
            tours.append(DayTours(stops, between, Terms(out, back, EARLIEST_DEPARTURE, limit)))
    slots = tuple(
        Slot(name, weekday, groups[plan.vehicles[name].depot, _day_limit(plan, crew)])
        for weekday in WEEKDAYS
        for name, crew in crews.items()
    )
    alone = _alone(plan, stops, slots, tours)
    fitting = 0
    for mask in alone:
        fitting |= mask
    for number, stop in enumerate(stops):
        if not fitting >> number & 1:
            name = stop.point_id
            zh = f"{name} 单独去也超出一天的工时或开放时间"
            en = f"{name} does not fit into a working day and its opening hours even alone"
            unserved.append(Unserved(name, "W01", zh, en))
    today = _today(plan, stops)
    present = tuple(today.pop((slot.vehicle_id, slot.weekday), 0) for slot in slots)
    return Week(stops, slots, alone, present, tuple(today.values()), tuple(tours), tuple(unserved), crews)


def _alone(plan: Plan, stops: tuple[Stop, ...], slots: tuple[Slot, ...], tours: list[DayTours]) -> tuple[int, ...]:
    """Of each slot the stops that may stand there if nothing else does."""
    found = []
    for slot in slots:
        mask = 0
        for number, stop in enumerate(stops):
            point = plan.points[stop.point_id]
            is_open = slot.weekday not in point.closed_weekdays
            is_served = obstacle(plan, plan.vehicles[slot.vehicle_id], point) is None
            if is_open and is_served and tours[slot.group].drive(1 << number) is not None:
                mask |= 1 << number
        found.append(mask)
    return tuple(found)


def _today(plan: Plan, stops: tuple[Stop, ...]) -> dict[tuple[str, int], int]:
    """The stops of each vehicle and weekday in the template of today."""
    numbers = {stop.point_id: number for number, stop in enumerate(stops)}
    found: dict[tuple[str, int], int] = {}
    for rule in plan.rules.values():
        weekday = weekday_of(rule.pattern)
        if weekday is not None and rule.point_id in numbers:
            key = rule.vehicle_id, weekday
            found[key] = found.get(key, 0) | 1 << numbers[rule.point_id]
    return found


def weekday_of(pattern: str) -> int | None:
    """The one weekday on which a pattern falls in every week of the year 2001; None where it is not one."""
    days = {day.weekday() for day in days_between(parse_pattern(pattern), date(2001, 1, 1), date(2001, 3, 31))}
    return days.pop() if len(days) == 1 else None


_KNOWN: Final = Hint("核对车辆编号。", "Check the vehicle's id.")
_TRAVEL: Final = Hint("补上路程表。", "Fill in the table of ways.")
_CREWS: Final = Hint("核对人员的 home_vehicle、执照和车辆年检。", "Check home_vehicle, licences and inspections.")
