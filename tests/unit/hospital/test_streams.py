"""Hazards 6, 23 and 24 at the hospital: closed streams, vehicles apart, carriers and origins."""

import msgspec
import pytest
from sqlalchemy import select

from clinic_records.ids import IdFactory
from clinic_records.record import Kind
from cloud_hospital.intake.inbound import VehicleInbound
from cloud_hospital.intake.sessions import VehicleSessions
from cloud_hospital.store.engine import reading
from cloud_hospital.store.tables import alarms, closed_streams
from cloud_hospital.vehicles import enrol
from sync.ports import Verdict
from tests.unit.hospital.conftest import Box, Clinic, a_visit, deliver


def codes(clinic: Clinic) -> list[str]:
    with reading(clinic.hospital.engine) as connection:
        return list(connection.execute(select(alarms.c.code).order_by(alarms.c.n)).scalars())


def grant(clinic: Clinic, incarnation: int, closed_seq: int) -> None:
    sessions = VehicleSessions(clinic.hospital, "V01")
    state = msgspec.structs.replace(sessions.load(), incarnation=incarnation, closed_seq=closed_seq, rejoin="r1")
    for _ in range(2):
        sessions.save(state)


@pytest.mark.parametrize(("said", "last"), [(0, 5), (4, 5), (9, 9)], ids=["unsaid", "less", "more than was seen"])
def test_a_granted_incarnation_closes_the_one_before(clinic: Clinic, said: int, last: int) -> None:
    for record in a_visit().records(clinic.box):
        clinic.send(record)
    grant(clinic, 900, said)
    with reading(clinic.hospital.engine) as connection:
        (row,) = connection.execute(select(closed_streams)).all()
    assert (row.vehicle, row.incarnation, row.last_seq) == ("V01", 1, last)


def test_what_comes_late_from_a_closed_stream_is_taken_and_a_person_is_told(clinic: Clinic) -> None:
    """It may be what the lost disk had sent by another way: dropping it would lose a fact."""
    for record in a_visit().records(clinic.box):
        clinic.send(record)
    grant(clinic, 900, 6)
    within = clinic.send(clinic.box.record(Kind.PATIENT, a_visit().patient, IdFactory().new()))
    assert (within.verdict, codes(clinic)) == (Verdict.APPLIED, [])
    beyond = clinic.send(clinic.box.record(Kind.PATIENT, a_visit().patient, IdFactory().new()))
    assert (beyond.verdict, codes(clinic)) == (Verdict.APPLIED, ["closed-stream"])
    clinic.box.incarnation, clinic.box.seq = 900, 0
    assert clinic.send(clinic.box.record(Kind.PATIENT, a_visit().patient, IdFactory().new())).verdict is Verdict.APPLIED
    assert codes(clinic) == ["closed-stream"]


def test_two_histories_of_one_thing_are_both_kept_with_a_task(clinic: Clinic) -> None:
    """The sibling of a fork is held with its raw bytes; neither replaces the other."""
    id_ = IdFactory().new()
    assert clinic.send(clinic.box.record(Kind.PATIENT, a_visit(name="甲").patient, id_)).verdict is Verdict.APPLIED
    grant(clinic, 900, 1)
    clinic.box.incarnation, clinic.box.seq = 900, 0
    sibling = clinic.send(clinic.box.record(Kind.PATIENT, a_visit(name="乙").patient, id_))
    assert (sibling.verdict, sibling.reason) == (Verdict.HELD, "other-content")
    assert codes(clinic) == ["other-content"]


def test_a_number_used_for_two_things_raises_an_alarm(clinic: Clinic) -> None:
    clinic.send(clinic.box.record(Kind.PATIENT, a_visit().patient, IdFactory().new()))
    clinic.box.seq = 0
    assert clinic.send(clinic.box.record(Kind.PATIENT, a_visit().patient, IdFactory().new())).verdict is Verdict.APPLIED
    assert codes(clinic) == ["number-reused"]


def test_a_re_enrolment_closes_the_stream_too(clinic: Clinic) -> None:
    clinic.send(a_visit().records(clinic.box)[1])
    assert enrol(clinic.hospital, clinic.box.request()).incarnation == 2
    with reading(clinic.hospital.engine) as connection:
        (row,) = connection.execute(select(closed_streams)).all()
    assert (row.incarnation, row.last_seq) == (1, 2)


def test_a_vehicle_that_offers_anothers_file_is_told_that_it_is_missing(clinic: Clinic) -> None:
    """Hazard 23: nobody learns by asking what another vehicle sent, nor attaches it to a patient of its own."""
    other = Box("V02")
    enrol(clinic.hospital, other.request())
    picture = clinic.box.blob(b"a picture of somebody", clinic.recipient)
    assert deliver(clinic.hospital, "V01", picture).verdict is Verdict.APPLIED
    curious = VehicleInbound(clinic.hospital, "V02")
    assert curious.receipt_for(picture.wire_sha256) is None
    assert curious.ranges(picture.wire_sha256) == ()
    half = clinic.box.blob(b"half of it came", clinic.recipient)
    assert half.data is not None
    VehicleInbound(clinic.hospital, "V01").write(half.wire_sha256, half.size, half.lane, 0, half.data[:100])
    assert curious.ranges(half.wire_sha256) == ()
    own = other.blob(b"a picture of somebody", clinic.recipient)
    assert own.wire_sha256 != picture.wire_sha256
    assert curious.ranges(own.wire_sha256) == ()
    assert deliver(clinic.hospital, "V02", own).verdict is Verdict.APPLIED


def test_trust_follows_the_origin_and_never_the_carrier(clinic: Clinic) -> None:
    """Hazard 24: another vehicle's stick brings what V01 signed; a revoked origin's is held, whoever carries it."""
    carrier = Box("V02")
    enrol(clinic.hospital, carrier.request())
    records = a_visit().records(clinic.box)
    carried = clinic.box.seal(records[0], clinic.recipient)
    assert deliver(clinic.hospital, "V02", carried).verdict is Verdict.APPLIED
    known = VehicleInbound(clinic.hospital, "V01").receipt_for(carried.wire_sha256)
    assert known is not None, "the origin learns it too"
    clinic.hospital.log.revoke("V01", clinic.hospital.now(), "stolen")
    held = deliver(clinic.hospital, "V02", clinic.box.seal(records[1], clinic.recipient))
    assert (held.verdict, held.reason) == (Verdict.HELD, "revoked")
    assert deliver(
        clinic.hospital, "V02", carrier.seal(a_visit("V02").records(carrier)[1], clinic.recipient)
    ).verdict is (Verdict.APPLIED), "the carrier itself goes on"
