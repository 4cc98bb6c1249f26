"""What one vehicle brings home in the evening: sealed envelopes, the same for the same seed.

By default a day of 40 people: a stop, patients and encounters, 120 ECG and spirometry recordings of 6 to 120 kB, two
pictures.
"""

import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import Final

import msgspec

from clinic_records.care import Binding, Encounter, EncounterStatus, Recording, RecordingStatus, Stop, StopStatus
from clinic_records.clock import Origin, Stamp
from clinic_records.ids import DeviceId, EncounterId, IdFactory, PatientId, RecordId, StopId, sha256_hex
from clinic_records.people import Author, IdentityCheck, Patient, Role, Sex
from clinic_records.reading import RawBytes, Reading
from clinic_records.record import DayClosed, Kind, Lane, Record, encode_payload
from sync.enrolment import EnrolmentRequest, sign
from sync.keys import OriginKeys, RecipientKey, RecipientPrivate
from sync.seal import Sealed, seal

RECORDING_BYTES: Final = (6_000, 120_000)
PICTURE_BYTES: Final = 1_500_000
"""An ultrasound frame of 800 x 600 in colour has 1.4 MB."""
AT: Final = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
NURSE: Final = Author("n001", "张护士", Role.NURSE)


class Day(msgspec.Struct, frozen=True):
    """How much one vehicle brings home."""

    people: int = 40
    recordings: int = 120
    pictures: int = 2


@dataclass
class Box:
    """A vehicle's box: keys from the seed, and how far its numbers are."""

    vehicle: str
    seed: int
    seq: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    hashes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.keys = OriginKeys.from_bytes(hashlib.sha256(f"sign {self.seed} {self.vehicle}".encode()).digest())
        self.private = RecipientPrivate.from_bytes(hashlib.sha256(f"box {self.seed} {self.vehicle}".encode()).digest())

    def request(self, tls_request: bytes = b"") -> EnrolmentRequest:
        """What it asks the hospital with."""
        keys = self.keys.public.raw, self.private.public.raw
        return sign(EnrolmentRequest(self.vehicle, *keys, tls_request=tls_request), self.keys)

    def origin(self) -> Origin:
        """The next number of its stream."""
        self.seq += 1
        return Origin(self.vehicle, 1, self.seq)

    def record(self, kind: Kind, thing: object, id_: str, lane: Lane, blobs: tuple[str, ...] = ()) -> Record:
        """A record with the next number."""
        payload = encode_payload(thing)
        self.counts[kind] = self.counts.get(kind, 0) + 1
        self.hashes.append(sha256_hex(payload))
        return Record(RecordId(id_), 1, kind, lane, payload, self.origin(), NURSE, AT, blobs=blobs)  # type: ignore[arg-type]

    def sealed(self, record: Record, to: RecipientKey, data: bytes | None = None) -> Sealed:
        """As it travels; `data` where it is a blob's."""
        made = {"keys": self.keys, "recipient": to, "created_ms": 1_790_000_000_000}
        return seal(record, **made) if data is None else seal(record, data, **made)  # type: ignore[arg-type]

    def blob(self, data: bytes, lane: Lane, to: RecipientKey) -> Sealed:
        """Raw bytes as they travel."""
        self.hashes.append(sha256_hex(data))
        record = Record(RecordId(sha256_hex(data)), 1, Kind.BLOB, lane, b"", self.origin(), None, AT)
        return self.sealed(record, to, data)


@dataclass(frozen=True)
class Told:
    """What the hospital must hold for one envelope: a record's id or a blob's hash, and the SHA-256 of its bytes."""

    id: str
    sha256: str
    size: int
    is_blob: bool


def evening(box: Box, to: RecipientKey, day: Day) -> Iterator[tuple[Sealed, Told]]:
    """Everything of the day, in the order it was made."""
    chance = random.Random(f"{box.seed} {box.vehicle}")  # noqa: S311 - a day to repeat, not a secret
    new = IdFactory().new

    def of_record(kind: Kind, thing: object, id_: str, lane: Lane, blobs: tuple[str, ...] = ()) -> tuple[Sealed, Told]:
        record = box.record(kind, thing, id_, lane, blobs)
        return box.sealed(record, to), Told(id_, record.sha256, len(record.payload), is_blob=False)

    def of_blob(data: bytes, lane: Lane) -> tuple[Sealed, Told]:
        sha256 = sha256_hex(data)
        return box.blob(data, lane, to), Told(sha256, sha256, len(data), is_blob=True)

    stop = Stop(
        StopId(new()), box.vehicle, "P006", "桃源村服务点", "桃源村", date(2026, 11, 23), time(8, 30), time(16, 30),
        StopStatus.OPEN,
    )  # fmt: skip
    yield of_record(Kind.STOP, stop, stop.id, Lane.P2)
    bindings: list[Binding] = []
    for number in range(day.people):
        patient = Patient(
            PatientId(new()), f"王秀英{number}", Sex.FEMALE, date(1959, 3, 8), village="桃源村",
            identity_check=IdentityCheck.CARD_AND_FACE, insurance_code=f"33{chance.randrange(10**7):07}",
        )  # fmt: skip
        encounter = Encounter(
            EncounterId(new()), patient.id, stop.id, EncounterStatus.FINISHED, AT, NURSE, reason="头晕、血压复查" * 40
        )
        yield of_record(Kind.PATIENT, patient, patient.id, Lane.P2)
        yield of_record(Kind.ENCOUNTER, encounter, encounter.id, Lane.P2)
        bindings.append(Binding(patient.id, encounter.id, "armed", None, AT))
    for number in range(day.recordings + day.pictures):
        is_picture = number >= day.recordings
        modality, lane = ("ultrasound", Lane.P4) if is_picture else ("ecg", Lane.P3)
        data = chance.randbytes(PICTURE_BYTES if is_picture else chance.randint(*RECORDING_BYTES))
        raw = RawBytes(sha256_hex(data), len(data), "application/octet-stream")
        reading = Reading(DeviceId("E2"), modality, Stamp(AT), raw)
        recording = Recording(RecordId(new()), reading, RecordingStatus.BOUND, bindings[number % day.people])
        yield of_record(Kind.RECORDING, recording, recording.id, Lane.P3, (raw.sha256,))
        yield of_blob(data, lane)
    root = sha256_hex("".join(box.hashes).encode())
    closed = DayClosed(stop.id, box.vehicle, 1, box.seq, dict(box.counts), root)
    yield of_record(Kind.DAY_CLOSED, closed, new(), Lane.P1)
