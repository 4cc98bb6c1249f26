"""The hospital's desk on a real PostgreSQL: set aside, seen, alarms, gauges and a stick ask the same as on SQLite."""

import pytest

from cloud_hospital.alarms import standing
from cloud_hospital.bundle import import_volumes, write_answer
from cloud_hospital.explain import explain
from cloud_hospital.held import list_held, release
from cloud_hospital.hospital import Hospital
from cloud_hospital.metrics import exposition
from cloud_hospital.seen import mark_seen, urgent_cases
from cloud_hospital.store.engine import reading
from cloud_hospital.vehicles import revoke
from sync.bundle import volumes_in
from sync.ports import Verdict
from tests.peer.test_postgresql import clinic, hospital
from tests.unit.hospital.conftest import Clinic, a_visit
from tests.unit.hospital.test_bundle import NOW, a_car
from tests.unit.hospital.test_seen import DOCTOR, urgent_visit

pytestmark = [pytest.mark.peer, pytest.mark.timeout(180)]
__all__ = ["clinic", "hospital"]  # fixtures


def test_the_desk_on_postgresql(clinic: Clinic) -> None:
    visit = urgent_visit(clinic)
    with reading(clinic.hospital.engine) as connection:
        assert [case.recording for case in urgent_cases(connection, clinic.hospital.now())] == [visit.ecg.id]
    mark_seen(clinic.hospital, visit.ecg.id, DOCTOR)
    revoke(clinic.hospital, "V01", "stolen")
    held = clinic.send(a_visit().records(clinic.box)[2])
    assert {each.code for each in standing(clinic.hospital)} >= {"set-aside"}
    (item,) = list_held(clinic.hospital)
    assert release(clinic.hospital, item.n, DOCTOR, "停用以前的").verdict is Verdict.APPLIED
    assert explain(clinic.hospital, held.wire_sha256)
    assert explain(clinic.hospital, visit.ecg.id)
    assert b'clinic_arrivals{vehicle="V01",verdict="applied"} 3.0' in exposition(clinic.hospital)


def test_a_stick_on_postgresql(hospital: Hospital) -> None:
    root = hospital.folder.root.parent
    car = a_car(hospital, root / "V01", "V01")
    count = car.work()
    car.stick.write(root / "stick", now=NOW, name="one")
    found = import_volumes(hospital, volumes_in([root / "stick"]))
    assert found.verdicts == {"applied": count}
    assert import_volumes(hospital, volumes_in([root / "stick"])).known == count
    assert write_answer(hospital, "V01", found.answers["V01"], root / "back", "two").receipts == count
    assert car.stick.take(volumes_in([root / "back"])).receipts == count
