"""GE MUSE resting ECG XML (RestingECG, MUSE's restecg.dtd and I2.dtd) -> a decoded recording.

Real files have two waveforms, the median beat first: the rhythm is chosen by its WaveformType. Eight leads are stored;
samples are 16-bit little-endian in base64, LeadDataCRC32 is the CRC-32 of IEEE 802.3 over the bytes.
"""

import re
import zlib
from datetime import UTC, datetime
from math import isfinite
from typing import Final

import numpy as np

from clinic_records.errors import BadFrame, Hint
from clinic_records.reading import Code, Numeric
from recordings.arrays import FloatArray
from recordings.ecg_values import (
    MAX_HZ,
    MAX_LEADS,
    MAX_SAMPLES,
    filled,
    lead_name,
    local_time,
    measured,
    statement,
)
from recordings.leads import add_derived_leads, derived_note
from recordings.scp_ecg import measurements as ecg
from recordings.signal import DecodedRecording, Signal
from recordings.xml_tree import Element, base64_bytes, parse, root_name

FORMAT: Final = "ge-muse"
_MICROVOLTS: Final = {"MICROVOLTS": 1.0, "MILLIVOLTS": 1000.0}
_CRC: Final = re.compile(r"-?[0-9]{1,10}")
"""As a signed or unsigned number; 0 where it was not computed."""
_MAX_STEP_UV: Final = 1000.0
_SEX: Final = {"male": "M", "female": "F"}
_AGE_UNITS: Final = {"YEARS": "a", "MONTHS": "mo", "WEEKS": "wk", "DAYS": "d", "HOURS": "h"}
_STAMPS: Final = tuple(
    f"{day} {clock}" for day in ("%m-%d-%Y", "%m/%d/%Y", "%Y-%m-%d") for clock in ("%H:%M:%S", "%H:%M")
)
"""AcquisitionDate and AcquisitionTime; MUSE writes month-day-year."""
_MEASUREMENTS: Final[tuple[tuple[str, Code, str], ...]] = (
    ("VentricularRate", ecg.HEART_RATE, "/min"),
    ("PRInterval", ecg.PR_INTERVAL, "ms"),
    ("QRSDuration", ecg.QRS_DURATION, "ms"),
    ("QTInterval", ecg.QT_INTERVAL, "ms"),
    ("QTCorrected", ecg.QTC_INTERVAL, "ms"),
    ("PAxis", ecg.P_AXIS, "deg"),
    ("RAxis", ecg.QRS_AXIS, "deg"),
    ("TAxis", ecg.T_AXIS, "deg"),
)
_MAX_STATEMENTS: Final = 100
_SEND_AGAIN = Hint("心电文件不完整或已损坏，请重新导出。", "The ECG file is cut or damaged; export it again.")


def looks_like_muse(raw: bytes) -> bool:
    """Whether it is XML whose root is RestingECG."""
    return root_name(raw) == "RestingECG"


def decode_muse(raw: bytes) -> DecodedRecording:
    """The rhythm waveform with the four limb leads it leaves out, and the measurements as last edited.

    Raises:
        BadFrame: the XML or a lead is damaged, or there is no rhythm.
    """
    root = parse(raw)
    rhythm = _rhythm(root)
    stored = _signals(rhythm)
    signals = add_derived_leads(stored)
    start = _start(root)
    return DecodedRecording(
        format=FORMAT,
        patient=_patient(root),
        device=_device(root) | ({"time_zone": "assumed"} if start else {}),
        start=start,
        signals=signals,
        numerics=_numerics(root),
        notes=_off_note(rhythm) + derived_note(stored, signals) + _statements(root),
    )


def _damaged(message: str) -> BadFrame:
    return BadFrame(f"GE MUSE: {message}", hint=_SEND_AGAIN)


def _rhythm(root: Element) -> Element:
    for waveform in root.each("Waveform"):
        if waveform.words("WaveformType").lower() == "rhythm":
            return waveform
    raise _damaged("no Waveform of type Rhythm; without it there is no curve to show")


def _signals(waveform: Element) -> tuple[Signal, ...]:
    exponent = _number(waveform, "SampleExponent", -6, 6) if waveform.words("SampleExponent") else 0.0
    hz = _number(waveform, "SampleBase", 1, MAX_HZ) * 10.0**exponent
    leads = list(waveform.each("LeadData"))
    if not 1 <= len(leads) <= MAX_LEADS:
        raise _damaged(f"{len(leads)} leads")
    signals: list[Signal] = []
    room = MAX_SAMPLES
    for lead in leads:
        name = lead_name(lead.words("LeadID")) or f"channel {len(signals) + 1}"
        samples = _samples(lead, name)
        room -= len(samples)
        if room < 0:
            raise _damaged(f"more than {MAX_SAMPLES} samples")
        first = _number(lead, "LeadOffsetFirstSample", 0, MAX_SAMPLES) if lead.words("LeadOffsetFirstSample") else 0.0
        signals.append(Signal(name, "uV", hz, samples, first / hz))
    return tuple(signals)


