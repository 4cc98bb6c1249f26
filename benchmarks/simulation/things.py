"""What nurses, devices and doctors make in a simulated world: valid records with few words in them."""

import random
from datetime import date, datetime, time
from typing import Final

from clinic_records.care import Binding, Encounter, EncounterStatus, Recording, RecordingStatus, Stop, StopStatus
from clinic_records.clock import Stamp
from clinic_records.consult import Answer, Retraction
from clinic_records.ids import BlobHash, DeviceId, EncounterId, IdFactory, PatientId, RecordId, StopId, sha256_hex
from clinic_records.people import Author, Patient, Role, Sex
from clinic_records.reading import RawBytes, Reading
from clinic_records.record import Kind, encode_payload

NURSE: Final = Author("n001", "张护士", Role.NURSE)
DOCTOR: Final = Author("d001", "李医生", Role.SPECIALIST)
BIRTH: Final = date(1959, 3, 8)


class Maker:
    """Makes things of one world from its ids and its generator."""

    def __init__(self, ids: IdFactory, rng: random.Random) -> None:
        self._ids = ids
        self._rng = rng

    def stop(self, vehicle: str, day: date) -> Stop:
        """The day's stop."""
        opened = StopStatus.OPEN
        return Stop(StopId(self._ids.new()), vehicle, "P1", "村口", "桃源村", day, time(8, 30), time(11, 30), opened)

    def patient(self) -> Patient:
        """Somebody new."""
        return Patient(PatientId(self._ids.new()), f"王{self._rng.randrange(1000)}", Sex.FEMALE, BIRTH)

    def encounter(self, patient: Patient, stop: StopId, at: datetime) -> Encounter:
        """Their visit."""
        return Encounter(EncounterId(self._ids.new()), patient.id, stop, EncounterStatus.IN_PROGRESS, at, NURSE)

    def recording(self, raw: bytes, encounter: Encounter, patient: Patient, at: datetime, *, urgent: bool) -> Recording:
        """A device's reading of them, headers inline where it is urgent."""
        about = RawBytes(BlobHash(sha256_hex(raw)), len(raw), "application/octet-stream")
        reading = Reading(DeviceId("E2"), "ecg", Stamp(at), about)
        binding = Binding(patient.id, encounter.id, "armed", None, at)
        return Recording(
            RecordId(self._ids.new()),
            reading,
            RecordingStatus.BOUND,
            binding,
            urgent=urgent,
            patient=patient if urgent else None,
            encounter=encounter if urgent else None,
        )

    def raw(self, size: int) -> bytes:
        """Bytes of a device: half noise, half zeros, so that coding has something to do."""
        return self._rng.randbytes(size // 2) + bytes(size - size // 2)

    def answer(self, at: datetime) -> Answer:
        """A specialist's words on some encounter."""
        encounter, patient = EncounterId(self._ids.new()), PatientId(self._ids.new())
        return Answer(RecordId(self._ids.new()), encounter, patient, "继续观察", DOCTOR, at)

    def retraction(self, answer: str, at: datetime) -> Retraction:
        """It is taken back."""
        return Retraction(RecordId(self._ids.new()), Kind.ANSWER, RecordId(answer), "写错病人", DOCTOR, at)


def payload_of(thing: object) -> bytes:
    """The bytes that are stored and sent."""
    return encode_payload(thing)
