"""A month's adherence from what vehicles recorded: the county's March, versions that came mid-day, people, reasons."""

import json
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import insert
from typer.testing import CliRunner

from clinic_records.care import CheckIn, CheckInWay, EncounterStatus, Stop, StopStatus, Substitution
from clinic_records.clock import CHINA, to_ms
from clinic_records.errors import NotFound, RefusedInput
from clinic_records.ids import IdFactory, StopId
from clinic_records.record import Kind, encode_payload
from clinic_records.schedule import PublishedPoint, PublishedSchedule, Visit
from cloud_hospital.adherence.month import month_report
from cloud_hospital.adherence.planned import planned_visits
from cloud_hospital.store.engine import writing
from cloud_hospital.store.tables import entries, latest
from commands.schedule import app
from schedules.adherence.checkins import read_checkins
from schedules.draft import check_files
from schedules.expand import expand
from schedules.folder import PlanFolder
from schedules.publish import make_version, points_of
from sync.ports import Verdict
from tests.unit.hospital.conftest import AT, NURSE, Clinic, a_visit

FIRST, LAST = date(2026, 11, 1), date(2026, 11, 30)
DAY = date(2026, 11, 23)
AFTER = datetime(2027, 1, 1, tzinfo=CHINA)
POINTS = {"P006": PublishedPoint("桃源村服务点", "桃源村", "331127101204", 119.7, 27.8)}


def visit(name: str, start: time = time(8, 30), day: date = DAY, vehicle: str = "V01") -> Visit:
    return Visit(StopId(name), day, "P006", "桃源村服务点", "桃源村", vehicle, start, time(17), ("n001",), "R1", 1)


def version(number: int, *visits: Visit, effective_from: date = FIRST) -> PublishedSchedule:
    return make_version(visits, version=number, effective_from=effective_from, first=FIRST, last=LAST, points=POINTS)


def publish(clinic: Clinic, *versions: PublishedSchedule) -> None:
    for one in versions:
        PlanFolder(clinic.hospital.folder.root).add(one)


def stop(clock: str, visit_id: str = "", *, day: date = DAY, number: int = 1, **changes: Any) -> Stop:
    at = datetime.combine(day, time.fromisoformat(clock), CHINA)
    plain = Stop(
        id=StopId(IdFactory().new()),
        vehicle="V01",
        point_id="P006",
        point_name="桃源村服务点",
        village="桃源村",
        day=day,
        start=time(8, 30),
        end=time(17),
        status=StopStatus.CLOSED,
        schedule_version=number,
        opened_at=at + timedelta(minutes=6),
        closed_at=at + timedelta(hours=3),
        visit_id=visit_id,
        arrived=CheckIn(at, CheckInWay.POSITION, lon=119.7, lat=27.8),
    )
    return msgspec.structs.replace(plain, **changes)


def send(clinic: Clinic, stops: Iterable[Stop]) -> None:
    for one in stops:
        assert clinic.send(clinic.box.record(Kind.STOP, one, one.id)).verdict is Verdict.APPLIED


def lay(clinic: Clinic, stops: Iterable[Stop]) -> None:
    """Many stops at once, as intake leaves them: their ways here are tested one by one elsewhere."""
    with writing(clinic.hospital.engine) as connection:
        for n, one in enumerate(stops, 1):
            row = {
                "n": n,
                "id": one.id,
                "revision": 1,
                "sha256": "0" * 64,
                "kind": "stop",
                "vehicle": one.vehicle,
                "incarnation": 1,
                "seq": n,
                "header": "{}",
                "received_at": to_ms(AFTER),
                "payload": encode_payload(one),
            }
            connection.execute(insert(entries).values(row))
            newest = {"kind": row["kind"], "id": one.id, "revision": 1, "entry": n, "vehicle": one.vehicle}
            connection.execute(insert(latest).values(newest))


def test_the_countys_march_from_records_is_the_truth(clinic: Clinic, shared_data: Path) -> None:
    county = shared_data / "schedules"
    first, last = date(2026, 3, 1), date(2026, 4, 7)
    plan = check_files(county, (first, last), first).checked.plan
    visits = expand(plan, first, last)
    publish(
        clinic,
        make_version(visits, version=1, effective_from=first, first=first, last=last, points=points_of(plan)),
    )
    checkins, _ = read_checkins(county / "actuals_2026-03.csv", plan)
    stops = []
    for one in checkins:
        here = stop(
            f"{one.arrived_at:%H:%M}",
            day=one.arrived_at.date(),
            vehicle=one.vehicle_id,
            point_id=one.point_id,
            arrived=CheckIn(one.arrived_at, CheckInWay.POSITION, lon=one.lon, lat=one.lat),
            closed_at=one.left_at,
        )
        stops.append(here)
    lay(clinic, stops)
    made = msgspec.to_builtins(month_report(clinic.hospital, "2026-03", AFTER))
    truth = json.loads((county / "kpi_truth_2026-03.json").read_text("utf-8"))
    del truth["people"]  # those are counted from encounters, below
    assert {name: made[name] for name in truth} == truth


def test_people_are_counted_once_a_stop_and_a_wrong_encounter_is_nobody(clinic: Clinic) -> None:
    publish(clinic, version(1, visit("a")))
    here = stop("08:24", "a")
    send(clinic, [here])
    for status in (EncounterStatus.FINISHED, EncounterStatus.FINISHED, EncounterStatus.ENTERED_IN_ERROR):
        found = a_visit()
        one = msgspec.structs.replace(found.encounter, stop=here.id, status=status)
        again = msgspec.structs.replace(one, id=IdFactory().new())
        for encounter in (one, again):
            clinic.send(clinic.box.record(Kind.ENCOUNTER, encounter, encounter.id))
    report = month_report(clinic.hospital, "2026-11", AFTER)
    assert (report.planned, report.on_time, report.people, report.points_served, report.villages_served) == (
        1, 1, 2, 1, 1,
    )  # fmt: skip


