"""A hospital whose coordinator has the example county before her, on 10 November 2026."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from itertools import combinations
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from clinic_records.clock import SystemClock
from clinic_records.people import Author, Role
from cloud_hospital import passwords
from cloud_hospital.api.app import create_app
from cloud_hospital.hospital import Hospital, init_hospital, open_hospital
from cloud_hospital.schedule_desk.desk import ScheduleDesk
from cloud_hospital.settings import HospitalSettings
from cloud_hospital.users import add_user
from cloud_hospital.vehicles import enrol
from cloud_hospital.web.pages import add_pages
from schedules.draft import read_draft
from schedules.folder import Draft
from tests.unit.hospital.asgi import Caller
from tests.unit.hospital.conftest import Box
from tests.unit.schedules.schedule_county import Lines, example, put, write_csv

LAN = Author("lan", "兰调度", Role.COORDINATOR)
PASSWORD = "a long enough password"
TODAY = date(2026, 11, 10)
WRITTEN = {"reason": "修路", "approved_by": "王科长", "announced_on": "2026-11-10"}
"""What a coordinator writes in a form about a visit."""
NOW = datetime(2026, 11, 10, 1, 15, tzinfo=UTC)
"""A quarter past nine in the villages."""


class Standing(SystemClock):
    """A clock whose day is set, and goes on when told to."""

    def __init__(self, now: datetime = NOW) -> None:
        super().__init__()
        self.time = now

    def now(self) -> datetime:
        return self.time

    def later(self, by: timedelta) -> None:
        self.time += by


@contextmanager
def county_hospital(root: Path, clock: SystemClock | None = None) -> Iterator[Hospital]:
    """A hospital with a coordinator and two enrolled vehicles."""
    init_hospital(root, HospitalSettings(web_port=0, broker_port=0))
    with open_hospital(root, clock or Standing()) as hospital:
        add_user(hospital, LAN, PASSWORD)
        for vehicle in ("V01", "V02"):
            enrol(hospital, Box(vehicle).request())
        yield hospital


@pytest.fixture
def hospital(tmp_path: Path) -> Iterator[Hospital]:
    """That hospital, of the test's own."""
    with county_hospital(tmp_path / "hospital") as opened:
        yield opened


@pytest.fixture
def desk(hospital: Hospital) -> ScheduleDesk:
    return ScheduleDesk(hospital)


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Signing in takes no time worth telling, in every test of a module that imports this."""
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))


@pytest.fixture
def client(hospital: Hospital) -> Caller:
    """The browser of the coordinator of that hospital."""
    return signed_in(hospital)


def words(page: str) -> str:
    """A page's text without its tags."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page))


def browser(hospital: Hospital) -> Caller:
    """A browser with nobody signed in."""
    app = create_app(hospital)
    add_pages(app, hospital)
    return Caller(app)


def signed_in(hospital: Hospital) -> Caller:
    """The coordinator's browser."""
    client = browser(hospital)
    assert client.post("/login", data={"staff": "lan", "password": PASSWORD}).status_code == 303
    return client


def with_holiday(lines: Lines, day: str = "2026-11-19") -> Lines:
    """The county with one more public holiday, its visits missed, all ways known."""
    lines["holidays"].append([day, "holiday", "畲族节"])
    for row in range(2, len(lines["points"]) + 1):
        put(lines, "points", row, "visits_per_month", "9")  # each point misses what it loses
    places = ["DEPOT", *(row[0] for row in lines["points"][1:])]
    known = {(row[0], row[1]) for row in lines["travel_minutes"][1:]}
    for one, two in combinations(places, 2):
        if not known & {(one, two), (two, one)}:
            lines["travel_minutes"].append([one, two, "20", "9.0"])
    return lines


def with_nurses(lines: Lines) -> Lines:
    """The county with three nurses more: the first one's licence has ended, the second is on leave on 16 November."""
    lines["staff"] += [
        ["n901", "甲护士", "nurse", "", "", "2026-10-01", "V01", "", ""],
        ["n902", "乙护士", "nurse", "", "", "", "V01", "", ""],
        ["n903", "丙护士", "nurse", "", "", "", "", "", ""],
    ]
    lines["unavailable"].append(["U99", "2026-11-16", "2026-11-16", "n902", "", "", "请假"])
    return lines


def laid_before(hospital: Hospital, folder: Path, lines: Lines | None = None) -> Draft:
    """The county as the draft, without the child that reads uploads."""
    draft, _ = read_draft(write_csv(lines or example(), folder), None, hospital.now(), LAN.name)
    return ScheduleDesk(hospital).replace(draft)
