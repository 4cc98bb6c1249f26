"""A published schedule on the bench's vehicle V03, about the day the test runs."""

from collections.abc import Collection
from datetime import date, datetime, time, timedelta

from clinic_records.clock import CHINA, Origin
from clinic_records.ids import RecordId, StopId
from clinic_records.record import Kind, Lane, Record
from clinic_records.schedule import CancelledVisit, PublishedPoint, PublishedSchedule, Visit
from schedules.publish import encode, make_version
from tests.unit.web.web_bench import Bench
from vehicle_agent.store.records import put_foreign

POINTS = {
    "P001": PublishedPoint("文化礼堂", "桃源村", "331127101204", 119.68645, 27.80983, "蓝医生", "0578-0000001"),
    "P002": PublishedPoint("便民服务中心", "东坑村", "331127101206", 119.70645, 27.80983),
    "P003": PublishedPoint("老年活动室", "渤海镇安亭村上村", "331127101207"),
}
STAFF = {"n001": "张护士", "d001": "兰医生", "s009": "李护士", "s010": "雷丽君"}


def today(bench: Bench) -> date:
    return bench.clock.now().astimezone(CHINA).date()


def visit(name: str, day: date, start: str, point: str = "P001", vehicle: str = "V03", **changes: object) -> Visit:
    begins = time.fromisoformat(start)
    ends = (datetime.combine(day, begins) + timedelta(hours=2)).time()
    known = POINTS[point]
    fields: dict[str, object] = {
        "visit_id": StopId(name),
        "date": day,
        "point_id": point,
        "point_name": known.name,
        "village": known.village,
        "vehicle_id": vehicle,
        "start": begins,
        "end": ends,
        "staff_ids": ("n001", "d001") if vehicle == "V03" else ("s009",),
        "rule_id": "R1",
        "ordinal": 3,
    }
    return Visit(**fields | changes)  # type: ignore[arg-type]  # fields by name


def plan(bench: Bench, version: int, *visits: Visit, cancelled: Collection[CancelledVisit] = ()) -> PublishedSchedule:
    first = today(bench).replace(day=1) - timedelta(days=40)
    return make_version(
        visits,
        version=version,
        effective_from=first,
        first=first,
        last=first + timedelta(days=200),
        staff=STAFF,
        points=POINTS,
        cancelled=cancelled,
    )


def publish(bench: Bench, version: int, *visits: Visit, cancelled: Collection[CancelledVisit] = ()) -> None:
    """The version is on the vehicle; somebody must have logged in."""
    payload = encode(plan(bench, version, *visits, cancelled=cancelled))
    record = Record(
        RecordId("schedule"),
        version,
        Kind.SCHEDULE,
        Lane.P2,
        payload,
        Origin("H1", 1, version),
        None,
        bench.clock.now(),
    )
    assert bench.vault.store.write(lambda conn: put_foreign(conn, record))
    bench.desk.events.publish("stop")


def usual(bench: Bench) -> list[Visit]:
    """Two visits today, one made by another vehicle beside us, one missed four days ago, one a week on."""
    day = today(bench)
    return [
        visit("a", day, "08:30"),
        visit("b", day, "14:00", "P002"),
        visit("x", day, "08:30", vehicle="V05"),
        visit("old", day - timedelta(days=4), "09:00", "P003"),
        visit("next", day + timedelta(days=7), "08:30"),
        visit("m", day + timedelta(days=2), "10:00", "P002"),
    ]
