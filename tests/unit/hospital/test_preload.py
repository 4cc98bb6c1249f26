"""The depot's pre-load: whose people go down, in which order, and what leaves the queue again."""

from datetime import time, timedelta

import msgspec
import pytest
from sqlalchemy import select

from clinic_records.clock import CHINA
from clinic_records.errors import NotFound, RefusedInput
from clinic_records.ids import StopId
from clinic_records.patient_slice import PatientSlice
from clinic_records.record import Kind, Lane
from clinic_records.schedule import Visit
from cloud_hospital.downlinks.preload import PEOPLE, preload
from cloud_hospital.hospital import Hospital
from cloud_hospital.store.engine import reading
from cloud_hospital.store.tables import downlink
from schedules.folder import PlanFolder
from schedules.publish import make_version
from tests.unit.hospital.conftest import Clinic, a_visit
from tests.unit.hospital.test_downlinks import came_down


def plan(hospital: Hospital, *visits: tuple[int, str, str]) -> str:
    """Publish visits (days from today, village, vehicle); the month most of them are in."""
    today = hospital.now().astimezone(CHINA).date()
    made = tuple(
        Visit(
            StopId(f"R{n}"),
            today + timedelta(days),
            "P1",
            "点",
            village,
            vehicle,
            time.min,
            time(23),
            (),
            "R",
            1,
        )
        for n, (days, village, vehicle) in enumerate(visits)
    )
    number = len(PlanFolder(hospital.folder.root).versions()) + 1
    version = make_version(made, version=number, effective_from=today, first=today, last=today + timedelta(62))
    PlanFolder(hospital.folder.root).add(version)
    return f"{today:%Y-%m}"


def live_in(clinic: Clinic, village: str, count: int) -> None:
    for number in range(count):
        patient = msgspec.structs.replace(
            a_visit(name=f"{village}{number}").patient, village=f"{village}{number % 3}组"
        )
        clinic.send(clinic.box.record(Kind.PATIENT, patient, patient.id))


def slices(clinic: Clinic) -> list[tuple[Lane, PatientSlice]]:
    return [(lane, thing) for lane, thing in came_down(clinic.hospital, clinic.box) if isinstance(thing, PatientSlice)]


def test_the_depot_gets_its_villages_first_stop_first(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cloud_hospital.downlinks.preload.PEOPLE", 2)
    assert PEOPLE > 2
    live_in(clinic, "桃源村", 3)
    live_in(clinic, "云上村", 1)
    live_in(clinic, "他乡", 1)
    month = plan(clinic.hospital, (0, "云上村", "V01"), (0, "桃源村", "V01"), (0, "他乡", "V02"))
    done = preload(clinic.hospital, "V01", month)
    assert {(each.village, each.people, each.parts, each.queued) for each in done.villages} == {
        ("云上村", 1, 1, 1),
        ("桃源村", 3, 2, 2),
    }
    came = slices(clinic)
    assert {lane for lane, _ in came} == {Lane.P2}
    assert [(each.part, each.parts, len(each.people)) for _, each in came if each.village == "桃源村"] == [
        (1, 2, 2),
        (2, 2, 1),
    ]
    with reading(clinic.hospital.engine) as connection:
        assert connection.execute(select(downlink.c.verdict)).scalars().all() == [None] * 3
    again = preload(clinic.hospital, "V01", month)
    assert ([each.queued for each in again.villages], again.dropped) == ([0, 0], 0)


def test_a_village_off_the_plan_leaves_the_queue(clinic: Clinic) -> None:
    live_in(clinic, "桃源村", 1)
    live_in(clinic, "云上村", 1)
    month = plan(clinic.hospital, (0, "云上村", "V01"), (0, "桃源村", "V01"))
    preload(clinic.hospital, "V01", month)
    live_in(clinic, "桃源村", 1)
    plan(clinic.hospital, (0, "桃源村", "V01"))
    done = preload(clinic.hospital, "V01", month)
    assert [(each.village, each.queued) for each in done.villages] == [("桃源村", 1)]
    assert done.dropped == 2  # the other village, and this one's older part
    assert [(each.village, len(each.people)) for _, each in slices(clinic)] == [("桃源村", 2)]
    assert len(list((clinic.hospital.folder.downlink / "V01").iterdir())) == 1


@pytest.mark.parametrize("month", ["2026-13", "26-01", "2026-1", "", "2026-01-01"])
def test_a_month_is_written_one_way(clinic: Clinic, month: str) -> None:
    with pytest.raises(RefusedInput):
        preload(clinic.hospital, "V01", month)


def test_without_a_stop_there_is_nothing_to_load(clinic: Clinic) -> None:
    with pytest.raises(NotFound, match="no stop left"):
        preload(clinic.hospital, "V01", plan(clinic.hospital, (0, "桃源村", "V02")))