def _samples(lead: Element, name: str) -> FloatArray:
    unit = lead.words("LeadAmplitudeUnits")
    if unit not in _MICROVOLTS:
        raise _damaged(f"lead {name}: LeadAmplitudeUnits {unit[:40]!r}")
    if lead.words("LeadSampleSize") not in {"", "2"}:
        raise _damaged(f"lead {name}: LeadSampleSize {lead.words('LeadSampleSize')[:20]!r}, only 2 bytes are read")
    form = lead.find("WaveFormData") or Element("", {})
    data = base64_bytes(form, f"GE MUSE: lead {name}")
    written = lead.words("LeadDataCRC32")
    if written and not _CRC.fullmatch(written):
        raise _damaged(f"lead {name}: LeadDataCRC32 {written[:40]!r}")
    if int(written or 0) and int(written) & 0xFFFFFFFF != zlib.crc32(data):
        raise _damaged(f"lead {name}: checksum written {int(written) & 0xFFFFFFFF}, computed {zlib.crc32(data)}")
    count = lead.words("LeadSampleCountTotal")
    if not data or len(data) % 2 or (count and count != str(len(data) // 2)):
        raise _damaged(f"lead {name}: {len(data)} bytes for {count[:20] or 'any number of'} samples")
    step_uv = _number(lead, "LeadAmplitudeUnitsPerBit", 0, _MAX_STEP_UV) * _MICROVOLTS[unit]
    samples: FloatArray = np.frombuffer(data, "<i2").astype(np.float64) * step_uv
    return samples


def _off_note(waveform: Element) -> tuple[str, ...]:
    off = [lead_name(lead.words("LeadID")) for lead in waveform.each("LeadData") if lead.words("LeadOff") == "TRUE"]
    return (f"the cart says an electrode was off: {', '.join(off)}",) if off else ()


def _number(element: Element, name: str, low: float, high: float) -> float:
    text = element.words(name)
    try:
        number = float(text)
    except ValueError:
        raise _damaged(f"{name} is {text[:40]!r}, not a number") from None
    if not isfinite(number) or not low <= number <= high:
        raise _damaged(f"{name} {number:g} is outside {low:g}..{high:g}")
    return number


def _start(root: Element) -> datetime | None:
    test = root.find("TestDemographics") or Element("", {})
    return local_time(f"{test.words('AcquisitionDate')} {test.words('AcquisitionTime')}", *_STAMPS)


def _patient(root: Element) -> dict[str, str]:
    person = root.find("PatientDemographics") or Element("", {})
    age, unit = person.words("PatientAge"), _AGE_UNITS.get(person.words("AgeUnits"), "")
    born = next((d for form in ("%m-%d-%Y", "%m/%d/%Y") if (d := _day(person.words("DateofBirth"), form))), "")
    height, weight = person.words("HeightCM"), person.words("WeightKG")
    return filled(
        patient_id=person.words("PatientID"),
        name=" ".join(filter(None, (person.words("PatientLastName"), person.words("PatientFirstName")))),
        birth_date=born,
        sex=_SEX.get(person.words("Gender").lower(), ""),
        age=f"{age} {unit}" if age and unit else "",
        height=f"{height} cm" if height else "",
        weight=f"{weight} kg" if weight else "",
    )


def _day(text: str, form: str) -> str:
    try:
        return datetime.strptime(text, form).replace(tzinfo=UTC).date().isoformat()
    except ValueError:
        return ""


def _device(root: Element) -> dict[str, str]:
    test = root.find("TestDemographics") or Element("", {})
    return filled(
        manufacturer="GE",
        model=test.words("AcquisitionDevice"),
        serial=test.words("CartNumber"),
        institution=test.words("SiteName"),
    )


def _numerics(root: Element) -> tuple[Numeric, ...]:
    place = root.find("RestingECGMeasurements") or root.find("OriginalRestingECGMeasurements") or Element("", {})
    numbers = (measured(code, place.words(name), unit) for name, code, unit in _MEASUREMENTS)
    return tuple(number for number in numbers if number is not None)


def _statements(root: Element) -> tuple[str, ...]:
    place = root.find("Diagnosis") or root.find("OriginalDiagnosis") or Element("", {})
    words = (said.words("StmtText") for said in list(place.each("DiagnosisStatement"))[:_MAX_STATEMENTS])
    return tuple(statement(line[:256]) for line in words if line)
