"""GTFS feeds: expanded as a consumer does, they say the same visits."""

import csv
import io
import zipfile
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_records.clock import CHINA
from clinic_records.errors import RefusedInput
from schedules.exports.entries import Entries
from schedules.exports.gtfs import gtfs_feed, service
from tests.unit.schedules.exported import SITE, laid_out
from tests.unit.schedules.schedule_county import example, put, write_csv


def read(feed: bytes) -> Mapping[str, list[dict[str, str]]]:
    with zipfile.ZipFile(io.BytesIO(feed)) as archive:
        return {
            name: list(csv.DictReader(io.StringIO(archive.read(name).decode(), newline="")))
            for name in archive.namelist()
        }


def _day(text: str) -> date:
    return datetime.strptime(text, "%Y%m%d").replace(tzinfo=CHINA).date()


def run_days(tables: Mapping[str, list[dict[str, str]]]) -> dict[str, set[date]]:
    """Service -> its days, as the reference says: calendar.txt, then calendar_dates.txt."""
    days: dict[str, set[date]] = {}
    for row in tables["calendar.txt"]:
        first, last = _day(row["start_date"]), _day(row["end_date"])
        every = [first + timedelta(days=number) for number in range((last - first).days + 1)]
        days[row["service_id"]] = {day for day in every if row[f"{day:%A}".lower()] == "1"}
    for row in tables["calendar_dates.txt"]:
        known = days.setdefault(row["service_id"], set())
        day = _day(row["date"])
        assert (day in known) == (row["exception_type"] == "2")
        known ^= {day}
    return days


def calls(feed: bytes) -> list[tuple[date, str, str, str, str]]:
    tables = read(feed)
    days = run_days(tables)
    stops = {row["stop_id"] for row in tables["stops.txt"]}
    routes = {row["route_id"] for row in tables["routes.txt"]}
    trips = {row["trip_id"]: row for row in tables["trips.txt"]}
    found = []
    for row in tables["stop_times.txt"]:
        trip = trips[row["trip_id"]]
        assert row["stop_id"] in stops
        assert trip["route_id"] in routes
        found += [
            (day, trip["route_id"], row["stop_id"], row["arrival_time"], row["departure_time"])
            for day in days[trip["service_id"]]
        ]
    return sorted(found)


def planned(of: Entries) -> list[tuple[date, str, str, str, str]]:
    return sorted(
        (v.date, v.vehicle_id, v.point_id, f"{v.start:%H:%M:%S}", f"{v.end:%H:%M:%S}") for v, _, _ in of.present
    )


def test_the_feed_says_every_visit_and_no_other() -> None:
    of = laid_out(first=date(2026, 11, 1), last=date(2027, 2, 28))
    assert calls(gtfs_feed(of, "示例", SITE)) == planned(of)


def test_the_county_says_every_visit(shared_data: Path) -> None:
    of = laid_out(shared_data / "schedules", date(2026, 1, 1), date(2026, 12, 31))
    feed = gtfs_feed(of, "示例", SITE)
    assert calls(feed) == planned(of)
    assert len(planned(of)) == 3674
    assert len(read(feed)["trips.txt"]) == 30, "a round that repeats is one trip"


def test_stops_of_a_trip_go_on_in_time() -> None:
    last: dict[str, str] = {}
    for row in read(gtfs_feed(laid_out(), "示例", SITE))["stop_times.txt"]:
        assert last.get(row["trip_id"], "") <= row["arrival_time"] <= row["departure_time"]
        last[row["trip_id"]] = row["departure_time"]


def test_the_same_plan_makes_the_same_bytes() -> None:
    assert gtfs_feed(laid_out(), "示例", SITE) == gtfs_feed(laid_out(), "示例", SITE)


def test_a_point_without_coordinates_is_refused_by_name(tmp_path: Path) -> None:
    lines = example()
    put(lines, "points", 2, "lon", "")
    put(lines, "points", 2, "lat", "")
    of = laid_out(write_csv(lines, tmp_path / "c"))
    with pytest.raises(RefusedInput, match="P01"):
        gtfs_feed(of, "示例", SITE)


@given(st.frozensets(st.integers(0, 200), min_size=1, max_size=60), st.integers(0, 6))
def test_a_service_says_exactly_its_days_in_the_fewest_rows(offsets: frozenset[int], weekday: int) -> None:
    monday = date(2026, 1, 5)
    days = frozenset(monday + timedelta(days=7 * number if number % 3 else number + weekday) for number in offsets)
    made = service(days)
    every = [made.first + timedelta(days=number) for number in range((made.last - made.first).days + 1)]
    regular = {day for day in every if day.weekday() in made.weekdays}
    assert (regular | set(made.added)) - set(made.removed) == days
    assert not regular & set(made.added)
    assert set(made.removed) <= regular
    assert bool(made.weekdays) + len(made.added) + len(made.removed) <= len(days)
