"""DICOM waveforms (PS3.3 section C.10.9): twelve-lead, general and ambulatory ECG and others -> signals.

Value = sample x ChannelSensitivity x ChannelSensitivityCorrectionFactor + ChannelBaseline, in the unit of
ChannelSensitivityUnitsSequence (PS3.3, C.10.9.1.4). Of several multiplex groups those that were recorded are shown; a
median beat is the device's own average.
"""

from datetime import timedelta
from typing import Final

import numpy as np
from pydicom.dataset import Dataset

from clinic_records.errors import RefusedInput
from clinic_records.quantity import quantity
from clinic_records.reading import Code, Numeric
from recordings.arrays import FloatArray
from recordings.dicom import file as dicom_file
from recordings.dicom.file import bad_dicom, reading_dicom, text, whole
from recordings.dicom.groups import label, offset_s, recorded
from recordings.leads import add_derived_leads, derived_note
from recordings.scp_ecg import measurements as ecg
from recordings.scp_ecg.leads import NAMES
from recordings.signal import DecodedRecording, Signal

FORMAT: Final = "dicom-waveform"
MAX_CHANNELS: Final = 64
MAX_VALUES: Final = 2_000_000
"""Samples read, over all channels: 12 leads of 500 Hz for 5 minutes, a Holter's three of 128 Hz for 87; bounds memory.
What a longer object holds beyond is kept with its bytes."""
_MOST_SAMPLES: Final = 1 << 30
_MOST: Final = 1e9
"""No sample in uV, mV or mm[Hg], no interval, rate or angle comes near; a number beyond is damage."""
_MAX_HZ: Final = 1_000_000
_MAX_ANNOTATIONS: Final = 1000

_DTYPES: Final = {
    ("SB", 8): "i1",
    ("UB", 8): "u1",
    ("SS", 16): "i2",
    ("US", 16): "u2",
    ("SL", 32): "i4",
    ("UL", 32): "u4",
}
"""(WaveformSampleInterpretation, WaveformBitsAllocated) -> numpy type; mu-law and A-law sound is not for us."""

_MEASUREMENTS: Final = {
    "5.10.2.1-3": (ecg.RR_INTERVAL, "ms"),
    "5.13.5-7": (ecg.PR_INTERVAL, "ms"),
    "5.13.5-9": (ecg.QRS_DURATION, "ms"),
    "5.13.5-11": (ecg.QT_INTERVAL, "ms"),
    "5.10.2.5-5": (ecg.QTC_INTERVAL, "ms"),
    "5.10.2.5-1": (ecg.HEART_RATE, "/min"),
    "5.10.3-11": (ecg.P_AXIS, "deg"),
    "5.10.3-13": (ecg.QRS_AXIS, "deg"),
    "5.10.3-15": (ecg.T_AXIS, "deg"),
}
"""SCPECG concept (PS3.16, CID 3227 to 3229) -> the LOINC code and unit the same number has from an SCP record."""


def decode_waveform(raw: bytes) -> DecodedRecording:
    """The recording in a DICOM waveform file.

    Raises:
        BadFrame: it is no DICOM waveform, or is cut or damaged.
    """
    return decode_waveform_dataset(dicom_file.read_dataset(raw))


def decode_waveform_dataset(dataset: Dataset) -> DecodedRecording:
    """As `decode_waveform`, of a dataset already read."""
    with reading_dicom("waveform"):
        groups = recorded(dataset)
        start = dicom_file.start_of(dataset)
        first_s = min(offset_s(group) for group in groups)
        stored: list[Signal] = []
        notes: tuple[str, ...] = ()
        for group in groups:
            room = MAX_VALUES - sum(len(signal.samples) for signal in stored)
            signals, noticed = _signals(group, {s.name for s in stored}, offset_s(group) - first_s, dataset, room)
            stored += signals
            notes += noticed
        statements, numerics = _annotations(dataset)
        shown = add_derived_leads(stored)
        return DecodedRecording(
            format=FORMAT,
            patient=dicom_file.patient_of(dataset),
            device=dicom_file.device_of(dataset),
            start=start + timedelta(seconds=first_s) if start else None,
            signals=shown,
            numerics=numerics,
            notes=notes + derived_note(stored, shown) + statements,
        )


def _signals(
    group: Dataset, taken: set[str], start_s: float, dataset: Dataset, room: int
) -> tuple[list[Signal], tuple[str, ...]]:
    """The channels of one group and what was noticed; a name already `taken` gets the group's label.

    `room` is how many samples may still be read.
    """
    samples, notes = _samples(group, room, is_little=bool(dataset.original_encoding[1]))
    hz = float(group.SamplingFrequency)
    if not 0 < hz <= _MAX_HZ:
        raise bad_dicom(f"SamplingFrequency {hz}")
    signals: list[Signal] = []
    if not len(samples):
        return [], notes
    for index, channel in enumerate(group.ChannelDefinitionSequence):
        name = _channel_name(channel, index)
        if name in taken:
            name = f"{name} ({label(group) or f'from {start_s:g} s'})"
        signals.append(Signal(name, _unit(channel), hz, _physical(channel, samples[:, index]), start_s))
    return signals, notes