def test_a_missed_visit_has_its_reason_and_its_make_up(clinic: Clinic) -> None:
    later = DAY + timedelta(days=2)
    publish(clinic, version(1, visit("a"), visit("b", day=DAY + timedelta(days=1))))
    missed = stop("08:30", "a", status=StopStatus.MISSED, reason="路不通", arrived=None, opened_at=None, closed_at=None)
    send(clinic, [missed, stop("09:00", day=later, makes_up_for="a", reason="补诊")])
    report = month_report(clinic.hospital, "2026-11", AFTER)
    assert (report.missed, report.made_up) == (2, 1)
    assert [(one.visit_id, one.made_up_on, one.why) for one in report.missed_visits] == [
        ("a", later, "路不通"),
        ("b", None, ""),
    ]
    assert report.changes_by_reason == {"missed 路不通": 1}


def test_substitutions_count_by_reason_and_only_the_last_of_one_person(clinic: Clinic) -> None:
    publish(clinic, version(1, visit("a")))
    changed = [
        Substitution("n001", instead, "", reason, NURSE, AT)
        for instead, reason in (("n002", "生病"), ("n003", "请假"), ("n003", "其他：去接人"))
    ]
    back = Substitution("d001", "d001", "兰医生", "", NURSE, AT)
    send(clinic, [stop("08:24", "a", substitutions=(*changed, back))])
    assert month_report(clinic.hospital, "2026-11", AFTER).changes_by_reason == {"substitute 其他": 1}


def test_a_vehicle_that_stood_there_and_gave_up_did_not_keep_the_visit(clinic: Clinic) -> None:
    publish(clinic, version(1, visit("a")))
    send(clinic, [stop("08:24", "a", status=StopStatus.MISSED, reason="没人来", opened_at=None, closed_at=None)])
    report = month_report(clinic.hospital, "2026-11", AFTER)
    assert (report.missed, report.on_time, report.points_served) == (1, 0, 0)


def test_a_newer_revision_counts_and_a_visit_to_come_is_open(clinic: Clinic) -> None:
    publish(clinic, version(1, visit("a"), visit("b", day=LAST)))
    first = stop("08:30", "a", status=StopStatus.MISSED, reason="车坏", arrived=None, opened_at=None, closed_at=None)
    send(clinic, [first])
    second = stop("09:30", "a", id=first.id)
    assert clinic.send(clinic.box.record(Kind.STOP, second, second.id, revision=2)).verdict is Verdict.APPLIED
    report = month_report(clinic.hospital, "2026-11", datetime(2026, 11, 24, tzinfo=CHINA))
    assert (report.late, report.missed, report.open) == (1, 0, 1)


def test_a_stop_at_a_place_nobody_knows_is_unplanned(clinic: Clinic) -> None:
    publish(clinic, version(1, visit("a")))
    send(
        clinic,
        [stop("08:30", point_id="", point_name="养老院", arrived=None), stop("14:00", point_id="P777", arrived=None)],
    )
    report = month_report(clinic.hospital, "2026-11", AFTER)
    assert (report.unplanned_stops, report.missed) == (2, 1)


def test_without_a_version_or_a_month_there_is_no_report(clinic: Clinic) -> None:
    with pytest.raises(NotFound):
        month_report(clinic.hospital, "2026-11")
    with pytest.raises(RefusedInput):
        month_report(clinic.hospital, "November")


A, B, C = visit("a"), visit("b", time(14)), visit("c", time(16))


@pytest.mark.parametrize(
    ("newest", "came", "expected"),
    [
        pytest.param((A, visit("b", time(15))), "a", {"a": time(8, 30), "b": time(14)}, id="keeps-its-times"),
        pytest.param((A,), "a", {"a": time(8, 30)}, id="cancelled-at-noon"),
        pytest.param((A,), "ab", {"a": time(8, 30), "b": time(14)}, id="cancelled-but-kept"),
        pytest.param((A, B, C), "a", {"a": time(8, 30), "b": time(14), "c": time(16)}, id="added"),
        pytest.param((A, visit("b", day=LAST)), "ab", {"a": time(8, 30), "b": time(14)}, id="moved-but-kept"),
        pytest.param((visit("a", time(9)), B), "", {"a": time(9), "b": time(14)}, id="not-begun"),
    ],
)
def test_what_counts_as_planned_on_a_day_that_had_begun(
    newest: tuple[Visit, ...], came: str, expected: dict[str, time]
) -> None:
    versions = [version(1, A, B), version(2, *newest)]
    found = planned_visits(versions, [stop("08:24", each) for each in came], FIRST, LAST)
    assert {one.visit_id: one.start for one in found} == expected


def test_the_command_tells_it_from_records_and_wants_one_source(clinic: Clinic) -> None:
    publish(clinic, version(1, visit("a")))
    send(clinic, [stop("08:24", "a")])
    root = str(clinic.hospital.folder.root)
    done = CliRunner().invoke(app, ["adherence", "--hospital", root, "--month", "2026-11", "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["on_time"] == 1
    for wrong in (["--month", "2026-11"], ["x.xlsx", "--hospital", root, "--month", "2026-11"], ["--hospital", root]):
        assert CliRunner().invoke(app, ["adherence", *wrong]).exit_code != 0
