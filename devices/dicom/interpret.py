"""From a stored DICOM object to a Reading; no pixel is decoded."""

import hashlib
import warnings
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

import msgspec
import pydicom
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.valuerep import DT

from clinic_records.clock import CHINA
from clinic_records.errors import BadFrame, RefusedInput
from clinic_records.ids import BlobHash
from clinic_records.reading import Content, Document, Image, Numeric, RawBytes, Reading, Subject
from devices.delivery import Delivery
from devices.dicom.contexts import STORED
from devices.dicom.person_name import person_name
from recordings.describe import content
from recordings.dicom_waveform import decode_waveform_dataset

_DEFER: Final = 4096
"""Bytes: longer values (pixels, samples) stay in the file unless asked for."""
_MODALITIES: Final = {"ECG": "ecg", "HD": "ecg", "US": "ultrasound", "DX": "radiography", "CR": "radiography"}
"""Modality (0008,0060) -> modality of the Reading."""


def interpret(delivery: Delivery, raw: Path) -> tuple[Reading, ...]:
    """What the object says of itself; an object without a patient is taken, with a note.

    Raises:
        BadFrame: it cannot be read as DICOM.
    """
    try:
        with warnings.catch_warnings():
            # Devices break value rules daily; what we need is checked below, the rest is kept as it came.
            warnings.simplefilter("ignore")
            dataset = pydicom.dcmread(raw, defer_size=_DEFER)
            return (_reading(delivery, raw, dataset),)
    except RefusedInput:
        raise
    except (InvalidDicomError, EOFError, OSError) as error:
        raise BadFrame(f"{delivery.device}: not a DICOM object: {error}") from error
    except Exception as error:  # pydicom raises whatever a broken element leads it to
        raise BadFrame(f"{delivery.device}: broken DICOM object: {type(error).__name__}: {error}") from error


def _reading(delivery: Delivery, raw: Path, dataset: Dataset) -> Reading:
    notes: list[str] = []
    if not dataset:
        raise BadFrame(f"{delivery.device}: the DICOM object is empty")
    subject = _subject(dataset, notes)
    sop_class = _text(dataset, "SOPClassUID")
    modality = _MODALITIES.get(_text(dataset, "Modality")) or STORED.get(sop_class, "other")
    if modality == "other" or sop_class not in STORED:
        notes.append(f"SOP class {sop_class or 'missing'} is not one we show")
    if "WaveformSequence" in dataset:
        described, numerics = _waveform(dataset, notes)
    else:
        described, numerics = _content(dataset, delivery), ()
    return Reading(
        device=delivery.device,
        modality=modality,
        stamp=msgspec.structs.replace(delivery.stamp, device_time=_device_time(dataset, notes)),
        raw=_raw_bytes(raw, delivery.media_type),
        source_id=delivery.source_id or _text(dataset, "SOPInstanceUID"),
        content=described,
        numerics=numerics,
        subject=subject,
        from_memory=delivery.from_memory,
        notes=tuple(notes),
    )


def _subject(dataset: Dataset, notes: list[str]) -> Subject:
    patient_id = _text(dataset, "PatientID")
    if not patient_id:
        notes.append("no PatientID in the object")
    name, name_note = person_name(dataset)
    if name_note:
        notes.append(name_note)
    return Subject(
        accession=_text(dataset, "AccessionNumber"),
        study=_text(dataset, "StudyInstanceUID"),
        patient_id=patient_id,
        name=name,
        birth_date=_day(_text(dataset, "PatientBirthDate")),
        sex=_text(dataset, "PatientSex"),
    )


def _content(dataset: Dataset, delivery: Delivery) -> Content:
    if "Rows" in dataset and "Columns" in dataset:
        frames = int(dataset.get("NumberOfFrames") or 1)
        return Image("dicom-image", int(dataset.Rows), int(dataset.Columns), frames)
    title = _text(dataset, "DocumentTitle") or _text(dataset, "SeriesDescription") or _text(dataset, "StudyDescription")
    return Document(_text(dataset, "MIMETypeOfEncapsulatedDocument") or delivery.media_type, title)


def _waveform(dataset: Dataset, notes: list[str]) -> tuple[Content | None, tuple[Numeric, ...]]:
    """The curve's description and the device's own measurements."""
    try:
        decoded = decode_waveform_dataset(dataset)
    except RefusedInput as error:
        notes.append(f"the curve cannot be shown: {error}")
        return None, ()
    notes.extend(decoded.notes)
    return content(decoded), decoded.numerics


def _device_time(dataset: Dataset, notes: list[str]) -> datetime | None:
    """The acquisition's time by the device's clock; without an offset of its own it is China's wall time."""
    day, clock = _text(dataset, "ContentDate"), _text(dataset, "ContentTime")
    stated = _text(dataset, "AcquisitionDateTime") or (day + clock if day and clock else "")
    if not stated:
        notes.append("no acquisition time in the object")
        return None
    try:
        moment = DT(stated)
    except ValueError:
        notes.append(f"acquisition time {stated[:32]!r} is none")
        return None
    return datetime(
        *moment.timetuple()[:6], moment.microsecond // 1000 * 1000, tzinfo=moment.tzinfo or CHINA
    ).astimezone(UTC)


def _day(text: str) -> date | None:
    try:
        return datetime.strptime(text, "%Y%m%d").date()  # noqa: DTZ007  a birth date has no zone
    except ValueError:
        return None


def _text(dataset: Dataset, keyword: str) -> str:
    value = dataset.get(keyword)
    return "" if value is None else str(value).strip()


def _raw_bytes(raw: Path, media_type: str) -> RawBytes:
    with raw.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return RawBytes(BlobHash(digest), raw.stat().st_size, media_type)
