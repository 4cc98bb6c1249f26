"""A DICOM file's dataset, and what it says of person, device and time; pydicom's many errors become ours here."""

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta, timezone
from io import BytesIO
from typing import Final

import pydicom
from PIL import Image
from pydicom.dataset import Dataset

from clinic_records.clock import CHINA
from clinic_records.errors import BadFrame, ClinicError, Hint
from recordings.dicom.bounds import check_items
from recordings.dicom.deflated import undeflated
from recordings.person_name import GB2312_ESCAPE, person_name

_PREAMBLE: Final = 128
_TEXT_LIMIT: Final = 256
_STAMP: Final = re.compile(r"(?P<day>\d{8})(?P<clock>\d{0,6})(?:\.\d*)?(?P<offset>[+-]\d{4})?")
_OFFSET: Final = re.compile(r"[+-]\d{4}")
_NO_SUCH = Hint(
    "影像文件不完整或格式不支持，请从设备重发。",
    "The DICOM file is cut or not supported; send it again from the device.",
)


def bad_dicom(message: str) -> BadFrame:
    """The error of a DICOM file that cannot be read; `message` names the attribute."""
    return BadFrame(f"DICOM: {message}", hint=_NO_SUCH)


@contextmanager
def reading_dicom(what: str) -> Iterator[None]:
    """Around every use of a dataset: pydicom decodes values when they are asked for.

    Its warnings about values out of their standard's form are dropped (real devices write them), a picture large
    enough for Pillow's warning is an error, and whatever a hostile file makes pydicom raise becomes a BadFrame.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            yield
        except ClinicError:
            raise
        except Exception as error:  # pydicom and numpy raise nearly every type on damaged bytes
            raise bad_dicom(f"{what}: {type(error).__name__}: {str(error)[:_TEXT_LIMIT]}") from error


def looks_like_dicom(raw: bytes) -> bool:
    """Whether `raw` is a DICOM file (PS3.10, section 7.1)."""
    return raw[_PREAMBLE : _PREAMBLE + 4] == b"DICM"


def read_dataset(raw: bytes) -> Dataset:
    """The dataset of a DICOM file.

    Raises:
        BadFrame: it is not a DICOM file, is damaged, or is deflated and unpacks to more than we take.
    """
    if not looks_like_dicom(raw):
        raise bad_dicom("no DICM at byte 128: not a DICOM file")
    with reading_dicom("dataset"):
        plain = undeflated(BytesIO(raw))
        check_items(plain)
        return pydicom.dcmread(plain)


def text(dataset: Dataset, keyword: str, *, limit: int = _TEXT_LIMIT) -> str:
    """The attribute's value as short text of at most `limit` characters, or empty."""
    value = dataset.get(keyword)
    return "" if value is None else str(value).replace(GB2312_ESCAPE, "").strip("\0 \r\n")[:limit].replace("\r\n", "\n")


def whole(dataset: Dataset, keyword: str, low: int, high: int) -> int:
    """The attribute as a whole number within low..high.

    Raises:
        BadFrame: it is missing or outside.
    """
    value = dataset.get(keyword)
    try:
        number = int(str(value))
    except ValueError:
        raise bad_dicom(f"{keyword} is {str(value)[:40]!r}, not a whole number") from None
    if not low <= number <= high:
        raise bad_dicom(f"{keyword} {number} is outside {low}..{high}")
    return number


def patient_of(dataset: Dataset) -> dict[str, str]:
    """The `patient` of a DecodedRecording."""
    patient = {
        "patient_id": text(dataset, "PatientID"),
        "name": person_name(dataset)[0],
        "birth_date": _iso_date(text(dataset, "PatientBirthDate")),
        "sex": text(dataset, "PatientSex"),
        "age": text(dataset, "PatientAge"),
        "accession": text(dataset, "AccessionNumber"),
        "study": text(dataset, "StudyInstanceUID"),
    }
    return {key: value for key, value in patient.items() if value}


def device_of(dataset: Dataset) -> dict[str, str]:
    """The `device` of a DecodedRecording."""
    device = {
        "manufacturer": text(dataset, "Manufacturer"),
        "model": text(dataset, "ManufacturerModelName"),
        "serial": text(dataset, "DeviceSerialNumber"),
        "institution": text(dataset, "InstitutionName"),
        "source_id": text(dataset, "SOPInstanceUID"),
        "modality": text(dataset, "Modality"),
        "sop_class": text(dataset, "SOPClassUID"),
        "time_zone": "" if _zone(dataset) else "assumed",
    }
    return {key: value for key, value in device.items() if value}


def start_of(dataset: Dataset) -> datetime | None:
    """When it was taken: AcquisitionDateTime, else acquisition, content, series or study date with its time."""
    zone = _zone(dataset) or CHINA
    stamps = [text(dataset, "AcquisitionDateTime")]
    stamps += [
        text(dataset, f"{level}Date") + text(dataset, f"{level}Time")
        for level in ("Acquisition", "Content", "Series", "Study")
        if text(dataset, f"{level}Date")
    ]
    for stamp in stamps:
        form = _STAMP.fullmatch(stamp)
        if form is None:
            continue
        digits = form["day"] + (form["clock"] or "").ljust(6, "0")
        try:
            return datetime.strptime(digits, "%Y%m%d%H%M%S").replace(tzinfo=zone).astimezone(UTC)
        except (ValueError, OverflowError):
            continue
    return None


def _zone(dataset: Dataset) -> timezone | None:
    """The zone the file states: with its acquisition time, or as TimezoneOffsetFromUTC (PS3.3, C.12.1.1.8)."""
    form = _STAMP.fullmatch(text(dataset, "AcquisitionDateTime"))
    own = form["offset"] if form else None
    return _offset(own or text(dataset, "TimezoneOffsetFromUTC"))


def _offset(value: str) -> timezone | None:
    """`+0800` as a zone (value representation DT, PS3.5 section 6.2)."""
    if not _OFFSET.fullmatch(value):
        return None
    minutes = int(value[1:3]) * 60 + int(value[3:5])
    return timezone(timedelta(minutes=-minutes if value[0] == "-" else minutes)) if minutes <= 14 * 60 else None


def _iso_date(value: str) -> str:
    try:
        return date.fromisoformat(value).isoformat()
    except ValueError:
        return ""
