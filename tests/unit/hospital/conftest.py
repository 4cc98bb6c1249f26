"""A hospital on disk and the box of a vehicle that seals real envelopes."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path

import pytest

from clinic_records.care import (
    Binding,
    Encounter,
    EncounterStatus,
    Recording,
    RecordingStatus,
    Stop,
    StopStatus,
)
from clinic_records.clock import Origin, Stamp
from clinic_records.ids import BlobHash, DeviceId, EncounterId, IdFactory, PatientId, RecordId, StopId, sha256_hex
from clinic_records.people import Author, IdentityCheck, Patient, Role, Sex
from clinic_records.quantity import Quantity
from clinic_records.reading import Code, Numeric, RawBytes, Reading
from clinic_records.record import DayClosed, Kind, Lane, Record, encode_payload
from cloud_hospital.hospital import Hospital, init_hospital, open_hospital
from cloud_hospital.intake.inbound import VehicleInbound
from cloud_hospital.settings import HospitalSettings
from cloud_hospital.vehicles import enrol
from sync.enrolment import Enrolment, EnrolmentRequest, sign
from sync.keys import OriginKeys, RecipientKey, RecipientPrivate
from sync.ports import Receipt
from sync.seal import Sealed, seal

NURSE = Author("n001", "张护士", Role.NURSE)
AT = datetime(2026, 11, 23, 1, 30, tzinfo=UTC)


@dataclass
class Box:
    """A vehicle's box: its keys, its stream of numbers, and how it seals."""

    vehicle: str
    keys: OriginKeys = field(default_factory=OriginKeys.generate)
    private: RecipientPrivate = field(default_factory=RecipientPrivate.generate)
    incarnation: int = 1
    seq: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    hashes: list[str] = field(default_factory=list)

    def request(self, tls_request: bytes = b"") -> EnrolmentRequest:
        public = self.keys.public.raw, self.private.public.raw
        return sign(EnrolmentRequest(self.vehicle, *public, tls_request=tls_request), self.keys)

    def record(
        self,
        kind: Kind,
        thing: object,
        id_: str,
        *,
        revision: int = 1,
        lane: Lane = Lane.P2,
        blobs: tuple[BlobHash, ...] = (),
    ) -> Record:
        self.seq += 1
        self.counts[kind] = self.counts.get(kind, 0) + 1
        payload = thing if isinstance(thing, bytes) else encode_payload(thing)
        self.hashes.append(sha256_hex(payload))
        origin = Origin(self.vehicle, self.incarnation, self.seq)
        return Record(RecordId(id_), revision, kind, lane, payload, origin, NURSE, AT, blobs=blobs)

    def seal(self, record: Record, recipient: RecipientKey) -> Sealed:
        return seal(record, keys=self.keys, recipient=recipient, created_ms=1_790_000_000_000)

    def blob(self, data: bytes, recipient: RecipientKey, lane: Lane = Lane.P3) -> Sealed:
        self.seq += 1
        self.hashes.append(sha256_hex(data))
        origin = Origin(self.vehicle, self.incarnation, self.seq)
        record = Record(RecordId(sha256_hex(data)), 1, Kind.BLOB, lane, b"", origin, None, AT)
        return seal(record, data, keys=self.keys, recipient=recipient, created_ms=1_790_000_000_000)

    def day_closed(self, stop: str) -> Record:
        root = sha256_hex("".join(self.hashes).encode())
        day = DayClosed(stop, self.vehicle, self.incarnation, self.seq, dict(self.counts), root)
        return self.record(Kind.DAY_CLOSED, day, IdFactory().new(), lane=Lane.P1)


