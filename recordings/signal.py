"""What every decoder gives: signals in physical units, whom and what they are of, and the numbers beside them."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from clinic_records.reading import Numeric

if TYPE_CHECKING:  # drivers know these types in the agent's process, where numpy's 20 MiB have no place
    from recordings.arrays import FloatArray, RgbArray


@dataclass(frozen=True, slots=True, eq=False)
class Signal:
    """One channel.

    Attributes:
        name: the field's own word for it (`II`, `aVR`, `flow` ...).
        unit: UCUM.
        sampling_hz: samples a second; for a channel sampled unevenly the mean rate (a `time` channel lies beside it).
        samples: 1-D, in `unit`; NaN where the device had no sample.
        start_s: seconds after the recording's start at which its first sample lies.
    """

    name: str
    unit: str
    sampling_hz: float
    samples: "FloatArray"
    start_s: float = 0.0


class Frames(Protocol):
    """Pictures of one recording."""

    rows: int
    columns: int
    count: int

    def frame(self, index: int) -> "RgbArray":
        """Frame `index` as rows x columns x 3, 8 bits a sample."""

    def png(self, index: int) -> bytes:
        """Frame `index` as a PNG file."""

    def clip(self) -> bytes:
        """All of them as an animated WebP file, smaller and with loss."""


@dataclass(frozen=True, slots=True)
class DocumentFile:
    """Something to be read by a person: its media type, title and bytes."""

    media_type: str
    title: str
    data: bytes


@dataclass(frozen=True, slots=True, eq=False)
class DecodedRecording:
    """One recording, decoded.

    Attributes:
        format: its name in `recordings.formats`; DICOM objects say `dicom-waveform`, `dicom-image` ...
        modality: `ecg`, `laboratory` ... : the pages and lanes go by it; set by `decode_all` where a decoder does not.
        from_memory: the bytes themselves say that the device took it from its store (hazard H02).
        patient: what the file says of the person: any of `patient_id`, `name`, `birth_date` (ISO), `sex` (M, F, O),
            `age`, `height`, `weight`, `accession`, `study`; empty fields are left out.
        device: any of `manufacturer`, `model`, `serial`, `institution`, `source_id` (the device's own id of it),
            `time_zone` (`assumed` where the file states none and the zone of China was taken).
        start: when the first sample was taken by the device's own clock, aware; None where it says nothing.
        signals: empty for pictures.
        document: a report or another document in it.
        notes: what a reader of this recording should know of it, in English.
    """

    format: str
    patient: dict[str, str] = field(default_factory=dict)
    device: dict[str, str] = field(default_factory=dict)
    start: datetime | None = None
    signals: tuple[Signal, ...] = ()
    numerics: tuple[Numeric, ...] = ()
    frames: Frames | None = None
    document: DocumentFile | None = None
    notes: tuple[str, ...] = ()
    modality: str = ""
    from_memory: bool = False
