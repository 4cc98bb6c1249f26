"""Made-up records of every kind a vehicle sends, drawn from a seed: nobody's name, number or reading is in them."""

import random
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Final

from clinic_records.care import Binding, Encounter, EncounterStatus, Recording, RecordingStatus, Stop, StopStatus
from clinic_records.clock import Stamp, to_ms
from clinic_records.ids import BlobHash, DeviceId, EncounterId, IdFactory, PatientId, RecordId, StopId
from clinic_records.observations import OBSERVATIONS
from clinic_records.people import Allergies, AllergyState, Author, IdentityCheck, Patient, PatientStatus, Role, Sex
from clinic_records.quantity import Quantity
from clinic_records.questions import QUESTIONS
from clinic_records.reading import Channel, Content, Image, Numeric, RawBytes, Reading, Subject, Waveform
from clinic_records.record import DayClosed, encode_payload

SEED: Final = 20260301
_FAMILY: Final = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾"
_GIVEN: Final = "秀英桂兰玉梅凤珍建国志强明华文军小丽淑芳海燕春霞永生德福金荣国平卫东晓红"
_PLACES: Final = "东西南北上下大小新石河山水沟岭坪湾塘"
_REASONS: Final = (
    "高血压随访",
    "糖尿病随访",
    "体检",
    "胸闷",
    "咳嗽三天",
    "头晕",
    "复诊",
    "65岁以上老年人体检",
    "腰痛",
    "",
)
_MEDIA: Final = ("application/dicom", "application/octet-stream", "text/xml", "application/hl7-v2", "text/csv")
_MODALITIES: Final = (
    "ecg",
    "ultrasound",
    "spirometry",
    "blood-pressure",
    "glucose",
    "oximetry",
    "temperature",
    "weight",
)
_LEADS: Final = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")