def _samples(group: Dataset, room: int, *, is_little: bool) -> tuple[FloatArray, tuple[str, ...]]:
    """Samples x channels as stored, NaN where padded, and what was noticed."""
    channels = whole(group, "NumberOfWaveformChannels", 1, MAX_CHANNELS)
    count = whole(group, "NumberOfWaveformSamples", 1, _MOST_SAMPLES)
    if len(group.ChannelDefinitionSequence) != channels:
        raise bad_dicom(f"{channels} channels, but {len(group.ChannelDefinitionSequence)} channel definitions")
    kind = (text(group, "WaveformSampleInterpretation"), whole(group, "WaveformBitsAllocated", 8, 64))
    if kind not in _DTYPES:
        raise bad_dicom(f"WaveformSampleInterpretation {kind[0]} in {kind[1]} bits is not supported")
    dtype = np.dtype(_DTYPES[kind]).newbyteorder("<" if is_little else ">")
    data = bytes(group.WaveformData)
    if len(data) < channels * count * dtype.itemsize:
        raise bad_dicom(f"WaveformData has {len(data)} bytes, {channels} x {count} samples need more")
    shown = min(count, room // channels)
    notes = (f"only the first {shown} of {count} samples of each channel are read",) if shown < count else ()
    stored = np.frombuffer(data, dtype, channels * shown).reshape(shown, channels)
    values = stored.astype(np.float64)
    padding = group.get("WaveformPaddingValue")
    if padding is None:
        return values, notes
    raw = padding if isinstance(padding, bytes) else b""
    if len(raw) < dtype.itemsize:
        return values, notes
    pad = np.frombuffer(raw, dtype, 1)[0]
    limits = np.iinfo(dtype)
    if int(pad) not in {limits.min, limits.max}:
        # A padding value inside the signal's range (0 in real files) would cut holes into the true curve.
        return values, (*notes, f"padding value {int(pad)} is also a possible sample and was not applied")
    values[stored == pad] = np.nan
    return values, notes


def _physical(channel: Dataset, samples: FloatArray) -> FloatArray:
    sensitivity = _number(channel, "ChannelSensitivity", 1.0)
    correction = _number(channel, "ChannelSensitivityCorrectionFactor", 1.0)
    baseline = _number(channel, "ChannelBaseline", 0.0)
    if abs(sensitivity * correction) > _MOST or abs(baseline) > _MOST:
        raise bad_dicom(f"ChannelSensitivity {sensitivity} x {correction}, ChannelBaseline {baseline}")
    return samples * (sensitivity * correction) + baseline


def _number(channel: Dataset, keyword: str, default: float) -> float:
    value = channel.get(keyword)
    number = default if value is None else float(value)
    if not np.isfinite(number):
        raise bad_dicom(f"{keyword} is {number}")
    return number


def _unit(channel: Dataset) -> str:
    """The UCUM code; `1` where the device gives no sensitivity, so that nobody reads raw steps as microvolts."""
    units = channel.get("ChannelSensitivityUnitsSequence")
    return text(units[0], "CodeValue") or "1" if units else "1"


def _channel_name(channel: Dataset, index: int) -> str:
    """Our name of a lead coded in SCPECG (5.6.3-9-n) or MDC (2:n), whose n are one numbering; else the file's own."""
    source = channel.get("ChannelSourceSequence")
    label = text(channel, "ChannelLabel")
    if not source:
        return label or f"channel {index + 1}"
    scheme, code = text(source[0], "CodingSchemeDesignator"), text(source[0], "CodeValue")
    stem = {"SCPECG": "5.6.3-9-", "MDC": "2:"}.get(scheme, "")
    number = code.removeprefix(stem)
    if stem and code.startswith(stem) and number.isdecimal() and int(number) in NAMES:
        return NAMES[int(number)]
    return label or text(source[0], "CodeMeaning") or f"channel {index + 1}"


def _annotations(dataset: Dataset) -> tuple[tuple[str, ...], tuple[Numeric, ...]]:
    """The device's statements and its measurements of the whole recording."""
    statements: list[str] = []
    numerics: list[Numeric] = []
    for item in list(dataset.get("WaveformAnnotationSequence") or [])[:_MAX_ANNOTATIONS]:
        words = text(item, "UnformattedTextValue")
        if words:
            statements.append(f"device statement: {words}")
        numeric = _measurement(item)
        if isinstance(numeric, Numeric):
            numerics.append(numeric)
        elif numeric:
            statements.append(numeric)
    return tuple(statements), tuple(numerics)


def _measurement(item: Dataset) -> Numeric | str | None:
    """The measurement, or a sentence where its unit cannot be right, or nothing where there is none.

    Real files give axes in ms. Such a number is not shown, and its unit is not guessed (law 10).
    """
    names, units = item.get("ConceptNameCodeSequence"), item.get("MeasurementUnitsCodeSequence")
    value = item.get("NumericValue")
    if not names or not units or value is None:
        return None
    scheme, code = text(names[0], "CodingSchemeDesignator"), text(names[0], "CodeValue")
    unit = text(units[0], "CodeValue")
    meaning = text(names[0], "CodeMeaning")
    shown = (Code("dicom", f"{scheme} {code}", meaning), unit)
    concept, proper_unit = _MEASUREMENTS.get(code, shown) if scheme == "SCPECG" else shown
    try:
        measured = quantity(str(value), unit).to(proper_unit)
    except (RefusedInput, ArithmeticError):
        return f"device measurement left out, its unit cannot be right: {meaning} {value} {unit}"
    if abs(measured.value) > _MOST:
        return f"device measurement left out, it cannot be right: {meaning} {value} {unit}"
    # An interval or a rate of 0 is the device's "not measured"; an axis of 0 degrees is an axis.
    return Numeric(concept, measured) if measured.value or unit == "deg" else None
