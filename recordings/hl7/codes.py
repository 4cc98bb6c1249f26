"""What an observation identifier (OBX-3) means: LOINC as it is, IEEE 11073 terms as the LOINC term of the same meaning.

MDC terms: IEEE 11073-10101, term code = partition * 65536 + number, as IHE PCD-01 writes them. Only terms whose LOINC
counterpart is beyond doubt are mapped; the others keep their own system.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from clinic_records.errors import RefusedInput
from clinic_records.observations import BY_KEY, loinc_check_digit
from clinic_records.quantity import quantity
from clinic_records.reading import Code
from recordings.hl7.message import Segment, pieces

_LOINC_OF_MDC: Final[Mapping[str, str]] = {
    "150021": "8480-6",  # MDC_PRESS_BLD_NONINV_SYS
    "150022": "8462-4",  # MDC_PRESS_BLD_NONINV_DIA
    "150023": "8478-0",  # MDC_PRESS_BLD_NONINV_MEAN
    "150301": "8480-6",  # MDC_PRESS_CUFF_SYS
    "150302": "8462-4",  # MDC_PRESS_CUFF_DIA
    "150303": "8478-0",  # MDC_PRESS_CUFF_MEAN
    "149546": "8867-4",  # MDC_PULS_RATE_NON_INV
    "147842": "8867-4",  # MDC_ECG_HEART_RATE
    "149530": "8889-8",  # MDC_PULS_OXIM_PULS_RATE
    "150456": "59408-5",  # MDC_PULS_OXIM_SAT_O2
    "150364": "8310-5",  # MDC_TEMP_BODY
    "151562": "9279-1",  # MDC_RESP_RATE
    "152584": "19935-6",  # MDC_FLOW_AWAY_EXP_FORCED_PEAK
    "152586": "20150-9",  # MDC_VOL_AWAY_EXP_FORCED_1S
    "188736": "29463-7",  # MDC_MASS_BODY_ACTUAL
    "188740": "8302-2",  # MDC_LEN_BODY_ACTUAL
}
_UCUM_OF_MDC: Final[Mapping[str, str]] = {
    "262688": "%",  # MDC_DIM_PERCENT
    "263441": "cm",  # MDC_DIM_CENTI_M
    "263875": "kg",  # MDC_DIM_KILO_G
    "264864": "/min",  # MDC_DIM_BEAT_PER_MIN
    "264928": "/min",  # MDC_DIM_RESP_PER_MIN
    "266016": "mm[Hg]",  # MDC_DIM_MMHG
    "268192": "Cel",  # MDC_DIM_DEGC
}
_BLOOD: Final = frozenset({"serum", "plasma", "serum or plasma", "血清", "血浆", "ser", "plas"})
"""OBR-15 of a specimen whose common analytes need no further word."""
_SERUM_ANALYTES: Final[Mapping[str, str]] = {
    "alt": "1742-6",
    "ast": "1920-8",
    "alp": "6768-6",
    "ggt": "2324-2",
    "tp": "2885-2",
    "alb": "1751-7",
    "tbil": "14631-6",
    "crea": "14682-9",
    "urea": "22664-7",
    "ua": "14933-6",
    "glu": "14749-6",
    "tc": "14647-2",
    "tg": "14927-8",
    "hdl-c": "14646-4",
    "ldl-c": "22748-8",
}
"""Abbreviation a chemistry analyser sends without a code system -> LOINC, in serum or plasma; the unit must fit too."""
LOINC: Final = "LN"
MDC: Final = "MDC"


@dataclass(frozen=True, slots=True)
class Coding:
    """One of the two triplets of a coded element (CE, CWE): identifier, text and the name of its system."""

    code: str
    text: str
    system: str


def codings(segment: Segment, field: int) -> tuple[Coding, Coding]:
    """Both triplets of a field's first repetition; empty strings where it says less."""
    first = (segment.repetitions(field) or [""])[0]
    # A coded element has at most nine components; subcomponents mean nothing in it.
    cut = [segment.plain(part).strip() for part in pieces(first, segment.marks.component)[:9]] + [""] * 6
    return Coding(*cut[0:3]), Coding(*cut[3:6])


def is_loinc(code: str) -> bool:
    """Whether it has a LOINC code's form and the right check digit."""
    number, _, digit = code.partition("-")
    return number.isascii() and number.isdigit() and 1 <= len(number) <= 7 and digit == str(loinc_check_digit(number))


def observation_code(segment: Segment, specimen: str, unit: str) -> tuple[Code, str]:
    """(code, note) of an OBX: LOINC where one of its codings is LOINC or maps to it, else its own code as `hl7:...`.

    `unit` is UCUM or empty; an analyser's abbreviation is mapped only where it fits (a glucose in mg/dL is another
    LOINC term than one in mmol/L).
    """
    first, second = codings(segment, 3)
    note = ""
    for coding in (first, second):
        display = coding.text or first.text
        if coding.system == LOINC and is_loinc(coding.code):
            return Code("loinc", coding.code, display), note
        if coding.system == LOINC:
            note = f"{coding.code[:20]} ({display[:40]}) is stated as LOINC, but its check digit is wrong"
        if coding.system == MDC and coding.code in _LOINC_OF_MDC:
            return known("loinc", _LOINC_OF_MDC[coding.code], display), note
    if first.system == MDC:
        return Code("mdc", first.code, first.text), note
    name = first.text or segment.text(4) if first.code.isdigit() and not first.system else first.text or first.code
    analyte = _SERUM_ANALYTES.get(name.lower(), "") if specimen.lower() in _BLOOD and not first.system else ""
    if analyte and _fits(unit, analyte):
        return known("loinc", analyte, name), note
    return Code("local", f"hl7:{first.code or name}", name), note


def unit_of_mdc(code: str) -> str:
    """UCUM of an MDC_DIM term code; empty where it is not one of the table."""
    return _UCUM_OF_MDC.get(code, "")


def known(system: str, code: str, display: str) -> Code:
    """The code with the name of our own table; `display` where the table has none."""
    row = BY_KEY.get(f"{system}:{code}")
    return row.as_code() if row else Code(system, code, display)


def _fits(unit: str, loinc: str) -> bool:
    row = BY_KEY.get(f"loinc:{loinc}")
    if row is None or not unit:
        return False
    try:
        quantity("1", unit).to(row.unit)
    except RefusedInput:
        return False
    return True