@dataclass
class Visit:
    """One patient's visit as a vehicle records it."""

    stop: Stop
    patient: Patient
    encounter: Encounter
    ecg: Recording
    spirometry: Recording
    ecg_bytes: bytes
    curve_bytes: bytes

    def records(self, box: Box) -> list[Record]:
        return [
            box.record(Kind.STOP, self.stop, self.stop.id),
            box.record(Kind.PATIENT, self.patient, self.patient.id),
            box.record(Kind.ENCOUNTER, self.encounter, self.encounter.id),
            box.record(Kind.RECORDING, self.ecg, self.ecg.id, lane=Lane.P3, blobs=(self.ecg.reading.raw.sha256,)),
            box.record(
                Kind.RECORDING,
                self.spirometry,
                self.spirometry.id,
                lane=Lane.P3,
                blobs=(self.spirometry.reading.raw.sha256,),
            ),
        ]


def a_visit(vehicle: str = "V01", name: str = "王秀英") -> Visit:
    new = IdFactory().new
    stop = Stop(
        StopId(new()), vehicle, "P006", "桃源村服务点", "桃源村", date(2026, 11, 23), time(8, 30), time(11, 30),
        StopStatus.OPEN,
    )  # fmt: skip
    patient = Patient(
        PatientId(new()), name, Sex.FEMALE, date(1959, 3, 8), identity_check=IdentityCheck.CARD_AND_FACE,
        resident_id="331127195903080127", insurance_code="330000123", village="桃源村", phone="13800000000",
    )  # fmt: skip
    encounter = Encounter(EncounterId(new()), patient.id, stop.id, EncounterStatus.IN_PROGRESS, AT, NURSE)
    binding = Binding(patient.id, encounter.id, "armed", None, AT)
    ecg_bytes, curve_bytes = f"ecg of {patient.id}".encode(), f"curve of {patient.id}".encode()

    def recording(modality: str, raw: bytes, numerics: tuple[Numeric, ...] = ()) -> Recording:
        reading = Reading(
            DeviceId("E2"), modality, Stamp(AT), RawBytes(sha256_hex(raw), len(raw), "application/octet-stream"),
            numerics=numerics,
        )  # fmt: skip
        return Recording(RecordId(new()), reading, RecordingStatus.BOUND, binding)

    fev1 = Numeric(Code("loinc", "20150-9", "FEV1"), Quantity(Decimal("2.61"), "L"), context={"attempt": "3"})
    return Visit(
        stop,
        patient,
        encounter,
        recording("ecg", ecg_bytes),
        recording("spirometry", curve_bytes, (fev1,)),
        ecg_bytes,
        curve_bytes,
    )


def deliver(hospital: Hospital, vehicle: str, sealed: Sealed, chunk: int = 64 * 1024) -> Receipt:
    """Bring a whole wire file through the vehicle's InboundStore, in parts."""
    inbound = VehicleInbound(hospital, vehicle)
    data = sealed.data
    assert data is not None
    for start in range(0, len(data), chunk):
        inbound.write(sealed.wire_sha256, len(data), sealed.lane, start, data[start : start + chunk])
    return inbound.accept(sealed.wire_sha256)


@dataclass
class Clinic:
    """A hospital and one enrolled vehicle."""

    hospital: Hospital
    box: Box
    enrolment: Enrolment

    @property
    def recipient(self) -> RecipientKey:
        return self.hospital.keys.announced.public

    def send(self, record: Record) -> Receipt:
        return deliver(self.hospital, self.box.vehicle, self.box.seal(record, self.recipient))

    def send_blob(self, data: bytes) -> Receipt:
        return deliver(self.hospital, self.box.vehicle, self.box.blob(data, self.recipient))


@pytest.fixture
def hospital(tmp_path: Path) -> Iterator[Hospital]:
    init_hospital(tmp_path / "hospital", HospitalSettings(web_port=0, broker_port=0))
    with open_hospital(tmp_path / "hospital") as opened:
        yield opened


@pytest.fixture
def clinic(hospital: Hospital) -> Clinic:
    box = Box("V01")
    return Clinic(hospital, box, enrol(hospital, box.request()))
