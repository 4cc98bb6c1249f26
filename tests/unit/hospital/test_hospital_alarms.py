"""A vehicle whose plan says that it is out and of which nothing is heard; a session that moves nothing."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from sqlalchemy import insert, update

from clinic_records.clock import CHINA, to_ms
from clinic_records.errors import NotFound
from clinic_records.ids import StopId
from clinic_records.people import Author, Role
from clinic_records.schedule import PublishedSchedule, Visit
from cloud_hospital.alarms import HAPPENED, LOOKED_BACK, SILENT, end_alarm, last_planned, standing
from cloud_hospital.hospital import Hospital
from cloud_hospital.intake.strangers import raise_alarm
from cloud_hospital.store.engine import writing
from cloud_hospital.store.tables import transfers, vehicles
from schedules.folder import PlanFolder
from schedules.publish import make_version
from tests.unit.hospital.conftest import Clinic

DAY = date(2026, 11, 23)
ENDED = datetime(2026, 11, 23, 11, 30, tzinfo=CHINA)


def plan(*visits: Visit, version: int = 1, first: date = date(2026, 11, 1)) -> PublishedSchedule:
    return PublishedSchedule(version, "0" * 64, first, first, date(2026, 12, 31), visits)


def visit(day: date = DAY, vehicle: str = "V01") -> Visit:
    return Visit(
        StopId(f"R1-{day:%Y%m%d}"),
        day,
        "P001",
        "桃源点",
        "桃源村",
        vehicle,
        time(8, 30),
        time(11, 30),
        ("n1",),
        "R1",
        1,
    )


@pytest.mark.parametrize(
    ("heard", "hours", "owes"),
    [
        (None, 23.9, False),
        (None, 24.1, True),
        (ENDED - timedelta(days=2), 24.1, True),
        (ENDED - timedelta(hours=1), 48.0, False),
        (ENDED + timedelta(hours=1), 48.0, False),
    ],
)
def test_a_vehicle_owes_a_word_a_day_after_its_planned_stop(
    heard: datetime | None, hours: float, *, owes: bool
) -> None:
    now = ENDED + timedelta(hours=hours)
    assert last_planned([plan(visit())], "V01", heard, now) == (ENDED if owes else None)


def test_only_the_version_in_force_and_the_vehicle_itself_count() -> None:
    now = ENDED + SILENT + timedelta(hours=1)
    moved = plan(visit(vehicle="V02"), version=2)
    assert last_planned([plan(visit()), moved], "V01", None, now) is None
    assert last_planned([plan(visit()), moved], "V02", None, now) == ENDED
    assert last_planned([plan(visit())], "V01", None, ENDED + LOOKED_BACK + timedelta(days=2)) is None
    assert last_planned([], "V01", None, now) is None


def test_the_oldest_stop_since_it_was_heard_is_named() -> None:
    later = visit(DAY + timedelta(days=2))
    now = ENDED + timedelta(days=4)
    heard = ENDED + timedelta(days=1)
    assert last_planned([plan(visit(), later)], "V01", heard, now) == ENDED + timedelta(days=2)


def codes(hospital: Hospital) -> set[tuple[str, str]]:
    return {(each.code, each.vehicle) for each in standing(hospital)}


def test_silence_is_said_of_who_should_be_out_and_not_of_a_revoked_one(clinic: Clinic) -> None:
    now = clinic.hospital.now()
    day = (now - timedelta(days=3)).astimezone(CHINA).date()
    first = day.replace(day=1)
    published = make_version([visit(day)], version=1, effective_from=first, first=first, last=day + timedelta(days=40))
    PlanFolder(clinic.hospital.folder.root).add(published)
    assert ("silent", "V01") in codes(clinic.hospital)
    with writing(clinic.hospital.engine) as connection:
        connection.execute(update(vehicles).values(last_contact=to_ms(now)))
    assert ("silent", "V01") not in codes(clinic.hospital)
    with writing(clinic.hospital.engine) as connection:
        connection.execute(update(vehicles).values(last_contact=None))
    clinic.hospital.log.revoke("V01", now, "sold")
    assert ("silent", "V01") not in codes(clinic.hospital)


def test_a_present_vehicle_whose_file_does_not_grow_is_said(clinic: Clinic) -> None:
    now = clinic.hospital.now()
    row = {"vehicle": "V01", "wire_sha256": "a" * 64, "size": 10, "lane": "p4", "ranges": "[[0,1]]", "attempts": 0}
    with writing(clinic.hospital.engine) as connection:
        connection.execute(insert(transfers).values(**row, updated_at=to_ms(now - timedelta(minutes=31))))
        connection.execute(update(vehicles).values(last_contact=to_ms(now)))
    assert ("stalled", "V01") in codes(clinic.hospital)
    with writing(clinic.hospital.engine) as connection:
        connection.execute(update(vehicles).values(last_contact=to_ms(now - timedelta(hours=2))))
    assert ("stalled", "V01") not in codes(clinic.hospital), "it is not there"


def test_what_happened_once_stands_until_it_is_done(clinic: Clinic) -> None:
    raise_alarm(clinic.hospital, "V01", "fork", "two boxes")
    (said,) = [each for each in standing(clinic.hospital) if each.code == "fork"]
    assert "two boxes" in said.zh
    assert "重新登记" in said.zh
    end_alarm(clinic.hospital, said.n, Author("o001", "赵运维", Role.OPERATOR))
    assert ("fork", "V01") not in codes(clinic.hospital)
    with pytest.raises(NotFound):
        end_alarm(clinic.hospital, said.n, Author("o001", "赵运维", Role.OPERATOR))
    assert all(zh != en for zh, en in HAPPENED.values())
    assert datetime.fromisoformat(said.since) <= datetime.now(UTC)
