"""An examination over the real listener: its beginning, its picture and its end come to the person's encounter."""

from devices.simulators.dicom_device import DicomDevice
from devices.simulators.ultrasound import examination
from tests.integration.vehicle.test_vehicle_offline_day import WANG, open_encounter, recordings
from tests.integration.vehicle.vehicle_world import Clinic, wait_until


def test_examination_comes_to_its_order_over_a_restart(clinic: Clinic) -> None:
    vehicle = clinic.vehicle
    vehicle.start()
    vehicle.login()
    wang = open_encounter(vehicle, WANG)
    vehicle.act("arm", device="us1", encounter_id=wang["id"])
    scanner = DicomDevice("127.0.0.1", vehicle.ready["dicom_port"], ae_title="US1")
    entry = scanner.pick(name="王*")
    step = scanner.begin_step(entry, "US")
    assert scanner.store(examination(entry)).acknowledged
    wait_until(lambda: len(recordings(vehicle, wang)) == 2)

    vehicle.kill()
    vehicle.start()
    scanner = DicomDevice("127.0.0.1", vehicle.ready["dicom_port"], ae_title="US1")
    scanner.end_step(step, is_completed=True)
    vehicle.login()
    wait_until(lambda: len(recordings(vehicle, wang)) == 3)
    found = {(one["reading"]["modality"], *one["reading"].get("notes", ())) for one in recordings(vehicle, wang)}
    assert ("examination", "examination in progress") in found
    assert ("examination", "examination completed") in found
    assert {one["binding"]["rule"] for one in recordings(vehicle, wang)} == {"worklist"}
    remembered = b"".join(file.read_bytes() for file in (vehicle.root / "dicom").iterdir())
    assert b"held" not in remembered
    assert step.encode() in remembered
    assert "王".encode() not in remembered
    assert vehicle.stop() == 0
