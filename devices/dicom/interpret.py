"""From a stored DICOM object to a Reading; no pixel is decoded."""

import hashlib
import warnings
from datetime import date, datetime
from pathlib import Path
from typing import Final

import msgspec
import pydicom
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError

from clinic_records.clock import CHINA
from clinic_records.errors import BadFrame
from clinic_records.ids import BlobHash
from clinic_records.reading import Channel, Content, Document, Image, RawBytes, Reading, Subject, Waveform
from devices.delivery import Delivery
from devices.dicom.contexts import STORED
from devices.dicom.person_name import person_name

_DEFER: Final = 4096
"""Bytes: longer values (pixels, samples) stay in the file unless asked for."""
_MODALITIES: Final = {"ECG": "ecg", "HD": "ecg", "US": "ultrasound", "DX": "radiography", "CR": "radiography"}
"""Modality (0008,0060) -> modality of the Reading."""
_UCUM: Final = {"uV": "uV", "mV": "mV", "nV": "nV", "mm[Hg]": "mm[Hg]", "kPa": "kPa", "L/s": "L/s", "L": "L"}


def interpret(delivery: Delivery, raw: Path) -> Reading:
    """What the object says of itself; an object without a patient is taken, with a note.

    Raises:
        BadFrame: it cannot be read as DICOM.
    """
    try:
        with warnings.catch_warnings():
            # Devices break value rules daily; what we need is checked below, the rest is kept as it came.
            warnings.simplefilter("ignore")
            dataset = pydicom.dcmread(raw, defer_size=_DEFER)
            return _reading(delivery, raw, dataset)
    except BadFrame:
        raise
    except (InvalidDicomError, EOFError, OSError) as error:
        raise BadFrame(f"{delivery.device}: not a DICOM object: {error}") from error
    except Exception as error:  # noqa: BLE001  pydicom raises whatever a broken element leads it to
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
    return Reading(
        device=delivery.device,
        modality=modality,
        stamp=msgspec.structs.replace(delivery.stamp, device_time=_device_time(dataset, notes)),
        raw=_raw_bytes(raw, delivery.media_type),
        source_id=delivery.source_id or _text(dataset, "SOPInstanceUID"),
        content=_content(dataset, delivery),
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


def _content(dataset: Dataset, delivery: Delivery) -> Content | None:
    if "WaveformSequence" in dataset:
        return _waveform(dataset)
    if "Rows" in dataset and "Columns" in dataset:
        frames = int(dataset.get("NumberOfFrames") or 1)
        return Image("dicom-image", int(dataset.Rows), int(dataset.Columns), frames)
    title = _text(dataset, "DocumentTitle") or _text(dataset, "SeriesDescription") or _text(dataset, "StudyDescription")
    return Document(_text(dataset, "MIMETypeOfEncapsulatedDocument") or delivery.media_type, title)


def _waveform(dataset: Dataset) -> Waveform:
    """The rhythm: the original multiplex group, or the longest one (a median beat may lie beside it)."""
    groups = list(dataset.WaveformSequence)
    originals = [group for group in groups if _text(group, "WaveformOriginality") == "ORIGINAL"]
    rhythm = max(originals or groups, key=lambda group: int(group.get("NumberOfWaveformSamples") or 0))
    sampling_hz = float(rhythm.SamplingFrequency)
    samples = int(rhythm.NumberOfWaveformSamples)
    channels = tuple(
        Channel(_channel_name(channel), _channel_unit(channel), sampling_hz, samples)
        for channel in rhythm.ChannelDefinitionSequence
    )
    return Waveform("dicom-waveform", channels)


def _channel_name(channel: Dataset) -> str:
    source = (channel.get("ChannelSourceSequence") or [Dataset()])[0]
    meaning = _text(channel, "ChannelLabel") or _text(source, "CodeMeaning")
    return meaning.removeprefix("Lead ").removesuffix(" (Einthoven)")


def _channel_unit(channel: Dataset) -> str:
    unit = (channel.get("ChannelSensitivityUnitsSequence") or [Dataset()])[0]
    return _UCUM.get(_text(unit, "CodeValue"), "1")


def _device_time(dataset: Dataset, notes: list[str]) -> datetime | None:
    """The acquisition's time by the device's clock; without an offset of its own it is China's wall time."""
    day, clock = _text(dataset, "ContentDate"), _text(dataset, "ContentTime")
    stated = _text(dataset, "AcquisitionDateTime") or (day + clock if day and clock else "")
    if not stated:
        notes.append("no acquisition time in the object")
        return None
    try:
        moment = pydicom.valuerep.DT(stated)
    except ValueError:
        notes.append(f"acquisition time {stated[:32]!r} is none")
        return None
    if moment is None:
        return None
    whole = datetime(*moment.timetuple()[:6], moment.microsecond // 1000 * 1000, tzinfo=moment.tzinfo or CHINA)
    return whole


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
