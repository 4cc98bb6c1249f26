"""Law 6 at the hospital: received is not seen; a named person says so, and the vehicle hears it."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import select

from clinic_records.clock import SystemClock
from clinic_records.consult import Seen
from clinic_records.errors import NotFound
from clinic_records.people import Author, Role
from clinic_records.record import Kind, Lane
from cloud_hospital.alarms import standing
from cloud_hospital.hospital import Hospital, init_hospital, open_hospital
from cloud_hospital.metrics import exposition
from cloud_hospital.seen import UNSEEN_S, mark_seen, seen_of, urgent_cases
from cloud_hospital.settings import HospitalSettings
from cloud_hospital.status import hospital_status
from cloud_hospital.store.engine import reading
from cloud_hospital.store.tables import downlink, issued
from cloud_hospital.vehicles import enrol, revoke
from tests.unit.hospital.conftest import Box, Clinic, Visit, a_visit

DOCTOR = Author("d001", "李医生", Role.SPECIALIST)
OTHER = Author("d002", "周医生", Role.SPECIALIST)


def urgent_visit(clinic: Clinic) -> Visit:
    """A visit whose ECG comes in P0 with its person inside, and whose spirometry does not."""
    visit = a_visit()
    urgent = msgspec.structs.replace(visit.ecg, urgent=True, patient=visit.patient, encounter=visit.encounter)
    clinic.send(clinic.box.record(Kind.RECORDING, urgent, urgent.id, lane=Lane.P0))
    clinic.send(clinic.box.record(Kind.RECORDING, visit.spirometry, visit.spirometry.id, lane=Lane.P3))
    return visit


def codes(hospital: Hospital) -> list[str]:
    return [each.code for each in standing(hospital)]


@pytest.fixture
def clock() -> SystemClock:
    return SystemClock()


@pytest.fixture
def hospital(tmp_path: Path, clock: SystemClock) -> Iterator[Hospital]:
    init_hospital(tmp_path / "hospital", HospitalSettings(web_port=0, broker_port=0))
    with open_hospital(tmp_path / "hospital", clock) as opened:
        yield opened


@pytest.fixture
def clinic(hospital: Hospital) -> Clinic:
    box = Box("V01")
    return Clinic(hospital, box, enrol(hospital, box.request()))


def test_unseen_after_two_minutes_is_an_alarm_until_a_named_person_has_seen_it(
    clinic: Clinic, clock: SystemClock
) -> None:
    visit = urgent_visit(clinic)
    with reading(clinic.hospital.engine) as connection:
        (case,) = urgent_cases(connection, clinic.hospital.now())
    assert (case.patient_name, case.vehicle, case.is_late) == ("王秀英", "V01", False)
    assert "unseen" not in codes(clinic.hospital)
    clock.raise_floor(clock.now() + timedelta(seconds=UNSEEN_S))
    assert codes(clinic.hospital)[0] == "unseen", "what needs a telephone stands first"
    mark_seen(clinic.hospital, visit.ecg.id, DOCTOR)
    assert "unseen" not in codes(clinic.hospital)
    with reading(clinic.hospital.engine) as connection:
        (case,) = urgent_cases(connection, clinic.hospital.now())
        assert [seen.by for seen in case.seen] == [DOCTOR]


def test_the_vehicle_is_told_once_for_each_person(clinic: Clinic) -> None:
    visit = urgent_visit(clinic)
    first = mark_seen(clinic.hospital, visit.ecg.id, DOCTOR)
    assert mark_seen(clinic.hospital, visit.ecg.id, DOCTOR) == first
    mark_seen(clinic.hospital, visit.ecg.id, OTHER)
    with reading(clinic.hospital.engine) as connection:
        queued = connection.execute(select(downlink.c.vehicle, downlink.c.kind, downlink.c.lane)).all()
        payloads = connection.execute(select(issued.c.payload).order_by(issued.c.n)).scalars().all()
        seen = seen_of(connection, visit.encounter.id)
    assert [tuple(row) for row in queued] == [("V01", "seen", "p1")] * 2
    told = [msgspec.json.decode(payload, type=Seen) for payload in payloads]
    assert [(each.kind, each.thing, each.by.name) for each in told] == [
        ("recording", visit.ecg.id, "李医生"),
        ("recording", visit.ecg.id, "周医生"),
    ]
    assert [each.by.name for each in seen[visit.ecg.id]] == ["李医生", "周医生"]


def test_what_has_not_come_cannot_be_seen_and_a_revoked_vehicle_stops_nobody(clinic: Clinic) -> None:
    with pytest.raises(NotFound):
        mark_seen(clinic.hospital, "nothing", DOCTOR)
    visit = urgent_visit(clinic)
    revoke(clinic.hospital, "V01", "stolen")
    mark_seen(clinic.hospital, visit.ecg.id, DOCTOR)
    with reading(clinic.hospital.engine) as connection:
        assert len(seen_of(connection, visit.encounter.id)[visit.ecg.id]) == 1


def test_the_gauges_and_the_status_tell_the_same_alarms(clinic: Clinic, clock: SystemClock) -> None:
    visit = urgent_visit(clinic)
    mark_seen(clinic.hospital, visit.ecg.id, DOCTOR)
    clock.raise_floor(clock.now() + timedelta(hours=25))
    families = text_string_to_metric_families(exposition(clinic.hospital).decode())
    found = {(sample.name, *sample.labels.values()): sample.value for family in families for sample in family.samples}
    assert found["clinic_arrivals", "V01", "applied"] == 2
    assert found["clinic_down_items", "p1", "V01"] == 1
    assert found["clinic_down_oldest_seconds", "p1", "V01"] >= 25 * 3600 - 5
    assert found["clinic_vehicle_contact_age_seconds", "V01"] >= 25 * 3600 - 5
    assert found["clinic_alarm", "down-late", "V01"] == 1
    assert found["clinic_set_aside_items",] == 0
    assert "down-late" in {each.code for each in hospital_status(clinic.hospital).standing}
