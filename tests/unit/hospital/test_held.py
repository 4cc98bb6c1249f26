"""What was set aside is decided by named persons; nothing is deleted, and the vehicle hears the new verdict."""

import msgspec
import pytest
from sqlalchemy import select

from clinic_records.care import EncounterStatus
from clinic_records.errors import Conflict, NotFound, RefusedInput
from clinic_records.people import Author, Role
from clinic_records.record import Kind
from cloud_hospital.explain import explain, in_words
from cloud_hospital.feed.completeness import statements
from cloud_hospital.held import RELEASABLE, WORDS, find_held, held_bytes, leave_aside, list_held, release
from cloud_hospital.intake.inbound import VehicleInbound
from cloud_hospital.intake.strangers import keep_stranger
from cloud_hospital.store.engine import reading
from cloud_hospital.store.tables import alarms, arrivals, entries
from cloud_hospital.vehicles import enrol, revoke
from sync.ports import Verdict
from tests.unit.hospital.conftest import Box, Clinic, a_visit, deliver

DOCTOR = Author("d001", "李医生", Role.SPECIALIST)


def held_of_a_revoked_one(clinic: Clinic) -> str:
    """One encounter that came after its vehicle was revoked; its envelope's hash."""
    revoke(clinic.hospital, "V01", "stolen")
    return clinic.send(a_visit().records(clinic.box)[2]).wire_sha256


def open_alarms(clinic: Clinic) -> list[str]:
    with reading(clinic.hospital.engine) as connection:
        return list(connection.execute(select(alarms.c.code).where(alarms.c.done_at.is_(None))).scalars())


def test_a_named_person_releases_a_revoked_vehicles_data(clinic: Clinic) -> None:
    wire = held_of_a_revoked_one(clinic)
    (item,) = list_held(clinic.hospital)
    assert (item.reason, item.verdict, item.can_release, item.decision) == ("revoked", "held", True, "")
    assert "revoked" in open_alarms(clinic)
    receipt = release(clinic.hospital, item.n, DOCTOR, "录入在停用之前")
    assert receipt.verdict is Verdict.APPLIED
    assert VehicleInbound(clinic.hospital, "V01").receipt_for(wire) == receipt, "the vehicle hears it when it asks"
    found = find_held(clinic.hospital, item.n)
    assert (found.decision, found.decided_by, found.note) == ("released", "李医生 (d001)", "录入在停用之前")
    assert list_held(clinic.hospital) == []
    assert len(list_held(clinic.hospital, only_open=False)) == 1
    assert open_alarms(clinic) == []
    with reading(clinic.hospital.engine) as connection:
        assert connection.execute(select(entries.c.kind)).scalars().all() == ["encounter"]
        assert connection.execute(select(arrivals.c.verdict)).scalars().all() == ["applied"]
        assert statements(connection)[0].held == 0
    assert held_bytes(clinic.hospital, item.n).is_file(), "the raw bytes stay"


def test_whoever_made_it_hears_the_decision_though_another_vehicle_carried_it(clinic: Clinic) -> None:
    hospital = clinic.hospital
    enrol(hospital, Box("V02").request())
    revoke(hospital, "V01", "stolen")
    sealed = clinic.box.seal(a_visit().records(clinic.box)[2], clinic.recipient)
    assert deliver(hospital, "V02", sealed).verdict is Verdict.HELD
    both = [VehicleInbound(hospital, vehicle) for vehicle in ("V01", "V02")]
    assert [_verdict(each, sealed.wire_sha256) for each in both] == [Verdict.HELD] * 2
    (item,) = list_held(hospital)
    release(hospital, item.n, DOCTOR, "录入在停用之前")
    assert [_verdict(each, sealed.wire_sha256) for each in both] == [Verdict.APPLIED] * 2


def _verdict(inbound: VehicleInbound, wire_sha256: str) -> Verdict:
    receipt = inbound.receipt_for(wire_sha256)
    assert receipt is not None
    return receipt.verdict


