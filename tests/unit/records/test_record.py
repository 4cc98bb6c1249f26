from datetime import date
from decimal import Decimal

import msgspec

from clinic_records.clock import Origin, from_ms
from clinic_records.ids import PatientId, RecordId
from clinic_records.people import Patient, Sex
from clinic_records.quantity import Quantity
from clinic_records.record import Kind, Lane, Record, encode_payload


def test_payload_bytes_hold_han_characters_decimals_and_dates_as_written() -> None:
    patient = Patient(PatientId("p"), "王秀英", Sex.FEMALE, date(1959, 3, 8))
    payload = encode_payload(patient)
    assert "王秀英".encode() in payload
    assert msgspec.json.decode(payload, type=Patient) == patient
    assert encode_payload(Quantity(Decimal("6.80"), "mmol/L")) == b'{"value":"6.80","unit":"mmol/L"}'


def test_the_content_hash_is_that_of_the_payload_bytes() -> None:
    record = Record(RecordId("r"), 1, Kind.PATIENT, Lane.P2, b"", Origin("V01", 1, 1), None, from_ms(0))
    assert record.sha256 == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_lanes_sort_by_urgency() -> None:
    assert sorted(Lane) == [Lane.P0, Lane.P1, Lane.P2, Lane.P3, Lane.P4]
