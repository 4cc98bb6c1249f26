"""The day-closed root: what came is what was made, number for number, or the statement does not say complete."""

import msgspec

from clinic_records.record import DayClosed, Kind, Record
from cloud_hospital.feed.completeness import VehicleStatement, statements
from cloud_hospital.store.engine import reading
from sync.ports import Verdict
from tests.unit.hospital.conftest import Clinic, a_visit


def _said(clinic: Clinic) -> VehicleStatement:
    with reading(clinic.hospital.engine) as connection:
        (said,) = statements(connection)
    return said


def _send_day(clinic: Clinic) -> None:
    visit = a_visit()
    for record in visit.records(clinic.box):
        clinic.send(record)
    for data in (visit.ecg_bytes, visit.curve_bytes):
        clinic.send_blob(data)


def _with_root(closing: Record, root: str) -> Record:
    day = msgspec.json.decode(closing.payload, type=DayClosed)
    return msgspec.structs.replace(closing, payload=msgspec.json.encode(msgspec.structs.replace(day, root=root)))


def test_a_whole_day_with_the_vehicles_root_is_complete(clinic: Clinic) -> None:
    assert _said(clinic).is_root_true is None
    _send_day(clinic)
    clinic.send(clinic.box.day_closed("stop"))
    assert (_said(clinic).is_root_true, _said(clinic).is_complete) == (True, True)


def test_another_root_is_said_and_never_complete(clinic: Clinic) -> None:
    _send_day(clinic)
    clinic.send(_with_root(clinic.box.day_closed("stop"), "0" * 64))
    said = _said(clinic)
    assert (said.missing_seqs, said.blobs_missing, said.held, said.is_day_closed) == (0, 0, 0, True)
    assert (said.is_root_true, said.is_complete) == (False, False)


def test_a_duplicate_under_a_number_of_its_own_counts_with_its_content(clinic: Clinic) -> None:
    record = a_visit().records(clinic.box)[1]
    clinic.box.seq, clinic.box.hashes, clinic.box.counts = 0, [], {}
    first = clinic.box.record(Kind.PATIENT, record.payload, record.id)
    again = clinic.box.record(Kind.PATIENT, record.payload, record.id)
    assert [clinic.send(each).verdict for each in (first, again)] == [Verdict.APPLIED, Verdict.DUPLICATE]
    clinic.send(clinic.box.day_closed("stop"))
    assert _said(clinic).is_root_true is True


def test_a_number_used_twice_keeps_both_raises_an_alarm_and_is_not_complete(clinic: Clinic) -> None:
    """A clone or a restored box (sync rules 6, 7): nothing is dropped, nobody is told that all is well."""
    _send_day(clinic)
    clinic.box.seq -= 1  # the twin makes its own thing under the last number
    twin = clinic.box.record(Kind.PATIENT, a_visit(name="别人").patient, a_visit().patient.id)
    clinic.box.hashes.pop(-2)
    assert clinic.send(twin).verdict is Verdict.APPLIED
    clinic.send(clinic.box.day_closed("stop"))
    assert (_said(clinic).is_root_true, _said(clinic).is_complete) == (False, False)
