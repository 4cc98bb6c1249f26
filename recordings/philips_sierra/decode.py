"""A whole Philips ECG file -> a decoded recording."""

from datetime import datetime
from typing import Final

import numpy as np

from clinic_records.errors import Hint, RefusedInput
from clinic_records.reading import Code, Numeric
from recordings.ecg_values import filled, local_time, measured, statement
from recordings.leads import add_derived_leads, derived_note
from recordings.philips_sierra.waveforms import read_waveforms
from recordings.scp_ecg import measurements as ecg
from recordings.signal import DecodedRecording, Signal
from recordings.xml_tree import Element, parse, root_name

FORMAT: Final = "philips-sierra"
_TYPES: Final = ("SierraECG", "PhilipsECG")
_VERSIONS: Final = ("1.03", "1.04", "1.04.01", "1.04.02")
_SEX: Final = {"male": "M", "female": "F"}
_MEASUREMENTS: Final[tuple[tuple[str, Code, str], ...]] = (
    ("meanventrate", ecg.HEART_RATE, "/min"),
    ("meanprint", ecg.PR_INTERVAL, "ms"),
    ("meanqrsdur", ecg.QRS_DURATION, "ms"),
    ("meanqtint", ecg.QT_INTERVAL, "ms"),
    ("meanqtc", ecg.QTC_INTERVAL, "ms"),
    ("pfrontaxis", ecg.P_AXIS, "deg"),
    ("qrsfrontaxis", ecg.QRS_AXIS, "deg"),
    ("tfrontaxis", ecg.T_AXIS, "deg"),
)
"""Element of the measurements over all leads -> our code and the unit the schema gives it (1.03 and 1.04 schemas)."""
_GLOBAL: Final = (("measurements", "globalmeasurements"), ("internalmeasurements", "crossleadmeasurements"))
"""Where 1.03 and 1.04 keep them."""
_PULSE_UV: Final = 1000.0
_PULSE_S: Final = 0.1
"""Carts end a file with a calibration pulse of 1 mV and 0.2 s in every lead (seen in all real files)."""
_MAX_STATEMENTS: Final = 100
_OTHER_VERSION = Hint(
    "在心电图机上把导出格式设为 XML 1.03 或 1.04。", "Set the cart to export XML version 1.03 or 1.04."
)


def looks_like_sierra(raw: bytes) -> bool:
    """Whether it is XML whose root is restingecgdata, in any encoding."""
    return root_name(raw) == "restingecgdata"


def decode_sierra(raw: bytes) -> DecodedRecording:
    """The rhythm and the measurements; representative beats are the device's own average and are left out.

    Raises:
        BadFrame: the XML or the waveforms are damaged.
        RefusedInput: a document of another type or version.
    """
    root = parse(raw)
    info = root.find("documentinfo") or Element("", {})
    kind, version = info.words("documenttype"), info.words("documentversion")
    if kind not in _TYPES or version not in _VERSIONS:
        raise RefusedInput(f"Philips ECG: document {kind[:40]!r} version {version[:40]!r}", hint=_OTHER_VERSION)
    stored = read_waveforms(root)
    signals = add_derived_leads(stored)
    start = _start(root)
    return DecodedRecording(
        format=FORMAT,
        patient=_patient(root),
        device=_device(root) | ({"time_zone": "assumed"} if start else {}),
        start=start,
        signals=signals,
        numerics=_numerics(root),
        notes=derived_note(stored, signals) + _pulse_note(stored) + _statements(root),
    )


def _start(root: Element) -> datetime | None:
    acquisition = root.find("dataacquisition") or Element("", {})
    stamp = f"{acquisition.attribute('date')} {acquisition.attribute('time')}"
    return local_time(stamp, "%Y-%m-%d %H:%M:%S")


def _patient(root: Element) -> dict[str, str]:
    person = root.find("patient", "generalpatientdata") or Element("", {})
    name = person.find("name") or Element("", {})
    years = person.words("age", "years")
    kilograms, centimetres = person.words("weight", "kg"), person.words("height", "cm")
    return filled(
        patient_id=person.words("patientid"),
        name=" ".join(filter(None, (name.words(part) for part in ("lastname", "firstname", "middlename")))),
        birth_date=person.words("age", "dateofbirth"),
        sex=_SEX.get(person.words("sex").lower(), ""),
        age=f"{years} a" if years else "",
        weight=f"{kilograms} kg" if kilograms else "",
        height=f"{centimetres} cm" if centimetres else "",
        accession=root.words("orderinfo", "ordernumber"),
    )


def _device(root: Element) -> dict[str, str]:
    acquisition = root.find("dataacquisition") or Element("", {})
    return filled(
        manufacturer="Philips",
        model=acquisition.words("machine"),
        serial=acquisition.attribute("machineid", "machine"),
        institution=acquisition.words("acquirer", "institutionname"),
        source_id=root.words("documentinfo", "documentname"),
    )


def _numerics(root: Element) -> tuple[Numeric, ...]:
    found = next((place for path in _GLOBAL if (place := root.find(*path)) is not None), None)
    if found is None:
        return ()
    numbers = (measured(code, found.words(name), unit) for name, code, unit in _MEASUREMENTS)
    return tuple(number for number in numbers if number is not None)


def _pulse_note(signals: tuple[Signal, ...]) -> tuple[str, ...]:
    pulse = np.flatnonzero(np.all([signal.samples == _PULSE_UV for signal in signals], axis=0))
    hz = signals[0].sampling_hz
    if len(pulse) < _PULSE_S * hz:
        return ()
    return (f"from {pulse[0] / hz:g} s to {(pulse[-1] + 1) / hz:g} s a 1 mV calibration pulse stands in every lead",)


def _statements(root: Element) -> tuple[str, ...]:
    words: list[str] = []
    for interpretation in root.descend("interpretation"):
        words += [interpretation.words("severity")]
        for said in interpretation.each("statement"):
            words.append("; ".join(filter(None, (said.words("leftstatement"), said.words("rightstatement")))))
    return tuple(statement(line[:256]) for line in words[:_MAX_STATEMENTS] if line)
