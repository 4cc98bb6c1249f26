"""One OBX segment -> numbers and words (HL7 v2.5.1 section 7.4.2).

A number is one only with a unit we know; everything else stays as the device wrote it. A status that says that there
is no result never becomes 0 (hazard H07), and a deleted or wrong result is not passed on at all.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from clinic_records.quantity import Quantity
from clinic_records.reading import AbsentReason, Code, Numeric
from recordings.hl7.codes import MDC, codings, observation_code, unit_of_mdc
from recordings.hl7.message import Segment
from recordings.written_units import ucum

LONGEST_WORD: Final = 120
"""Characters; a longer text is a report and goes to the notes."""
LONGEST_NOTE: Final = 4_000
_MOST_REPETITIONS: Final = 4
"""Values of one observation; more are named in a note and stay in the raw message."""
_NUMBER: Final = re.compile(r"[+-]?(\d{1,15}(\.\d{0,15})?|\.\d{1,15})", re.ASCII)
"""NM (section 2.A.47): optional sign, digits, optional decimal point; no exponent."""
_NOT_NUMBERS: Final = frozenset({"nan", "inf", "+inf", "-inf"})
_WITHOUT_RESULT: Final[Mapping[str, str]] = {
    "D": "deleted by the sender",
    "W": "withdrawn by the sender as wrong",
    "I": "pending",
    "N": "not asked",
    "O": "ordered only",
}
"""OBX-11 (table 0085): no result may be taken from such a segment."""
_STATUS_WORDS: Final[Mapping[str, str]] = {"C": "corrected", "P": "preliminary", "S": "partial", "R": "unverified"}
"""OBX-11 that a reader must know; final (F, U, empty) goes without saying."""
_NORMAL_FLAGS: Final = frozenset({"", "N"})
"""OBX-8 that says nothing; Mindray repeats: `H~N` is high, and not edited by hand."""
_BEYOND: Final = frozenset({"<", ">"})
"""OBX-8 (table 0078): below or above the instrument's scale, so the value is a limit and no measurement."""

Value = Quantity | AbsentReason | str
"""What one repetition of OBX-5 says."""


@dataclass(frozen=True, slots=True)
class Observed:
    """What one OBX says; `is_result` False for the containment rows of PCD-01 (device, module, channel)."""

    numerics: tuple[Numeric, ...] = ()
    notes: tuple[str, ...] = ()
    is_result: bool = True


def observe(obx: Segment, specimen: str) -> Observed:
    """The numbers and words of one OBX; `specimen` is what OBR-15 or SPM-4 calls the sample."""
    system = codings(obx, 3)[0].system
    kind, status = obx.text(2).upper(), obx.text(11).upper()
    if not kind and not obx.raw(5) and system == MDC:
        return Observed(is_result=False)
    code, note = observation_code(obx, specimen, _unit(obx))
    notes = [note] if note else []
    name = (code.display or code.code)[:LONGEST_WORD]
    if status in _WITHOUT_RESULT:
        return Observed((), (*notes, f"{name}: {_WITHOUT_RESULT[status]}"))
    context = _context(obx, system, status)
    if status == "X" or obx.raw(5) in {"", '""'}:
        return Observed((Numeric(code, absent=AbsentReason.NOT_PERFORMED, context=context),), tuple(notes))
    if kind in _NOT_SHOWN:
        return Observed((), (*notes, f"{name}: {_NOT_SHOWN[kind](obx)}"))
    numerics: list[Numeric] = []
    repetitions = obx.repetitions(5)
    if len(repetitions) > _MOST_REPETITIONS:
        notes.append(f"{name}: {len(repetitions)} values, the first {_MOST_REPETITIONS} are shown")
    for repetition in repetitions[:_MOST_REPETITIONS]:
        value = _READERS.get(kind, _words)(obx, repetition)
        if isinstance(value, str) and len(value) > LONGEST_WORD:
            notes.append(f"{name}: {value[:LONGEST_NOTE]}")
        elif value:
            numerics.append(_numeric(code, value, context))
    return Observed(tuple(numerics), tuple(notes))


