"""What a vehicle says of itself comes to the hospital, waits for nobody there and is no row of the county's."""

import msgspec
import pytest

from clinic_records.care import RecordingStatus
from clinic_records.record import Kind, Lane
from cloud_hospital.api.app import create_app
from cloud_hospital.store.engine import reading
from cloud_hospital.web.cases import one_recording, unbound_recordings
from tests.unit.hospital.asgi import Caller
from tests.unit.hospital.conftest import Clinic, a_visit
from tests.unit.hospital.test_pull import get, header


@pytest.mark.parametrize("status", [RecordingStatus.VEHICLE, RecordingStatus.UNBOUND])
def test_only_what_waits_for_a_person_is_listed(clinic: Clinic, status: RecordingStatus) -> None:
    one = msgspec.structs.replace(a_visit().spirometry, status=status, binding=None)
    clinic.send(clinic.box.record(Kind.RECORDING, one, one.id, lane=Lane.P3))
    waits = status is RecordingStatus.UNBOUND
    with reading(clinic.hospital.engine) as connection:
        assert [each.recording.id for each in unbound_recordings(connection)] == ([one.id] if waits else [])
        assert one_recording(connection, one.id).recording == one
    client = Caller(create_app(clinic.hospital))
    rows = get(client, header(clinic))["rows"]
    assert [row["recording"] for row in rows] == ([one.id] if waits else [])
