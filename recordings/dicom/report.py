"""DICOM structured reports (PS3.3, section C.17.3; PS3.16): every measured number, and the tree as lines of text.

All templates are read by one rule, so that of OB-GYN (TID 5000), vascular (5100), echocardiography (5200, 5300) and
general measurement reports (1500) nothing is left out: a NUM item is a number, and what modifies it or any container
around it (finding site, laterality, derivation, fetus) is its context.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from pydicom.dataset import Dataset

from clinic_records.errors import RefusedInput
from clinic_records.quantity import Quantity, quantity
from clinic_records.reading import AbsentReason, Code, Numeric
from recordings.dicom import file as dicom_file
from recordings.dicom.file import bad_dicom, reading_dicom, text
from recordings.person_name import person_name
from recordings.signal import DecodedRecording, DocumentFile

FORMAT: Final = "dicom-report"
MAX_ITEMS: Final = 4000
"""More than twice an echo report with every measurement of its template; bounds the time."""
MAX_DEPTH: Final = 32
"""Deepest template, fetal biometry, nests eight items."""
_MAX_LINES: Final = 2000
_LONGEST_TEXT: Final = 16_384
"""Characters of one text: the value representation UT has no limit of its own."""

_SYSTEMS: Final = {"LN": "loinc", "DCM": "dicom", "SCT": "sct", "SRT": "srt", "SNM3": "srt", "UCUM": "ucum"}
"""Coding scheme designator (PS3.16, table 8-1) -> our name of the system; a private one is `local`."""
_UNITS: Final = {
    "{H.B.}/min": "/min",  # as TID 5200 writes heart beats
    "{ratio}": "1",
    "{0:1}": "1",
    "{1}": "1",
    "no units": "1",
    "ml": "mL",
    "l": "L",
    "l/min": "L/min",
    "ml/m2": "mL/m2",
    "l/min/m2": "L/min/m2",
    "[degrees]": "deg",
}
"""Codes scanners use in place of the UCUM code of the same unit."""
_ABSENT: Final = {"114000": AbsentReason.NOT_A_NUMBER, "114007": AbsentReason.NOT_PERFORMED}
"""NumericValueQualifier (PS3.16, CID 42); every other qualifier is an error of the measurement."""
_CONTEXT: Final = {
    "363698007": "site", "G-C0E3": "site",  # Finding Site, SCT and SRT
    "272741003": "laterality", "G-C171": "laterality",
    "121401": "derivation",
    "370129005": "method", "G-C036": "method",  # Measurement Method
    "399264008": "mode", "G-0373": "mode",  # Image Mode
    "260674002": "flow", "G-C048": "flow",  # Flow Direction
    "11951-1": "fetus",  # Fetus ID
    "121404": "selection",  # Selection Status
    "112039": "tracking",  # Tracking Identifier
}  # fmt: skip
"""Concept of a modifier (PS3.16, TID 300 and 5000 to 5300) -> the word in `Numeric.context`."""
_MODIFIES: Final = frozenset({"HAS CONCEPT MOD", "HAS OBS CONTEXT", "HAS ACQ CONTEXT"})
_VALUES: Final = {
    "TEXT": "TextValue",
    "DATE": "Date",
    "TIME": "Time",
    "DATETIME": "DateTime",
    "UIDREF": "UID",
}
"""ValueType (0040,A040) -> attribute of its value, where that is plain text."""


@dataclass(frozen=True, slots=True)
class _Item:
    """One content item of the tree, with how deep it lies and what modifies it."""

    item: Dataset
    depth: int
    context: Mapping[str, str]


def decode_report_dataset(dataset: Dataset) -> DecodedRecording:
    """The report's numbers and its text.

    Raises:
        BadFrame: it has no content, too much of it, or is damaged.
    """
    with reading_dicom("report"):
        if "ContentSequence" not in dataset:
            raise bad_dicom("ContentSequence is missing: no report")
        numerics: list[Numeric] = []
        notes: list[str] = []
        title = _meaning(dataset, "ConceptNameCodeSequence") or text(dataset, "SeriesDescription") or "Report"
        lines = [title]
        for found in _walk(dataset):
            if len(lines) < _MAX_LINES:
                lines.append("  " * (found.depth + 1) + _line(found.item))
            if _kind(found.item) == "NUM":
                numerics.append(_numeric(found, notes))
        return DecodedRecording(
            format=FORMAT,
            patient=dicom_file.patient_of(dataset),
            device=dicom_file.device_of(dataset),
            start=dicom_file.start_of(dataset),
            numerics=tuple(numerics),
            document=DocumentFile("text/plain", title, "\n".join(lines).encode()),
            notes=tuple(dict.fromkeys((*_states(dataset), *notes))),
        )


def _walk(root: Dataset) -> Iterator[_Item]:
    """All items below the root in reading order."""
    waiting = [_Item(root, -1, {})]
    count = 0
    while waiting:
        here = waiting.pop()
        if here.depth >= 0:
            yield here
        children = list(here.item.get("ContentSequence") or ())
        count += len(children)
        if count > MAX_ITEMS or here.depth >= MAX_DEPTH:
            raise bad_dicom(f"the report has more than {MAX_ITEMS} items or is deeper than {MAX_DEPTH}")
        context = {**here.context, **_modifiers(children)}
        waiting.extend(_Item(child, here.depth + 1, context) for child in reversed(children))


def _modifiers(children: list[Dataset]) -> dict[str, str]:
    """What the children say of their parent."""
    found = {}
    for child in children:
        if text(child, "RelationshipType") in _MODIFIES and "ConceptNameCodeSequence" in child:
            word = _CONTEXT.get(_code(child, "ConceptNameCodeSequence")[1])
            if word:
                found[word] = _plain_value(child)
    return found


def _numeric(found: _Item, notes: list[str]) -> Numeric:
    item = found.item
    scheme, code, meaning = _code(item, "ConceptNameCodeSequence")
    name = Code(_SYSTEMS.get(scheme, "local"), code or "unnamed", meaning)
    context = {**found.context, **_modifiers(list(item.get("ContentSequence") or ()))}
    measured = item.get("MeasuredValueSequence")
    if not measured:
        qualifier = _code(item, "NumericValueQualifierCodeSequence")[1]
        return Numeric(name, absent=_ABSENT.get(qualifier, AbsentReason.ERROR), context=context)
    try:
        return Numeric(name, _quantity(measured[0]), context=context)
    except RefusedInput as error:
        notes.append(f"{meaning or code}: {error}")
        return Numeric(name, absent=AbsentReason.ERROR, context=context)


def _quantity(measured: Dataset) -> Quantity:
    """NumericValue (DS, as its digits stand) in MeasurementUnitsCodeSequence (UCUM)."""
    value = measured.get("NumericValue")
    if isinstance(value, list) or (hasattr(value, "__iter__") and not isinstance(value, str)):
        value = value[0] if value else None
    unit = _code(measured, "MeasurementUnitsCodeSequence")[1]
    return quantity(str(value).strip(), _UNITS.get(unit, unit))


def _kind(item: Dataset) -> str:
    return text(item, "ValueType")


def _code(item: Dataset, keyword: str) -> tuple[str, str, str]:
    """Scheme, code and meaning; a long code or a UUID stands in an attribute of its own (PS3.3, table 8.8-1)."""
    sequence = item.get(keyword)
    if not sequence:
        return "", "", ""
    value = text(sequence[0], "CodeValue") or text(sequence[0], "LongCodeValue") or text(sequence[0], "URNCodeValue")
    return text(sequence[0], "CodingSchemeDesignator"), value, text(sequence[0], "CodeMeaning")


def _meaning(item: Dataset, keyword: str) -> str:
    _, value, meaning = _code(item, keyword)
    return meaning or value


def _plain_value(item: Dataset) -> str:
    """The value of an item as one line."""
    kind = _kind(item)
    if kind == "CODE":
        return _meaning(item, "ConceptCodeSequence")
    if kind == "PNAME":
        return person_name(item, "PersonName")[0]
    if kind == "NUM":
        measured = item.get("MeasuredValueSequence")
        if not measured:
            return "-"
        unit = _code(measured[0], "MeasurementUnitsCodeSequence")[1]
        return f"{text(measured[0], 'NumericValue')} {'' if unit == '1' else unit}".strip()
    if kind in {"IMAGE", "WAVEFORM", "COMPOSITE"}:
        return f"[{kind.lower()}]"
    return " / ".join(text(item, _VALUES[kind], limit=_LONGEST_TEXT).split("\n")) if kind in _VALUES else ""


def _line(item: Dataset) -> str:
    name, value = _meaning(item, "ConceptNameCodeSequence"), _plain_value(item)
    return f"{name}: {value}" if name and value else name or value or _kind(item).lower()


def _states(dataset: Dataset) -> Iterator[str]:
    """What a reader must know of the report itself (PS3.3, table C.17-2)."""
    if text(dataset, "CompletionFlag") == "PARTIAL":
        yield "the device says the report is not complete"
    if text(dataset, "VerificationFlag") == "UNVERIFIED":
        yield "nobody has verified the report on the device"