def _numeric(code: Code, value: Value, context: dict[str, str]) -> Numeric:
    if isinstance(value, Quantity):
        return Numeric(code, value, context=context)
    if isinstance(value, AbsentReason):
        return Numeric(code, absent=value, context=context)
    return Numeric(code, context=context, text=value)


def _context(obx: Segment, system: str, status: str) -> dict[str, str]:
    flags = [obx.component(flag, 1) for flag in obx.repetitions(8)]
    told = {
        "flag": " ".join(flag for flag in flags if flag not in _NORMAL_FLAGS),
        "reference": obx.text(7),
        "status": _STATUS_WORDS.get(status, ""),
        "containment": obx.text(4) if system == MDC else "",
    }
    return {key: words[:LONGEST_WORD] for key, words in told.items() if words}


def _unit(obx: Segment) -> str:
    for coding in codings(obx, 6):
        code = unit_of_mdc(coding.code) if coding.system == MDC else ucum(coding.code) or ucum(coding.text)
        if code:
            return code
    return ""


def _measured(obx: Segment, written: str) -> Value:
    """A number with its unit, or the words where either is none, or where the flag says that it is only a limit."""
    unit = _unit(obx)
    beyond = _BEYOND.intersection(obx.raw(8).split(obx.marks.repetition or "\0"))
    if _NUMBER.fullmatch(written) and unit and not beyond:
        return Quantity(Decimal(written), unit)
    limit = "".join(beyond) if _NUMBER.fullmatch(written) else ""
    return f"{limit}{written} {unit or obx.text(6) or obx.text(6, 2)}".rstrip()


def _number(obx: Segment, repetition: str) -> Value:
    written = obx.plain(repetition).strip()
    if written.lower() in _NOT_NUMBERS:
        return AbsentReason.NOT_A_NUMBER
    return _measured(obx, written) if written else AbsentReason.NOT_PERFORMED


def _structured(obx: Segment, repetition: str) -> Value:
    """SN (section 2.A.71): comparator, number, separator or suffix, number."""
    comparator, first, separator, second = (obx.component(repetition, part).strip() for part in range(1, 5))
    if comparator in {"", "="} and first and not separator and not second:
        return _measured(obx, first)
    return f"{comparator}{first}{separator}{second} {_unit(obx) or obx.text(6)}".strip()


def _words(obx: Segment, repetition: str) -> Value:
    """Text; a number with a known unit is a number also where the sender typed it as text."""
    written = obx.plain(repetition).strip()
    return _measured(obx, written) if _NUMBER.fullmatch(written) and _unit(obx) else written


def _coded(obx: Segment, repetition: str) -> Value:
    return obx.component(repetition, 2) or obx.component(repetition, 1) or obx.component(repetition, 5)


def _document(obx: Segment) -> str:
    """ED (section 2.A.24): source application, type, subtype, encoding, data."""
    kind, subtype, encoding = (obx.text(5, part)[:40] for part in (2, 3, 4))
    return f"document {kind}/{subtype} ({encoding}), {len(obx.raw(5))} characters, kept in the raw message"


def _pointer(_obx: Segment) -> str:
    return "a reference to a document elsewhere, not followed"


def _array(obx: Segment) -> str:
    return f"array of {len(obx.raw(5))} characters, kept in the raw message"


_READERS: Final[Mapping[str, Callable[[Segment, str], Value]]] = {
    "NM": _number,
    "SN": _structured,
    "CE": _coded,
    "CWE": _coded,
    "CNE": _coded,
    "CF": _coded,
}
"""OBX-2 -> reader of one repetition; every other type is text (ST, TX, FT, IS, DT, TM ...)."""
_NOT_SHOWN: Final[Mapping[str, Callable[[Segment], str]]] = {
    "ED": _document,
    "RP": _pointer,
    "NA": _array,
    "MA": _array,
    "CD": _array,
}
"""OBX-2 -> what a note says of a value that is no number and no word."""
