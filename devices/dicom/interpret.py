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
from devices.dicom.progress import moment_of, progress, scheduled_step
from recordings.describe import content
from recordings.dicom.bounds import check_items
from recordings.dicom.classes import PERFORMED_PROCEDURE_STEP, STORED, modality_of
from recordings.dicom.deflated import undeflated
from recordings.dicom.document import decode_document_dataset
from recordings.dicom.image import scale_notes
from recordings.dicom.report import decode_report_dataset
from recordings.dicom.waveform import decode_waveform_dataset
from recordings.person_name import person_name

_DEFER: Final = 4096
"""Bytes: longer values (pixels, samples) stay in the file unless asked for."""
_DECODED: Final = {
    "WaveformSequence": decode_waveform_dataset,
    "ContentSequence": decode_report_dataset,
    "EncapsulatedDocument": decode_document_dataset,
}
"""What an object without pixels holds -> its decoder."""


def interpret(delivery: Delivery, raw: Path) -> tuple[Reading, ...]:
    """What the object says of itself; an object without a patient is taken, with a note.

    Raises:
        BadFrame: it cannot be read as DICOM.
    """
    try:
        with warnings.catch_warnings():
            # Devices break value rules daily; what we need is checked below, the rest is kept as it came.
            warnings.simplefilter("ignore")
            return (_reading(delivery, raw, _dataset(raw)),)
    except RefusedInput:
        raise
    except (InvalidDicomError, EOFError, OSError) as error:
        raise BadFrame(f"{delivery.device}: not a DICOM object: {error}") from error
    except Exception as error:  # pydicom raises whatever a broken element leads it to
        raise BadFrame(f"{delivery.device}: broken DICOM object: {type(error).__name__}: {error}") from error


def _dataset(raw: Path) -> Dataset:
    with raw.open("rb") as file:
        plain = undeflated(file)
        check_items(plain)
        if plain is not file:
            return pydicom.dcmread(plain)
    return pydicom.dcmread(raw, defer_size=_DEFER)


def _reading(delivery: Delivery, raw: Path, dataset: Dataset) -> Reading:
    notes: list[str] = []
    if not dataset:
        raise BadFrame(f"{delivery.device}: the DICOM object is empty")
    sop_class = _text(dataset, "SOPClassUID")
    if sop_class == PERFORMED_PROCEDURE_STEP:
        return _step_reading(delivery, raw, dataset)
    subject = _subject(dataset, notes)
    if sop_class not in STORED:
        notes.append(f"SOP class {sop_class or 'missing'} is not one we show")
    described, numerics = _content(dataset, delivery, notes)
    return Reading(
        device=delivery.device,
        modality=modality_of(dataset),
        stamp=msgspec.structs.replace(delivery.stamp, device_time=_device_time(dataset, notes)),
        raw=_raw_bytes(raw, delivery.media_type),
        source_id=delivery.source_id or _text(dataset, "SOPInstanceUID"),
        content=described,
        numerics=numerics,
        subject=subject,
        from_memory=delivery.from_memory,
        notes=tuple(notes),
    )


def _step_reading(delivery: Delivery, raw: Path, dataset: Dataset) -> Reading:
    """How far the device is with an examination; whose it is stands in the order it names."""
    order = scheduled_step(dataset)
    subject = msgspec.structs.replace(
        _subject(dataset, []),
        accession=_text(order, "AccessionNumber"),
        study=_text(order, "StudyInstanceUID"),
    )
    title = _text(dataset, "PerformedProcedureStepDescription") or _text(dataset, "Modality")
    return Reading(
        device=delivery.device,
        modality=modality_of(dataset),
        stamp=msgspec.structs.replace(delivery.stamp, device_time=moment_of(dataset)),
        raw=_raw_bytes(raw, delivery.media_type),
        source_id=delivery.source_id,
        content=Document(delivery.media_type, title),
        subject=subject,
        notes=(progress(dataset),),
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


def _content(dataset: Dataset, delivery: Delivery, notes: list[str]) -> tuple[Content | None, tuple[Numeric, ...]]:
    """The description of what is in it, and the device's own measurements."""
    if "Rows" in dataset and "Columns" in dataset:
        frames = int(dataset.get("NumberOfFrames") or 1)
        notes.extend(scale_notes(dataset))
        return Image("dicom-image", int(dataset.Rows), int(dataset.Columns), frames), ()
    decode = next((decode for keyword, decode in _DECODED.items() if keyword in dataset), None)
    if decode is None:
        return Document(delivery.media_type, _text(dataset, "SeriesDescription")), ()
    try:
        decoded = decode(dataset)
    except RefusedInput as error:
        notes.append(f"its content cannot be shown: {error}")
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
