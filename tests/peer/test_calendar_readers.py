"""Our iCalendar files and GTFS feeds, read alike by programs that are not ours."""

import json
import os
import subprocess
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from icalendar import Calendar

from clinic_records.clock import CHINA
from schedules.exports.calendar_file import CalendarFiles
from schedules.exports.entries import Entries
from schedules.exports.gtfs import gtfs_feed
from schedules.exports.subjects import Kind, chosen
from tests.unit.schedules.exported import SITE, STAMP, laid_out
from tests.unit.schedules.schedule_county import EXAMPLE

pytestmark = pytest.mark.peer

READER = Path(__file__).with_name("calendar_reader.cjs")
PACKAGES = ("ical.js@2", "node-ical@0.20")

Read = set[tuple[str, str, str, str]]
"""UID, start and end in UTC, status."""


def _iso(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def planned(of: Entries) -> Read:
    """What the plan says, without asking any reader of calendars."""
    return {
        (
            f"{entry.visit.visit_id}@{SITE}",
            _iso(datetime.combine(entry.visit.date, entry.visit.start, CHINA)),
            _iso(datetime.combine(entry.visit.date, entry.visit.end, CHINA)),
            "CANCELLED" if entry.is_gone else "CONFIRMED",
        )
        for entry in of.of(lambda _: True)
    }


@pytest.fixture(params=["example", "county"])
def plan(request: pytest.FixtureRequest) -> Entries:
    """The example's two months with a move, a substitution and a cancellation; a vehicle's year of the county."""
    if request.param == "example":
        return laid_out(EXAMPLE, date(2026, 11, 1), date(2026, 12, 31))
    folder: Path = request.getfixturevalue("shared_data") / "schedules"
    of = laid_out(folder, date(2026, 1, 1), date(2026, 12, 31))
    return of.narrowed(chosen(of.plan, Kind.VEHICLE, "V01").belongs)


def by_icalendar(content: bytes) -> Iterator[tuple[Any, Any, Any, Any]]:
    for event in Calendar.from_ical(content).walk("VEVENT"):
        one: Any = event
        yield one["uid"], one.decoded("dtstart"), one.decoded("dtend"), one["status"]


def by_vobject(content: bytes) -> Iterator[tuple[Any, Any, Any, Any]]:
    vobject = pytest.importorskip("vobject")
    for event in vobject.readOne(content.decode()).vevent_list:
        yield event.uid.value, event.dtstart.value, event.dtend.value, event.status.value


def by_ics(content: bytes) -> Iterator[tuple[Any, Any, Any, Any]]:
    ics = pytest.importorskip("ics")
    for event in ics.Calendar(content.decode()).events:
        yield event.uid, event.begin.datetime, event.end.datetime, event.status


@pytest.mark.parametrize("reader", [by_icalendar, by_vobject, by_ics])
def test_python_readers_see_the_plan(
    plan: Entries, reader: Callable[[bytes], Iterator[tuple[Any, Any, Any, Any]]]
) -> None:
    content = CalendarFiles(plan, SITE, STAMP).file(None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what these libraries do inside is theirs
        found = list(reader(content))
    assert {(str(uid), _iso(start), _iso(end), str(status)) for uid, start, end, status in found} == planned(plan)
    assert len(found) == len(planned(plan))


@pytest.fixture(scope="session")
def node_modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the two JavaScript readers; `CALENDAR_NODE_MODULES` names one that has them already."""
    given = os.environ.get("CALENDAR_NODE_MODULES")
    if given:
        return Path(given)
    folder = tmp_path_factory.mktemp("node")
    try:
        subprocess.run(
            ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder), *PACKAGES],
            check=True,
            capture_output=True,
            timeout=60,
            # Node trusts its own list alone; every other program here trusts the machine's.
            env={"NODE_EXTRA_CA_CERTS": "/etc/ssl/certs/ca-certificates.crt", **os.environ},
        )
    except (OSError, subprocess.SubprocessError) as error:
        pytest.skip(f"npm is missing or could not fetch {', '.join(PACKAGES)}: {error!r:.120}")
    return folder / "node_modules"


@pytest.mark.timeout(180)
def test_javascript_readers_see_the_plan(
    plan: Entries, need_program: Callable[[str], str], node_modules: Path, tmp_path: Path
) -> None:
    file = tmp_path / "plan.ics"
    file.write_bytes(CalendarFiles(plan, SITE, STAMP).file(None))
    ran = subprocess.run(
        [need_program("node"), str(READER), str(file)],
        check=True,
        capture_output=True,
        timeout=60,
        env={**os.environ, "NODE_PATH": str(node_modules)},
    )
    for name, rows in json.loads(ran.stdout).items():
        assert {tuple(row) for row in rows} == planned(plan), name
        assert len(rows) == len(planned(plan)), name


def test_gtfs_kit_sees_every_stop(plan: Entries, tmp_path: Path) -> None:
    gtfs_kit = pytest.importorskip("gtfs_kit", reason="gtfs-kit is missing; pip install gtfs-kit to have it tried")
    path = tmp_path / "feed.zip"
    path.write_bytes(gtfs_feed(plan, "示例", SITE))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        feed = gtfs_kit.read_feed(path, dist_units="km")
        found = {
            (day, row.route_id, row.stop_id, row.arrival_time, row.departure_time)
            for day in feed.get_dates()
            for row in feed.get_trips(day).merge(feed.stop_times, on="trip_id").itertuples()
        }
    wanted = {
        (f"{v.date:%Y%m%d}", v.vehicle_id, v.point_id, f"{v.start:%H:%M:%S}", f"{v.end:%H:%M:%S}")
        for v, _, _ in plan.present
    }
    assert found == wanted
