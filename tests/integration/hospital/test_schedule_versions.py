"""Versions of the schedule over the real relay: mid-day, twice, out of order, forged, earlier, all after a gap."""

from datetime import date, time, timedelta

import httpx
import msgspec
import pytest
from sqlalchemy import select, update

from clinic_records.clock import CHINA
from clinic_records.ids import StopId
from clinic_records.schedule import PublishedPoint, PublishedSchedule, Visit
from clinic_web.pages import HERE, VENDOR
from cloud_hospital.adherence.month import month_report
from cloud_hospital.downlink import _queue_schedule, queue_schedules
from cloud_hospital.hospital import Hospital
from cloud_hospital.store.engine import reading, writing
from cloud_hospital.store.tables import downlink
from schedules.adherence.report import Report
from schedules.folder import PlanFolder
from schedules.publish import encode, make_version
from tests.integration.hospital.test_processes import Running, until
from tests.integration.hospital.test_way_down import hospital, opened, tablet, vehicle
from tests.integration.vehicle.vehicle_world import PIN, STAFF, Vehicle, wait_until

pytestmark = pytest.mark.skipif(
    not all((HERE / "static" / name).is_file() for name in VENDOR), reason="browser libraries are not built here"
)
__all__ = ["hospital", "opened", "tablet", "vehicle"]
POINTS = {"P1": PublishedPoint("桃源点", "桃源村", "331127101204", 119.7, 27.8)}


@pytest.fixture
def day(opened: Hospital) -> date:
    return opened.now().astimezone(CHINA).date()


def visit(name: str, day: date, start: int = 8, end: int = 17) -> Visit:
    return Visit(StopId(name), day, "P1", "桃源点", "桃源村", "V01", time(start), time(end), (STAFF,), "R", 1)


def version(number: int, day: date, *visits: Visit, effective_from: date | None = None) -> PublishedSchedule:
    first = day - timedelta(days=30)
    last = day + timedelta(days=60)
    start = effective_from or day
    return make_version(visits, version=number, effective_from=start, first=first, last=last, points=POINTS)


class Sender:
    """Publishes at the hospital, and waits for the vehicle's signed answer."""

    def __init__(self, opened: Hospital) -> None:
        self.opened = opened
        self.folder = PlanFolder(opened.folder.root)

    def answers(self) -> dict[int, str | None]:
        with reading(self.opened.engine) as connection:
            query = select(downlink.c.revision, downlink.c.verdict).where(downlink.c.kind == "schedule")
            return {row.revision: row.verdict for row in connection.execute(query)}

    def publish(self, plan: PublishedSchedule, expected: str = "applied") -> None:
        self.folder.add(plan)
        queue_schedules(self.opened, ["V01"])
        self.wait(plan.version, expected)

    def send(self, number: int, payload: bytes, expected: str = "applied") -> None:
        _queue_schedule(self.opened, "V01", payload, number)
        self.wait(number, expected)

    def forget(self, number: int) -> None:
        """As a hospital restored from a backup has: the version is not known to be queued, and is sealed anew."""
        mine = (downlink.c.revision == number, downlink.c.kind == "schedule")
        with writing(self.opened.engine) as connection:
            connection.execute(update(downlink).where(*mine).values(revision=number + 1000))

    def wait(self, number: int, expected: str) -> None:
        until(lambda: self.answers().get(number) is not None, f"version {number} is answered")
        assert self.answers()[number] == expected


@pytest.fixture
def sender(opened: Hospital) -> Sender:
    return Sender(opened)


@pytest.mark.timeout(240)
def test_versions_come_over_the_relay_as_the_road_wants_them(
    hospital: Running, vehicle: Vehicle, tablet: httpx.Client, sender: Sender, day: date
) -> None:
    tomorrow = day + timedelta(days=1)
    a, b, t = visit("a", day, 0, 1), visit("b", day, 23, 23), visit("t", tomorrow)
    b = msgspec.structs.replace(b, end=time(23, 59))

    def today_page() -> str:
        return tablet.get("/").text

    def report() -> Report:
        return month_report(sender.opened, f"{day:%Y-%m}")

    def version_of(name: str, on: date) -> str:
        text = tablet.get(f"/visits/{on}/{name}", follow_redirects=True).text
        return text.partition("班表(第")[2].partition("版)")[0]

    def opens(name: str, on: date) -> bool:
        return tablet.get(f"/visits/{on}/{name}").status_code == 200

    sender.publish(version(1, day, a, b, t))
    wait_until(lambda: "00:00–01:00" in today_page())
    assert tablet.post("/stop/open", data={"x": "1"}).status_code == 303
    assert "开诊中" in today_page()

    sender.publish(version(2, day, a, t))  # mid-day: b is cancelled
    wait_until(lambda: "班表第2版到了" in today_page())
    assert "23:00 桃源村 不去了" in today_page()
    assert (version_of("a", day), version_of("t", tomorrow)) == ("1", "2")

    sender.forget(2)
    sender.send(2, sender.folder.payload(2))  # twice, in another envelope

    four = version(4, day, a, visit("t4", tomorrow))
    three = version(3, day, a, visit("t3", tomorrow))
    sender.send(4, encode(four))  # out of order
    sender.send(3, encode(three))
    wait_until(lambda: opens("t4", tomorrow))
    assert not opens("t3", tomorrow)

    forged = encode(version(5, day, a, visit("t5", tomorrow))).replace(b'"t5"', b'"t6"')
    sender.send(5, forged, "held")
    wait_until(lambda: 'data-code="down-not-taken"' in tablet.get("/sync").text)
    sender.publish(version(6, day, a, visit("t7", tomorrow), effective_from=day - timedelta(days=20)))
    wait_until(lambda: opens("t7", tomorrow))
    assert not opens("t6", tomorrow), "what was forged is nowhere"
    assert (version_of("a", day), version_of("t7", tomorrow)) == ("1", "6")

    assert tablet.post("/stop/close", data={"x": "1"}).status_code == 303
    until(lambda: report().points_served == 1, "the stop is at the hospital")
    found = report()
    kept = found.on_time + found.late + found.early
    assert (kept, found.missed) == (1, 0), "b was cancelled, and nobody is blamed for it"

    vehicle.kill()  # and now it is away for long
    for number in (7, 8, 9):
        sender.folder.add(version(number, day, visit(f"w{number}", tomorrow)))
        queue_schedules(sender.opened, ["V01"])
    vehicle.start()
    vehicle.login()
    for number in (7, 8, 9):
        sender.wait(number, "applied")
    url = vehicle.ready["ready"].rstrip("/")
    with httpx.Client(base_url=url, headers={"origin": url}) as again:
        again.post("/login", data={"staff": STAFF, "pin": PIN})
        wait_until(lambda: again.get(f"/visits/{tomorrow}/w9").status_code == 200)
        assert [again.get(f"/visits/{tomorrow}/w{number}").status_code for number in (7, 8)] == [404, 404]
        assert "班表(第1版)" in again.get(f"/visits/{day}/a").text, "the day keeps its version"
    assert hospital.status()["quarantined"] == 0
