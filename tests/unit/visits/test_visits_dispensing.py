"""A vehicle dispenses only while it holds the one right to, and says so in the same transaction."""

from datetime import timedelta

import msgspec
import pytest

from clinic_records.clock import Origin
from clinic_records.consult import Retraction
from clinic_records.dispensing import Refusal, RightState
from clinic_records.errors import Conflict, NotFound
from clinic_records.ids import EncounterId, PatientId, RecordId
from clinic_records.people import Author, Role
from clinic_records.prescription import Dispense, DispenseRight, PrescribedLine, Prescription, Release
from clinic_records.record import Kind, Lane, Record, encode_payload
from sync.messages.table import MESSAGES
from tests.unit.visits.visits_world import Clinic
from vehicle_agent.store.merge.rule import Merging
from vehicle_agent.store.merge.table import merge
from vehicle_agent.store.records import list_current
from vehicle_agent.store.rights import load_right
from vehicle_agent.visits.dispensing import dispense, give_back, refusal_of

DOCTOR = Author("d001", "兰医生", Role.SPECIALIST)
RX = RecordId("rx")


def come(clinic: Clinic, kind: Kind, thing: msgspec.Struct, id_: str) -> None:
    record = Record(
        RecordId(id_), 1, kind, MESSAGES[kind].lane, encode_payload(thing), Origin("H01", 1, 1), DOCTOR, clinic.now
    )
    clinic.store.write(lambda conn: merge(conn, record, Merging("V01", clinic.now, clinic.ids.new)))


def prescribed(clinic: Clinic, holder: str = "V01", incarnation: int = 1) -> None:
    lines = (PrescribedLine("A1", "二甲双胍片 0.5 g", 14, "口服"),)
    until = clinic.now + timedelta(hours=8)
    rx = Prescription(RX, EncounterId("e1"), PatientId("p1"), lines, DOCTOR, clinic.now, until)
    come(clinic, Kind.PRESCRIPTION, rx, RX)
    word = DispenseRight(RecordId("w1"), RX, 1, holder, until, clinic.now, incarnation=incarnation)
    come(clinic, Kind.DISPENSE_RIGHT, word, "w1")


def hand_over(clinic: Clinic, *, is_clock_doubtful: bool = False) -> Dispense:
    new_id = RecordId(clinic.ids.new())
    return clinic.store.write(
        lambda conn: dispense(conn, RX, "V01", new_id, clinic.act(), is_clock_doubtful=is_clock_doubtful)
    )


def why(clinic: Clinic) -> Refusal | None:
    return clinic.store.read(lambda conn: refusal_of(conn, RX, "V01", clinic.now, is_clock_doubtful=False))


def test_it_is_dispensed_once_and_told(clinic: Clinic) -> None:
    prescribed(clinic)
    done = hand_over(clinic)
    assert (done.token, done.by) == (1, clinic.act().author)
    (told,) = clinic.store.read(lambda conn: list_current(conn, Kind.DISPENSE))
    assert (told.lane, msgspec.json.decode(told.payload, type=Dispense)) == (Lane.P1, done)
    with pytest.raises(Conflict) as again:
        hand_over(clinic)
    assert "已经发过" in again.value.hint.zh
    with pytest.raises(Conflict):
        clinic.store.write(lambda conn: give_back(conn, RX, "V01", RecordId("r1"), clinic.act()))


def test_what_was_given_back_is_not_dispensed(clinic: Clinic) -> None:
    prescribed(clinic)
    given = clinic.store.write(lambda conn: give_back(conn, RX, "V01", RecordId("r1"), clinic.act()))
    assert given == Release(RecordId("r1"), RX, 1, clinic.now)
    assert why(clinic) is Refusal.GIVEN_BACK
    with pytest.raises(Conflict):
        hand_over(clinic)


def test_every_reason_not_to(clinic: Clinic) -> None:
    with pytest.raises(NotFound):
        hand_over(clinic)
    assert why(clinic) is Refusal.UNKNOWN
    prescribed(clinic, incarnation=2)
    assert why(clinic) is Refusal.RESTORED


def test_another_holder_is_named(clinic: Clinic) -> None:
    prescribed(clinic, holder="V05")
    with pytest.raises(Conflict) as refused:
        hand_over(clinic)
    assert "V05" in refused.value.hint.zh
    assert "V05" in refused.value.hint.en


def test_time_and_doubt_and_retraction(clinic: Clinic) -> None:
    """H15: past its end, a clock in doubt, taken back."""
    prescribed(clinic)
    with pytest.raises(Conflict) as doubt:
        hand_over(clinic, is_clock_doubtful=True)
    assert "时间不准" in doubt.value.hint.zh
    clinic.wait(hours=8)
    assert why(clinic) is Refusal.OVER
    clinic.wait(hours=-8)
    assert why(clinic) is None
    come(clinic, Kind.RETRACTION, Retraction(RecordId("t1"), "prescription", RX, "写错", DOCTOR, clinic.now), "t1")
    assert why(clinic) is Refusal.RETRACTED
    right = clinic.store.read(lambda conn: load_right(conn, RX))
    assert right is not None
    assert right.state is RightState.HELD
