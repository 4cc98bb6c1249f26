"""A routine answer goes to whichever vehicle is next at the village; what is urgent stays with the one that asked."""

from datetime import date, datetime, time, timedelta
from pathlib import Path

import msgspec
import pytest

from clinic_records.care import Stop
from clinic_records.clock import CHINA
from clinic_records.consult import Answer, Recall, RecallLevel, Retraction
from clinic_records.ids import StopId
from clinic_records.schedule import PublishedPoint, Visit
from cloud_hospital.downlinks.follow import Follower
from cloud_hospital.downlinks.next_visit import Plans, follow_visits, next_visit
from cloud_hospital.downlinks.opinions import answer, recall_person, retract
from cloud_hospital.hospital import Hospital
from cloud_hospital.vehicles import active_vehicles, enrol, revoke
from schedules.folder import PlanFolder
from schedules.publish import make_version
from tests.unit.hospital.conftest import Box, Clinic, a_visit
from tests.unit.hospital.test_downlinks import DOCTOR, came_down


def a_planned(day: date, vehicle: str, start: int = 8, point: str = "P006", village: str = "桃源村") -> Visit:
    return Visit(
        StopId(f"R-{vehicle}-{day:%Y%m%d}-{start}"), day, point, "点", village, vehicle,
        time(start, 30), time(start + 3), (), "R", 1,
    )  # fmt: skip


class County:
    """V01 had a case in the village; V02 will be there."""

    def __init__(self, clinic: Clinic) -> None:
        self.clinic, self.hospital = clinic, clinic.hospital
        self.other = Box("V02")
        enrol(self.hospital, self.other.request())
        self.today = self.hospital.now().astimezone(CHINA).date()
        self.case = a_visit()
        for record in self.case.records(clinic.box)[:3]:
            clinic.send(record)

    def plan(self, *visits: Visit, number: int = 1) -> None:
        days = self.today - timedelta(30), self.today + timedelta(60)
        made = make_version(visits, version=number, effective_from=days[0], first=days[0], last=days[1])
        PlanFolder(self.hospital.folder.root).add(made)

    def heard(self, what: type[Answer | Recall | Retraction]) -> list[str]:
        found = [thing for _, thing in came_down(self.hospital, self.other)]
        return [thing.id for thing in found if isinstance(thing, what)]


@pytest.fixture
def county(clinic: Clinic) -> County:
    return County(clinic)


def test_the_next_vehicle_hears_it_too_and_once(county: County) -> None:
    tomorrow = county.today + timedelta(1)
    county.plan(a_planned(tomorrow, "V02"), a_planned(tomorrow + timedelta(7), "V01"))
    said = answer(county.hospital, county.case.encounter.id, "复查空腹血糖", DOCTOR)
    Follower(county.hospital).look()
    assert county.heard(Answer) == [said.id]
    assert follow_visits(county.hospital) == 0
    gone = retract(county.hospital, said.id, "写错了人", DOCTOR)
    assert county.heard(Retraction) == [gone.id]


@pytest.mark.parametrize("level", [RecallLevel.TODAY, RecallLevel.NOW])
def test_what_is_urgent_is_not_spread(county: County, level: RecallLevel) -> None:
    county.plan(a_planned(county.today + timedelta(1), "V02"))
    answer(county.hospital, county.case.encounter.id, "马上送医", DOCTOR, level)
    recall_person(county.hospital, county.case.encounter.id, level, "马上", DOCTOR)
    assert follow_visits(county.hospital) == 0
    routine = recall_person(county.hospital, county.case.encounter.id, RecallLevel.ROUTINE, "下次复查", DOCTOR)
    assert follow_visits(county.hospital) == 1
    assert county.heard(Recall) == [routine.id]


def test_nobody_hears_what_was_taken_back_or_is_somebody_elses(county: County) -> None:
    county.plan(
        a_planned(county.today + timedelta(1), "V02", point="P009", village="别村"),
        a_planned(county.today + timedelta(2), "V01"),
        a_planned(county.today + timedelta(3), "V02"),
    )
    answer(county.hospital, county.case.encounter.id, "复查", DOCTOR)
    assert follow_visits(county.hospital) == 0, "V01 is next there itself"
    county.plan(a_planned(county.today + timedelta(1), "V02"), number=2)
    second = answer(county.hospital, county.case.encounter.id, "误答", DOCTOR)
    retract(county.hospital, second.id, "写错了人", DOCTOR)
    assert follow_visits(county.hospital) == 1, "the plan has changed; the one taken back goes to nobody new"
    assert second.id not in county.heard(Answer)


