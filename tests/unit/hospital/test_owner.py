"""Law 5: what a vehicle owns is changed by that vehicle only; people are shared."""

import msgspec

from clinic_records.care import EncounterStatus
from clinic_records.record import Kind
from cloud_hospital.api.proof import prove
from cloud_hospital.vehicles import enrol
from sync.ports import Verdict
from tests.unit.hospital.conftest import Box, Clinic, a_visit, deliver


def test_another_vehicles_encounter_is_not_changed_and_a_person_is(clinic: Clinic) -> None:
    other = Box("V02")
    enrol(clinic.hospital, other.request())
    visit = a_visit()
    for record in visit.records(clinic.box):
        clinic.send(record)
    voided = msgspec.structs.replace(visit.encounter, status=EncounterStatus.ENTERED_IN_ERROR)
    forged = other.record(Kind.ENCOUNTER, voided, voided.id, revision=2)
    receipt = deliver(clinic.hospital, "V02", other.seal(forged, clinic.recipient))
    assert (receipt.verdict, receipt.reason) == (Verdict.HELD, "other-owner")
    moved = msgspec.structs.replace(visit.patient, phone="13900000000")
    shared = other.record(Kind.PATIENT, moved, moved.id, revision=2)
    assert deliver(clinic.hospital, "V02", other.seal(shared, clinic.recipient)).verdict is Verdict.APPLIED
    assert {(each.id, each.revision) for each in prove(clinic.hospital).entries if each.revision > 1} == {(moved.id, 2)}
    own = clinic.box.record(Kind.ENCOUNTER, voided, voided.id, revision=2)
    assert clinic.send(own).verdict is Verdict.APPLIED
