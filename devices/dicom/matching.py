"""Worklist matching and answers (DICOM PS3.4, section C.2.2.2 and table K.6-1)."""

import re
from collections.abc import Callable, Mapping
from typing import Final

from pydicom.dataset import Dataset

from clinic_records.clock import CHINA
from devices.dicom.worklist import WorklistItem

_CHARSET: Final = "ISO_IR 192"
"""UTF-8: the one character set in which every Chinese name can be written."""


def matches(query: Dataset, item: WorklistItem) -> bool:
    """Whether `item` is asked for by the identifier `query`; keys we do not match on are taken as universal."""
    if not all(_is_match(query, keyword, value(item)) for keyword, value in _KEYS.items()):
        return False
    steps = query.get("ScheduledProcedureStepSequence") or [Dataset()]
    step = steps[0]
    if not all(_is_match(step, keyword, value(item)) for keyword, value in _STEP_KEYS.items()):
        return False
    station = _text(step, "ScheduledStationAETitle")
    return not item.device_ae or _wildcard(station, item.device_ae)


def answer(query: Dataset, item: WorklistItem, station: str) -> Dataset:
    """The pending response for `item`; keys asked for and not known are returned empty.

    `station` is the AE title of who asks, for an item any device may do.
    """
    found = Dataset()
    found.SpecificCharacterSet = _CHARSET
    for keyword, value in _KEYS.items():
        setattr(found, keyword, value(item))
    found.PatientBirthDate = f"{item.birth_date:%Y%m%d}" if item.birth_date else ""
    found.PatientSex = item.sex
    found.StudyInstanceUID = item.study_uid
    found.RequestedProcedureID = item.accession
    found.RequestedProcedureDescription = item.modality
    found.ReferringPhysicianName = ""
    step = Dataset()
    for keyword, value in _STEP_KEYS.items():
        setattr(step, keyword, value(item))
    step.ScheduledStationAETitle = item.device_ae or station
    step.ScheduledPerformingPhysicianName = ""
    step.ScheduledProcedureStepID = item.accession
    step.ScheduledProcedureStepDescription = item.modality
    _fill_asked(step, (query.get("ScheduledProcedureStepSequence") or [Dataset()])[0])
    found.ScheduledProcedureStepSequence = [step]
    _fill_asked(found, query)
    return found


_KEYS: Final[Mapping[str, Callable[[WorklistItem], str]]] = {
    "PatientID": lambda item: item.patient_id,
    "PatientName": lambda item: item.name,
    "AccessionNumber": lambda item: item.accession,
}
_STEP_KEYS: Final[Mapping[str, Callable[[WorklistItem], str]]] = {
    "Modality": lambda item: item.modality,
    "ScheduledProcedureStepStartDate": lambda item: f"{item.scheduled.astimezone(CHINA):%Y%m%d}",
    "ScheduledProcedureStepStartTime": lambda item: f"{item.scheduled.astimezone(CHINA):%H%M%S}",
}
_RANGED: Final = frozenset({"ScheduledProcedureStepStartDate", "ScheduledProcedureStepStartTime"})


def _is_match(query: Dataset, keyword: str, value: str) -> bool:
    asked = _text(query, keyword)
    return _in_range(asked, value) if keyword in _RANGED else _wildcard(asked, value)


def _text(query: Dataset, keyword: str) -> str:
    value = query.get(keyword)
    return "" if value is None else str(value).strip().rstrip("^")


def _wildcard(asked: str, value: str) -> bool:
    """PS3.4, C.2.2.2.4: `*` any characters, `?` one; an empty key matches all. Case never tells people apart."""
    pattern = "".join({"*": ".*", "?": "."}.get(char, re.escape(char)) for char in asked)
    return not asked or re.fullmatch(pattern, value, re.IGNORECASE | re.DOTALL) is not None


def _in_range(asked: str, value: str) -> bool:
    """PS3.4, C.2.2.2.5: `a-b`, `a-`, `-b` or `a`; a time may be cut to hours or minutes."""
    low, dash, high = asked.partition("-")
    if not dash:
        return value.startswith(low[:6] if len(value) == 6 else low)
    return (not low or value >= low[: len(value)]) and (not high or value[: len(high)] <= high)


def _fill_asked(found: Dataset, query: Dataset) -> None:
    for element in query:
        if element.tag not in found and element.VR != "SQ" and not element.tag.is_private:
            found.add_new(element.tag, element.VR, None)
