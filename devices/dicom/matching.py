"""Worklist matching and answers (DICOM PS3.4, section C.2.2.2 and table K.6-1)."""

import re
from collections.abc import Callable, Mapping
from typing import Final

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from clinic_records.clock import CHINA
from devices.dicom.worklist import WorklistItem
from recordings.person_name import IR_58, in_ir_58, person_key

_UTF8: Final = "ISO_IR 192"
_SPOKEN: Final[Mapping[str, str]] = {"GB18030": "gb18030", "GBK": "gbk", IR_58: "gb2312"}
"""Character set of a query -> Python's codec: a device that asks in one of these is answered in it where it can be
written so, for many older ones show UTF-8 as noise. Everybody else is answered in UTF-8."""


def matches(query: Dataset, item: WorklistItem) -> bool:
    """Whether `item` is asked for by the identifier `query`; keys we do not match on are taken as universal."""
    if not all(_is_match(query, keyword, value(item)) for keyword, value in _KEYS.items()):
        return False
    if not _is_named(query, item.name):
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
    found.SpecificCharacterSet = _charset(query, item.name)
    for keyword, value in _KEYS.items():
        setattr(found, keyword, value(item))
    found.PatientName = in_ir_58(item.name) if IR_58 in found.SpecificCharacterSet else item.name
    found.RequestedProcedureDescription = item.modality
    found.ReferringPhysicianName = ""
    step = Dataset()
    for keyword, value in _STEP_KEYS.items():
        setattr(step, keyword, value(item))
    step.ScheduledStationAETitle = item.device_ae or station
    step.ScheduledPerformingPhysicianName = ""
    step.ScheduledProcedureStepDescription = item.modality
    _fill_asked(step, (query.get("ScheduledProcedureStepSequence") or [Dataset()])[0])
    found.ScheduledProcedureStepSequence = [step]
    _fill_asked(found, query)
    return found


_KEYS: Final[Mapping[str, Callable[[WorklistItem], str]]] = {
    "PatientID": lambda item: item.patient_id,
    "AccessionNumber": lambda item: item.accession,
    "PatientBirthDate": lambda item: f"{item.birth_date:%Y%m%d}" if item.birth_date else "",
    "PatientSex": lambda item: item.sex,
    "StudyInstanceUID": lambda item: item.study_uid,
    "RequestedProcedureID": lambda item: item.accession,
}
_STEP_KEYS: Final[Mapping[str, Callable[[WorklistItem], str]]] = {
    "Modality": lambda item: item.modality,
    "ScheduledProcedureStepStartDate": lambda item: f"{item.scheduled.astimezone(CHINA):%Y%m%d}",
    "ScheduledProcedureStepStartTime": lambda item: f"{item.scheduled.astimezone(CHINA):%H%M%S}",
    "ScheduledProcedureStepID": lambda item: item.accession,
}
_RANGED: Final = frozenset({"ScheduledProcedureStepStartDate", "ScheduledProcedureStepStartTime", "PatientBirthDate"})


def _is_match(query: Dataset, keyword: str, value: str) -> bool:
    is_one = _in_range if keyword in _RANGED else _wildcard
    return any(is_one(asked, value) for asked in _asked(query, keyword))


def _asked(query: Dataset, keyword: str) -> list[str]:
    """The key's values: a list of UIDs or, from devices that stretch the standard, of modalities matches any."""
    value = query.get(keyword)
    several = value if isinstance(value, MultiValue) else [value]
    return [str(one if one is not None else "").strip() for one in several] or [""]


def _text(query: Dataset, keyword: str) -> str:
    return _asked(query, keyword)[0]


def _is_named(query: Dataset, name: str) -> bool:
    """PatientName against our one field: any of the key's groups, with or without the sign between its components."""
    asked = person_key(query)
    return not asked or any(_wildcard(group, name) for group in asked)


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


def _charset(query: Dataset, name: str) -> str | list[str]:
    """The character set of the answer."""
    for asked in _asked(query, "SpecificCharacterSet"):
        codec = _SPOKEN.get(asked)
        if codec is None:
            continue
        try:
            name.encode(codec)
        except UnicodeEncodeError:
            return _UTF8
        return ["", IR_58] if asked == IR_58 else asked
    return _UTF8


def _fill_asked(found: Dataset, query: Dataset) -> None:
    for element in query:
        if element.tag not in found and element.VR != "SQ" and not element.tag.is_private:
            found.add_new(element.tag, element.VR, None)
