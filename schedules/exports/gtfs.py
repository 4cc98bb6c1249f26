"""The visits as a GTFS Schedule feed (gtfs.org, reference of the Schedule format): a day's round is a trip.

Vehicle days with the same stops at the same times are one trip. Its service is the weekday it mostly runs on in
calendar.txt with the days that differ in calendar_dates.txt, or the days alone where that is shorter.
"""

import csv
import io
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, time, timedelta
from itertools import groupby
from operator import attrgetter
from typing import Final, NamedTuple

from clinic_records.errors import Hint, RefusedInput
from clinic_records.schedule import Visit
from schedules.exports.entries import Entries
from schedules.exports.request import Files, Request
from schedules.exports.words import plain
from schedules.model import Point

BUS: Final = 3
"""routes.txt route_type: "Bus. Used for short- and long-distance bus routes"."""
ADDED: Final = 1
REMOVED: Final = 2
"""calendar_dates.txt exception_type."""

AGENCY: Final = "clinic"
ZONE: Final = "Asia/Shanghai"
_DAY_NAMES: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MADE: Final = (1980, 1, 1, 0, 0, 0)
"""The time of each file in the archive: the same plan makes the same bytes (the ZIP format begins in 1980)."""

Call = tuple[str, time, time]
"""Point, arrival, departure."""


class Trip(NamedTuple):
    """One round of one vehicle and the days it runs."""

    vehicle_id: str
    calls: tuple[Call, ...]
    days: frozenset[date]


def trips(visits: Iterable[Visit]) -> tuple[Trip, ...]:
    """The rounds, by vehicle and first day. Visits come by date, vehicle and start."""
    days: defaultdict[tuple[str, tuple[Call, ...]], set[date]] = defaultdict(set)
    for (day, vehicle_id), round_ in groupby(visits, key=attrgetter("date", "vehicle_id")):
        calls = tuple((visit.point_id, visit.start, visit.end) for visit in round_)
        days[vehicle_id, calls].add(day)
    found = [Trip(vehicle_id, calls, frozenset(run)) for (vehicle_id, calls), run in days.items()]
    return tuple(sorted(found, key=lambda trip: (trip.vehicle_id, min(trip.days), trip.calls)))


class Service(NamedTuple):
    """Weekdays (Monday = 0) between two days, and the days that differ; no weekdays: only the days added."""

    weekdays: frozenset[int]
    first: date
    last: date
    added: tuple[date, ...]
    removed: tuple[date, ...]


def _of_weekdays(weekdays: frozenset[int], first: date, last: date) -> frozenset[date]:
    days = (first + timedelta(days=number) for number in range((last - first).days + 1))
    return frozenset(day for day in days if day.weekday() in weekdays)


def service(days: frozenset[date]) -> Service:
    """The shortest way to say these days with one weekday or none."""
    (weekday, _), *_ = Counter(day.weekday() for day in sorted(days)).most_common(1)
    on_it = [day for day in days if day.weekday() == weekday]
    first, last = min(on_it), max(on_it)
    regular = _of_weekdays(frozenset({weekday}), first, last)
    added, removed = tuple(sorted(days - regular)), tuple(sorted(regular - days))
    if 1 + len(added) + len(removed) < len(days):
        return Service(frozenset({weekday}), first, last, added, removed)
    return Service(frozenset(), first, last, tuple(sorted(days)), ())


def _table(header: tuple[str, ...], rows: Iterable[Iterable[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()


def _located(point: Point) -> tuple[float, float]:
    if point.lon is None or point.lat is None:
        raise RefusedInput(
            f"point {point.point_id} has no coordinates; GTFS needs stop_lat and stop_lon of every stop",
            hint=Hint(
                f"请在“服务点”表里填 {point.point_id} 的经纬度。",
                f"Write longitude and latitude of {point.point_id} in the table of points.",
            ),
        )
    return point.lat, point.lon


def _day(day: date) -> str:
    return f"{day:%Y%m%d}"


def gtfs_tables(entries: Entries, agency: str, site: str) -> Mapping[str, str]:
    """File name -> text of each table of the feed.

    Raises:
        RefusedInput: a visited point has no coordinates.
    """
    plan = entries.plan
    visits = [entry.visit for entry in entries.present]
    runs = trips(visits)
    numbers: Counter[str] = Counter()
    named: list[tuple[str, Trip, Service]] = []
    for run in runs:
        numbers[run.vehicle_id] += 1
        named.append((f"{run.vehicle_id}-{numbers[run.vehicle_id]}", run, service(run.days)))
    points = [plan.points[name] for name in dict.fromkeys(visit.point_id for visit in visits)]
    vehicles = [plan.vehicles[name] for name in dict.fromkeys(run.vehicle_id for run in runs)]
    url = f"https://{site}"
    return {
        "agency.txt": _table(
            ("agency_id", "agency_name", "agency_url", "agency_timezone", "agency_lang"),
            [(AGENCY, agency, url, ZONE, "zh")],
        ),
        "feed_info.txt": _table(
            ("feed_publisher_name", "feed_publisher_url", "feed_lang", "feed_start_date", "feed_end_date"),
            [(agency, url, "zh", _day(entries.first), _day(entries.last))],
        ),
        "stops.txt": _table(
            ("stop_id", "stop_name", "stop_lat", "stop_lon"),
            [(point.point_id, plain(point.point_name), *_located(point)) for point in points],
        ),
        "routes.txt": _table(
            ("route_id", "agency_id", "route_short_name", "route_long_name", "route_type"),
            [(one.vehicle_id, AGENCY, one.vehicle_id, f"流动医院 {plain(one.plate)}", BUS) for one in vehicles],
        ),
        "trips.txt": _table(
            ("route_id", "service_id", "trip_id"), [(run.vehicle_id, name, name) for name, run, _ in named]
        ),
        "stop_times.txt": _table(
            ("trip_id", "arrival_time", "departure_time", "stop_id", "stop_sequence", "timepoint"),
            [
                (name, f"{arrival:%H:%M:%S}", f"{departure:%H:%M:%S}", point_id, number, 1)
                for name, run, _ in named
                for number, (point_id, arrival, departure) in enumerate(run.calls, start=1)
            ],
        ),
        "calendar.txt": _table(
            ("service_id", *_DAY_NAMES, "start_date", "end_date"),
            [
                (name, *(int(number in days.weekdays) for number in range(7)), _day(days.first), _day(days.last))
                for name, _, days in named
                if days.weekdays
            ],
        ),
        "calendar_dates.txt": _table(
            ("service_id", "date", "exception_type"),
            [
                (name, _day(day), kind)
                for name, _, days in named
                for kind, listed in ((ADDED, days.added), (REMOVED, days.removed))
                for day in listed
            ],
        ),
    }


def gtfs_feed(entries: Entries, agency: str, site: str) -> bytes:
    """The feed as a ZIP archive.

    Args:
        entries: the plan on its days.
        agency: name of the hospital.
        site: its domain.

    Raises:
        RefusedInput: a visited point has no coordinates.
    """
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in gtfs_tables(entries, agency, site).items():
            archive.writestr(zipfile.ZipInfo(name, _MADE), text.encode(), compress_type=zipfile.ZIP_DEFLATED)
    return file.getvalue()


def files(request: Request) -> Files:
    """One feed.

    Raises:
        RefusedInput: a visited point has no coordinates.
    """
    yield f"gtfs{request.whose}-{request.label}.zip", gtfs_feed(request.own, request.hospital, request.site)
