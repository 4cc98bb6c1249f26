"""What a device said, once: a Reading, frozen, with its raw bytes named by their SHA-256.

The raw bytes travel; sample values are decoded where they are seen (`recordings`). A Reading therefore carries
the numbers a nurse needs at once and a description of the curve or picture, not the curve itself.
"""

from datetime import date
from enum import StrEnum

import msgspec

from clinic_records.clock import Stamp
from clinic_records.ids import BlobHash, DeviceId
from clinic_records.quantity import Quantity


class Code(msgspec.Struct, frozen=True):
    """A coded concept: system (`loinc`, `mdc`, `dicom`, `local`), code and an English display text."""

    system: str
    code: str
    display: str


class AbsentReason(StrEnum):
    """Why there is no value, in FHIR's data-absent-reason words; a failed code is never 0 (hazard H07)."""

    ERROR = "error"
    NOT_A_NUMBER = "not-a-number"
    NOT_PERFORMED = "not-performed"


class Numeric(msgspec.Struct, frozen=True, omit_defaults=True):
    """One number with its unit and context, or the reason why there is none.

    Attributes:
        text: what the device wrote where its answer is a word and not a number (`neg`, `1+`, `yellow`).
        context: what its meaning depends on, as words of the glossary (`posture`: `sitting`, `attempt`: `1` ...).
    """

    code: Code
    quantity: Quantity | None = None
    absent: AbsentReason | None = None
    context: dict[str, str] = {}
    text: str = ""


class Channel(msgspec.Struct, frozen=True):
    """One channel of a waveform: physical unit in UCUM, sampling rate in hertz, number of samples."""

    name: str
    unit: str
    sampling_hz: float
    samples: int


class Waveform(msgspec.Struct, frozen=True, tag="waveform"):
    """A recorded curve in the raw blob."""

    format: str
    channels: tuple[Channel, ...]


class Image(msgspec.Struct, frozen=True, tag="image"):
    """Pictures in the raw blob: rows and columns in pixels."""

    format: str
    rows: int
    columns: int
    frames: int


class Document(msgspec.Struct, frozen=True, tag="document"):
    """Anything to be read by a person: media type and title."""

    media_type: str
    title: str


Content = Waveform | Image | Document


class Subject(msgspec.Struct, frozen=True, omit_defaults=True):
    """Whom the device says it measured. `accession` came from our worklist and binds; a name only suggests (law 9)."""

    accession: str = ""
    study: str = ""
    patient_id: str = ""
    name: str = ""
    birth_date: date | None = None
    sex: str = ""


class RawBytes(msgspec.Struct, frozen=True):
    """The bytes as they came, kept unchanged under their hash."""

    sha256: BlobHash
    size: int
    media_type: str


class Reading(msgspec.Struct, frozen=True, omit_defaults=True):
    """One delivery of one device.

    Attributes:
        device: which device of the vehicle's configuration.
        modality: `ecg`, `ultrasound`, `spirometry` ... : the lane and the pages go by it.
        part: which of the readings in its raw bytes it is, from 0.
        source_id: the device's own id of it (SOPInstanceUID ...), for recognising what came before; may be empty.
        from_memory: the device replayed it from its store; such a reading never binds by itself.
    """

    device: DeviceId
    modality: str
    stamp: Stamp
    raw: RawBytes
    part: int = 0
    source_id: str = ""
    content: Content | None = None
    numerics: tuple[Numeric, ...] = ()
    subject: Subject = Subject()
    from_memory: bool = False
    notes: tuple[str, ...] = ()