def test_what_is_released_locks_what_it_shares_like_everything_taken(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a row of the feed and its patient, taken by two workers on PostgreSQL, never meet."""
    held_of_a_revoked_one(clinic)
    (item,) = list_held(clinic.hospital)
    locked: list[str] = []
    monkeypatch.setattr("cloud_hospital.intake.inbound.lock_all", lambda _connection, names: locked.extend(names))
    release(clinic.hospital, item.n, DOCTOR, "录入在停用之前")
    assert locked


def test_a_named_person_leaves_it_aside(clinic: Clinic) -> None:
    held_of_a_revoked_one(clinic)
    (item,) = list_held(clinic.hospital)
    leave_aside(clinic.hospital, item.n, DOCTOR, "伪造")
    assert find_held(clinic.hospital, item.n).decision == "left-aside"
    with reading(clinic.hospital.engine) as connection:
        assert connection.execute(select(entries)).all() == []
        assert statements(connection)[0].held == 1, "the statement goes on saying that it does not count"
    with pytest.raises(Conflict, match="left-aside"):
        release(clinic.hospital, item.n, DOCTOR, "changed my mind")
    assert held_bytes(clinic.hospital, item.n).is_file()


def test_nothing_is_decided_without_a_reason_or_twice(clinic: Clinic) -> None:
    held_of_a_revoked_one(clinic)
    (item,) = list_held(clinic.hospital)
    for act in (release, leave_aside):
        with pytest.raises(RefusedInput, match="note"):
            act(clinic.hospital, item.n, DOCTOR, "   ")
        with pytest.raises(NotFound):
            act(clinic.hospital, 99, DOCTOR, "why")
    release(clinic.hospital, item.n, DOCTOR, "why")
    with pytest.raises(Conflict, match="released"):
        release(clinic.hospital, item.n, DOCTOR, "again")


def test_another_vehicles_change_is_taken_once_a_person_says_so(clinic: Clinic) -> None:
    other = Box("V02")
    enrol(clinic.hospital, other.request())
    visit = a_visit()
    for record in visit.records(clinic.box):
        clinic.send(record)
    voided = msgspec.structs.replace(visit.encounter, status=EncounterStatus.ENTERED_IN_ERROR)
    change = other.record(Kind.ENCOUNTER, voided, voided.id, revision=2)
    assert deliver(clinic.hospital, "V02", other.seal(change, clinic.recipient)).reason == "other-owner"
    (item,) = list_held(clinic.hospital)
    assert release(clinic.hospital, item.n, DOCTOR, "同一位护士换了车").verdict is Verdict.APPLIED
    with reading(clinic.hospital.engine) as connection:
        query = select(entries.c.vehicle).where(entries.c.id == voided.id, entries.c.revision == 2)
        assert connection.execute(query).scalar_one() == "V02"


def test_other_content_under_one_number_and_a_strangers_words_are_never_released(clinic: Clinic) -> None:
    visit = a_visit()
    record = clinic.box.record(Kind.ENCOUNTER, visit.encounter, visit.encounter.id)
    clinic.send(record)
    twin = msgspec.structs.replace(visit.encounter, reason="头痛")
    clinic.send(clinic.box.record(Kind.ENCOUNTER, twin, twin.id))
    keep_stranger(clinic.hospital, "V66", b"hello", "not enrolled")
    items = list_held(clinic.hospital)
    assert {item.reason for item in items} == {"other-content", "stranger"}
    for item in items:
        assert not item.can_release
        with pytest.raises(RefusedInput, match="set aside as"):
            release(clinic.hospital, item.n, DOCTOR, "please")
        leave_aside(clinic.hospital, item.n, DOCTOR, "looked at")
    assert list_held(clinic.hospital) == []


def test_every_reason_is_told_in_both_languages() -> None:
    assert set(WORDS) >= RELEASABLE
    assert all(zh != en for zh, en in WORDS.values())


def test_the_life_of_a_thing_is_told_from_making_to_decision(clinic: Clinic) -> None:
    visit = a_visit()
    for record in visit.records(clinic.box):
        clinic.send(record)
    clinic.send_blob(visit.ecg_bytes)
    words = in_words(explain(clinic.hospital, visit.encounter.id), "zh")
    assert all(
        part in words for part in ("张护士 在车上记录", "收下：encounter V01 1/3 P2", "给 V01 的回执第 3 号：applied")
    )
    blob = in_words(explain(clinic.hospital, visit.ecg.reading.raw.sha256), "en")
    assert "raw bytes taken: V01" in blob
    wire = held_of_a_revoked_one(clinic)
    (item,) = list_held(clinic.hospital)
    leave_aside(clinic.hospital, item.n, DOCTOR, "forged")
    words = in_words(explain(clinic.hospital, wire), "en")
    assert "held (revoked)" in words
    assert "left-aside by 李医生 (d001): forged" in words
    with pytest.raises(NotFound):
        explain(clinic.hospital, "nothing")