class Village:
    """A village's worth of people and devices; `rng` decides everything."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._at = datetime(2026, 3, 1, 0, 30, tzinfo=UTC)
        self._ids = IdFactory(lambda: to_ms(self._at), rng.getrandbits)

    def payloads(self) -> Iterator[bytes]:
        """Without end: payloads of all kinds, in the order a day brings them."""
        makers: tuple[Callable[[], object], ...] = (
            self._patient, self._encounter, self._recording, self._recording, self._recording, self._stop, self._closed,
        )  # fmt: skip
        while True:
            self._at += timedelta(milliseconds=self._rng.randrange(900_000))
            yield encode_payload(self._rng.choice(makers)())

    def _name(self) -> str:
        return self._rng.choice(_FAMILY) + "".join(self._rng.choices(_GIVEN, k=self._rng.choice((1, 2, 2))))

    def _author(self) -> Author:
        role = self._rng.choice((Role.NURSE, Role.NURSE, Role.DOCTOR, Role.PHARMACIST))
        return Author(f"n{self._rng.randrange(40):03d}", self._name(), role)

    def _digits(self, count: int) -> str:
        return "".join(self._rng.choices("0123456789", k=count))

    def _patient(self) -> Patient:
        born = date(1930, 1, 1) + timedelta(days=self._rng.randrange(33_000))
        return Patient(
            id=PatientId(self._ids.new()),
            name=self._name(),
            sex=self._rng.choice((Sex.FEMALE, Sex.MALE)),
            birth_date=born,
            status=self._rng.choice((PatientStatus.DECLARED, PatientStatus.VERIFIED)),
            identity_check=self._rng.choice(tuple(IdentityCheck)),
            resident_id=f"{self._digits(6)}{born:%Y%m%d}{self._digits(4)}" if self._rng.random() < 0.7 else "",
            insurance_code=self._digits(20) if self._rng.random() < 0.5 else "",
            village="".join(self._rng.choices(_PLACES, k=2)) + "村",
            phone=f"1{self._digits(10)}" if self._rng.random() < 0.6 else "",
            allergies=Allergies(self._rng.choice(tuple(AllergyState)), ("青霉素",) if self._rng.random() < 0.1 else ()),
        )

    def _encounter(self) -> Encounter:
        status = self._rng.choice((EncounterStatus.ARRIVED, EncounterStatus.IN_PROGRESS, EncounterStatus.FINISHED))
        return Encounter(
            id=EncounterId(self._ids.new()),
            patient=PatientId(self._ids.new()),
            stop=StopId(self._ids.new()),
            status=status,
            started_at=self._at,
            author=self._author(),
            reason=self._rng.choice(_REASONS),
            finished_at=self._at + timedelta(minutes=14) if status is EncounterStatus.FINISHED else None,
        )

    def _recording(self) -> Recording:
        modality = self._rng.choice(_MODALITIES)
        patient, encounter = PatientId(self._ids.new()), EncounterId(self._ids.new())
        is_bound = self._rng.random() < 0.8
        asked = QUESTIONS.get(modality, ())
        return Recording(
            id=RecordId(self._ids.new()),
            reading=self._reading(modality),
            status=RecordingStatus.BOUND if is_bound else RecordingStatus.UNBOUND,
            binding=Binding(patient, encounter, self._rng.choice(("armed", "worklist")), self._author(), self._at)
            if is_bound
            else None,
            unbound_reason="" if is_bound else self._rng.choice(("not-armed", "from-memory", "clock")),
            answers={question.key: self._rng.choice(question.answers) for question in asked},
        )

    def _reading(self, modality: str) -> Reading:
        contents: Mapping[str, Content] = {
            "ecg": Waveform("dicom", tuple(Channel(lead, "uV", 500.0, 5000) for lead in _LEADS)),
            "spirometry": Waveform("csv", (Channel("flow", "L/s", 100.0, 1500), Channel("volume", "L", 100.0, 1500))),
            "ultrasound": Image("dicom", 480, 640, self._rng.randrange(1, 90)),
        }
        first = self._rng.randrange(len(OBSERVATIONS) - 12)
        rows = [row for row in OBSERVATIONS[first : first + self._rng.randrange(1, 12)] if row.unit]
        stamp = Stamp(self._at, self._at - timedelta(seconds=self._rng.randrange(90)), self._rng.randrange(90_000))
        return Reading(
            device=DeviceId(f"{modality}{self._rng.randrange(1, 3)}"),
            modality=modality,
            stamp=stamp,
            raw=RawBytes(
                BlobHash(self._rng.randbytes(32).hex()), self._rng.randrange(400_000), self._rng.choice(_MEDIA)
            ),
            source_id=f"1.2.840.{self._digits(5)}.{self._digits(8)}" if self._rng.random() < 0.4 else "",
            content=contents.get(modality),
            numerics=tuple(
                Numeric(row.as_code(), Quantity(Decimal(self._rng.randrange(2000)).scaleb(-1), row.unit))
                for row in rows
            ),
            subject=Subject(accession=f"A{self._digits(8)}") if self._rng.random() < 0.5 else Subject(),
        )

    def _stop(self) -> Stop:
        village = "".join(self._rng.choices(_PLACES, k=2)) + "村"
        return Stop(
            id=StopId(self._ids.new()),
            vehicle=f"V{self._rng.randrange(1, 65):02d}",
            point_id=f"P{self._rng.randrange(80):03d}",
            point_name=f"{village}卫生室",
            village=village,
            day=self._at.date(),
            start=time(8, 30),
            end=time(11, 30),
            status=self._rng.choice((StopStatus.OPEN, StopStatus.CLOSED)),
            schedule_version=self._rng.randrange(1, 30),
            crew=tuple(f"n{self._rng.randrange(40):03d}" for _ in range(3)),
            ordinal=self._rng.randrange(6),
            opened_at=self._at,
        )

    def _closed(self) -> DayClosed:
        counts = {kind: self._rng.randrange(200) for kind in ("blob", "encounter", "patient", "recording", "stop")}
        return DayClosed(
            StopId(self._ids.new()), f"V{self._rng.randrange(1, 65):02d}", 1, self._rng.randrange(9000), counts,
            self._rng.randbytes(32).hex(),
        )  # fmt: skip


def made_up(seed: int, count: int) -> list[bytes]:
    """`count` payloads."""
    source = Village(random.Random(seed)).payloads()  # noqa: S311 - nothing is secret
    return [next(source) for _ in range(count)]