def test_a_revoked_vehicle_and_an_unplanned_village_stop_nothing(county: County) -> None:
    answer(county.hospital, county.case.encounter.id, "复查", DOCTOR)
    assert follow_visits(county.hospital) == 0, "no plan at all"
    county.plan(a_planned(county.today + timedelta(1), "V02"))
    revoke(county.hospital, "V02", "stolen")
    assert follow_visits(county.hospital) == 0


def test_the_next_vehicle_hears_it_though_the_one_that_asked_was_stolen(county: County) -> None:
    said = answer(county.hospital, county.case.encounter.id, "复查", DOCTOR)
    revoke(county.hospital, "V01", "stolen")
    county.plan(a_planned(county.today + timedelta(1), "V02"))
    Follower(county.hospital).look()
    assert county.heard(Answer) == [said.id]


def test_what_is_taken_back_in_the_same_moment_is_never_left_with_the_next_vehicle(
    county: County, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sync rule 2: a retraction goes to whoever was addressed by then, and nobody is addressed after it."""
    hospital, encounter = county.hospital, county.case.encounter.id
    county.plan(a_planned(county.today + timedelta(1), "V02"))
    first = answer(hospital, encounter, "误答", DOCTOR)
    with monkeypatch.context() as patch:

        def taken_back_now(hospital: Hospital) -> list[str]:
            retract(hospital, first.id, "写错了人", DOCTOR)
            return active_vehicles(hospital)

        patch.setattr("cloud_hospital.downlinks.next_visit.active_vehicles", taken_back_now)
        assert follow_visits(hospital) == 0
    second, new_id = answer(hospital, encounter, "又误答", DOCTOR), hospital.ids.new
    with monkeypatch.context() as patch:

        def addressed_now() -> str:
            follow_visits(hospital)
            return new_id()

        patch.setattr(hospital.ids, "new", addressed_now)
        gone = retract(hospital, second.id, "写错了人", DOCTOR)
    assert (county.heard(Answer), county.heard(Retraction)) == ([second.id], [gone.id])


def test_two_villages_of_one_name_are_told_apart_by_their_codes(county: County) -> None:
    day, made = date(2026, 11, 23), datetime(2026, 11, 23, 6, 0, tzinfo=CHINA)
    visits = (a_planned(day, "V02", 8, "P900"), a_planned(day, "V03", 9, "P901", "桃源社区"))
    ours = county.case.stop.point_id
    points = {
        ours: PublishedPoint("点", "桃源村", "533124101201"),
        "P900": PublishedPoint("点", "桃源村", "533124205207"),
        "P901": PublishedPoint("点", "桃源社区", "533124101201"),
    }

    def found(points: dict[str, PublishedPoint], stop: Stop) -> str | None:
        version = make_version(visits, version=1, effective_from=day, first=day, last=day, points=points)
        visit = next_visit(Plans([version]), stop, made, made)
        return None if visit is None else visit.vehicle_id

    assert found({}, county.case.stop) == "V02"
    assert found(points, county.case.stop) == "V03"
    nowhere = (a_planned(day, "V02", 8, "P900", ""),)
    version = make_version(nowhere, version=1, effective_from=day, first=day, last=day)
    unknown = msgspec.structs.replace(county.case.stop, village="", point_id="")
    assert next_visit(Plans([version]), unknown, made, made) is None


def test_the_visit_is_the_first_that_ends_after_the_answer(county: County) -> None:
    day = date(2026, 11, 23)
    made = datetime(2026, 11, 23, 10, 0, tzinfo=CHINA)
    visits = (a_planned(day, "V01", 5), a_planned(day, "V02", 9), a_planned(day, "V03", 13))
    version = make_version(visits, version=1, effective_from=day, first=day, last=day)
    stop = county.case.stop

    def found(at: datetime, now: datetime, stop: Stop = stop) -> str | None:
        visit = next_visit(Plans([version]), stop, at, now)
        return None if visit is None else visit.vehicle_id

    assert found(made, made) == "V02"
    assert found(made.replace(hour=15), made) == "V03"
    assert found(made.replace(hour=20), made) is None
    assert found(made, made + timedelta(1)) is None, "it is over; whoever was there has told"
    elsewhere = msgspec.structs.replace(stop, village="别村", point_id="P009")
    assert found(made, made, elsewhere) is None


def test_an_altered_schedule_stops_nothing_else(county: County) -> None:
    county.plan(a_planned(county.today + timedelta(1), "V02"))
    (path,) = [each for each in county.hospital.folder.root.rglob("*") if each.is_file() and "P006" in _text(each)]
    path.write_text(_text(path).replace("P006", "P007"), encoding="utf-8")
    said = answer(county.hospital, county.case.encounter.id, "复查", DOCTOR)
    Follower(county.hospital).look()
    heard = [thing for _, thing in came_down(county.hospital, county.clinic.box)]
    assert said in heard


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""
