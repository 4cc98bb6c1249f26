"""A clinic in a test: an open store of vehicle V01, a clock that tests move, and short words for what a nurse does."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

import msgspec

from clinic_records.care import Encounter, Stop
from clinic_records.clock import Origin, Stamp
from clinic_records.ids import DeviceId, EncounterId, IdFactory, PatientId, RecordId, StopId
from clinic_records.people import Author, Patient, Role, Sex
from clinic_records.reading import RawBytes, Reading
from clinic_records.record import Kind, Lane, Record, encode_payload
from clinic_records.schedule import PublishedSchedule, Visit
from vehicle_agent.store.records import put_foreign
from vehicle_agent.store.store import Store
from vehicle_agent.visits import encounters, patients, stops
from vehicle_agent.visits.armed import arm_device
from vehicle_agent.visits.recorder import Kept, keep
from vehicle_agent.visits.roster import Device
from vehicle_agent.visits.versions import Act
from vehicle_agent.visits.views import NewPatient

NOW_DAY = date(2026, 11, 23)
NURSE = Author("n001", "张护士", Role.NURSE)


@dataclass
class Clinic:
    """A store, its time and its people."""

    store: Store
    now: datetime = datetime(2026, 11, 23, 0, 30, tzinfo=UTC)
    ids: IdFactory = field(default_factory=IdFactory)
    count: int = 0

    def act(self) -> Act:
        return Act(NURSE, self.now)

    def wait(self, **by: float) -> None:
        self.now += timedelta(**by)

    def reading(self, device: str = "ecg1", data: bytes = b"", **changes: object) -> Reading:
        """A reading whose raw bytes are kept already; other bytes each time unless given."""
        self.count += 1
        kept = self.store.blobs.keep(data or f"curve {self.count}".encode())
        fields: dict[str, object] = {
            "device": DeviceId(device),
            "modality": "ecg",
            "stamp": Stamp(vehicle_time=self.now),
            "raw": RawBytes(kept.sha256, kept.size, "application/scp-ecg"),
        }
        return Reading(**fields | changes)  # type: ignore[arg-type]  # fields by name

    def keep(self, reading: Reading) -> Kept:
        new_id = RecordId(self.ids.new())
        return self.store.write(lambda conn: keep(conn, reading, new_id, Act(None, self.now)))


ECG = Device(DeviceId("ecg1"), "ecg-scp", "心电图机", "ECG", "ecg", "scp-ecg", url="loop:")
SCAN = Device(
    DeviceId("us1"), "ultrasound-dicom", "彩超", "Ultrasound", "ultrasound", "dicom", "", "US1", dicom_modality="US"
)


def villager(**changes: object) -> NewPatient:
    plain = NewPatient(
        name="王 秀英", sex=Sex.FEMALE, birth_date=date(1959, 3, 8), village="桃源村", phone="13800138000"
    )
    return msgspec.structs.replace(plain, **changes)


def register(clinic: Clinic, **changes: object) -> Patient:
    new_id = PatientId(clinic.ids.new())
    return clinic.store.write(lambda conn: patients.register(conn, villager(**changes), new_id, clinic.act()))


def open_stop(clinic: Clinic) -> Stop:
    new_id = StopId(clinic.ids.new())
    return clinic.store.write(lambda conn: stops.open_stop(conn, "V01", new_id, clinic.act()))


def close_stop(clinic: Clinic) -> Stop:
    new_id = clinic.ids.new()
    return clinic.store.write(lambda conn: stops.close_stop(conn, "V01", new_id, clinic.act()))


def see(clinic: Clinic, patient: Patient) -> Encounter:
    new_id = EncounterId(clinic.ids.new())
    return clinic.store.write(
        lambda conn: encounters.open_encounter(conn, patient.id, "咳嗽", new_id, NURSE, clinic.now)
    )


def arm(clinic: Clinic, device: Device, encounter: Encounter) -> None:
    clinic.store.write(lambda conn: arm_device(conn, device, encounter.id, NURSE, clinic.now))


def publish(clinic: Clinic, version: int, *visits: Visit, effective_from: date = date(2026, 11, 1)) -> None:
    last = date(2026, 12, 31)
    plan = PublishedSchedule(version, "0" * 64, effective_from, effective_from, last, visits)
    record = Record(
        id=RecordId("schedule"),
        revision=version,
        kind=Kind.SCHEDULE,
        lane=Lane.P1,
        payload=encode_payload(plan),
        origin=Origin("HOSPITAL", 1, version),
        author=None,
        recorded_at=clinic.now,
    )
    assert clinic.store.write(lambda conn: put_foreign(conn, record))


def visit(visit_id: str, start: time, vehicle: str = "V01") -> Visit:
    return Visit(
        StopId(visit_id), date(2026, 11, 23), "P001", "桃源点", "桃源村", vehicle, start, time(17), ("n001",), "R1", 4
    )
