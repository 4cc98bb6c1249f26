"""County rows: what the health bureau gets of each encounter version and each recording, by purpose.

A *statutory* row is identified and exact, as the law asks. An *analytic* row has pseudonyms that differ between
purposes, an age band of five years instead of a birth date, and no name, number, phone or content hash.
"""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from clinic_records.care import Encounter, Recording, RecordingStatus, Stop
from clinic_records.clock import CHINA
from clinic_records.people import Patient, full_years
from clinic_records.reading import Numeric
from cloud_hospital.tokens import Purpose

AGE_BAND_YEARS = 5
"""Width of the age bands in analytic rows; five-year bands are those of China's census tables."""


class CountyNumber(msgspec.Struct, frozen=True):
    """One measured number: code, its display text, the value's own digits, UCUM unit; or why there is none.

    Where the answer is a word and not a number (`neg`, `1+`), the value is that word and the unit is empty.
    """

    code: str
    display: str
    value: str
    unit: str
    absent: str
    context: dict[str, str]


class CountyRow(msgspec.Struct, frozen=True):
    """One row of the feed. Empty text means "not known here (yet)".

    Attributes:
        feed_seq: its place in the feed; of rows about one id and revision the last one counts.
        row: `encounter` (one for each version) or `recording` (its summary).
        visit, point, point_name, village, day: the stop it belongs to; `visit` is the schedule's, or the stop's own id
            where nobody planned it.
        patient: id, or pseudonym; age_years is exact on statutory rows, age_band stands on analytic ones.
        has_ecg: an ECG is bound to this encounter, or this recording is one.
        quality: what stands against the recording's numbers (`missing`, `failed` ...), or `released` by a person.
        blobs: SHA-256 of the raw bytes it speaks of.
    """

    feed_seq: int
    row: str
    vehicle: str
    visit: str
    point: str
    point_name: str
    village: str
    day: str
    encounter: str
    revision: int
    status: str
    started_at: str
    finished_at: str
    patient: str
    patient_name: str
    sex: str
    birth_date: str
    age_years: int | None
    age_band: str
    resident_id: str
    insurance_code: str
    phone: str
    recording: str
    modality: str
    recorded_at: str
    is_urgent: bool
    has_ecg: bool
    quality: str
    numbers: tuple[CountyNumber, ...]
    blobs: tuple[str, ...]


COLUMNS = CountyRow.__struct_fields__


@dataclass(frozen=True, slots=True)
class Fed:
    """One entry of the feed with all that its row shows."""

    feed_seq: int
    vehicle: str
    id: str
    revision: int
    blobs: tuple[str, ...]
    thing: Encounter | Recording
    encounter: Encounter | None
    stop: Stop | None
    patient: Patient | None
    has_ecg: bool


def county_row(fed: Fed, purpose: Purpose, alias: Callable[[str], str]) -> CountyRow:
    """The row of one entry for this purpose; `alias` gives the purpose's pseudonym of an id."""
    row = _exact(fed)
    return row if purpose is Purpose.STATUTORY else _without_identity(row, alias)


def pseudonyms(key: bytes, purpose: Purpose) -> Callable[[str], str]:
    """Pseudonyms of ids: HMAC-SHA256 under the hospital's secret, another for each purpose; "" stays ""."""

    def alias(text: str) -> str:
        if not text:
            return ""
        return hmac.new(key, f"{purpose}\0{text}".encode(), hashlib.sha256).hexdigest()[:32]

    return alias


def _exact(fed: Fed) -> CountyRow:
    thing, encounter, stop, patient = fed.thing, fed.encounter, fed.stop, fed.patient
    recording = thing if isinstance(thing, Recording) else None
    status = thing.status.value
    born = patient.birth_date if patient else None
    moment = encounter.started_at if encounter else recording.reading.stamp.vehicle_time if recording else None
    is_ecg = recording is not None and recording.reading.modality == "ecg"
    return CountyRow(
        feed_seq=fed.feed_seq,
        row="recording" if recording else "encounter",
        vehicle=fed.vehicle,
        visit=(encounter.visit_id or encounter.stop) if encounter else "",
        point=stop.point_id if stop else "",
        point_name=stop.point_name if stop else "",
        village=stop.village if stop else "",
        day=stop.day.isoformat() if stop else "",
        encounter=encounter.id if encounter else _bound_encounter(recording),
        revision=fed.revision,
        status=status,
        started_at=encounter.started_at.isoformat() if encounter else "",
        finished_at=encounter.finished_at.isoformat() if encounter and encounter.finished_at else "",
        patient=patient.id if patient else _bound_patient(thing),
        patient_name=patient.name if patient else "",
        sex=patient.sex.value if patient else "",
        birth_date=born.isoformat() if born else "",
        age_years=full_years(born, moment.astimezone(CHINA).date()) if born and moment else None,
        age_band="",
        resident_id=patient.resident_id if patient else "",
        insurance_code=patient.insurance_code if patient else "",
        phone=patient.phone if patient else "",
        recording=recording.id if recording else "",
        modality=recording.reading.modality if recording else "",
        recorded_at=recording.reading.stamp.vehicle_time.isoformat() if recording else "",
        is_urgent=recording.urgent if recording else False,
        has_ecg=is_ecg or (recording is None and fed.has_ecg),
        quality=_quality(recording) if recording else "",
        numbers=tuple(_number(each, recording.answers) for each in recording.reading.numerics) if recording else (),
        blobs=fed.blobs,
    )


def _quality(recording: Recording) -> str:
    if recording.quality is None:
        return ""
    return "released" if recording.released else recording.quality.value


def _bound_encounter(recording: Recording | None) -> str:
    return recording.binding.encounter if recording and recording.binding else ""


def _bound_patient(thing: Encounter | Recording) -> str:
    if isinstance(thing, Encounter):
        return thing.patient
    return thing.binding.patient if thing.binding else ""


def _without_identity(row: CountyRow, alias: Callable[[str], str]) -> CountyRow:
    band = ""
    if row.age_years is not None:
        low = row.age_years // AGE_BAND_YEARS * AGE_BAND_YEARS
        band = f"{low}-{low + AGE_BAND_YEARS - 1}"
    return msgspec.structs.replace(
        row,
        patient=alias(row.patient),
        encounter=alias(row.encounter),
        recording=alias(row.recording),
        patient_name="",
        birth_date="",
        age_years=None,
        age_band=band,
        resident_id="",
        insurance_code="",
        phone="",
        blobs=(),
    )


def _number(numeric: Numeric, answers: dict[str, str]) -> CountyNumber:
    quantity = numeric.quantity
    return CountyNumber(
        code=f"{numeric.code.system}:{numeric.code.code}",
        display=numeric.code.display,
        value=numeric.text if quantity is None else str(quantity.value),
        unit="" if quantity is None else quantity.unit,
        absent="" if numeric.absent is None else numeric.absent.value,
        context={**answers, **numeric.context},
    )


def is_counted(recording: Recording) -> bool:
    """Whether a recording says anything about its encounter.

    Rejected and superseded ones do not, nor those with something against their quality that nobody released (H18).
    """
    is_doubtful = recording.quality is not None and recording.released is None
    return not is_doubtful and recording.status not in {RecordingStatus.REJECTED, RecordingStatus.SUPERSEDED}
