"""The fields of a urine test strip, whatever the analyser calls them.

An answer is a step of a scale (`neg`, `+-`, `1+`) with or without the concentration it stands for, so it is kept as the
device's words; only pH and specific gravity are numbers. LOINC: the terms for presence by test strip.
"""

from collections.abc import Mapping
from typing import Final

from clinic_records.reading import Code, Numeric
from recordings.laboratory.text import said

_FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "loinc:5799-2": ("LEU", "WBC"),
    "loinc:5802-4": ("NIT",),
    "loinc:5818-0": ("URO", "UBG"),
    "loinc:20454-5": ("PRO",),
    "loinc:5803-2": ("PH",),
    "loinc:5794-3": ("BLD", "BLO", "ERY", "OBL"),
    "loinc:5811-5": ("SG",),
    "loinc:2514-8": ("KET",),
    "loinc:5770-3": ("BIL",),
    "loinc:25428-4": ("GLU",),
    "local:urine-ascorbate": ("VC", "ASC"),
}
"""Observation -> its names, in capitals: Dirui H-100 and URIT-50 (UBG, URO, VC), Clinitek 50 in English and German."""
_KEY_OF: Final[Mapping[str, str]] = {name: key for key, names in _FIELDS.items() for name in names}
ABNORMAL: Final[Mapping[str, str]] = {"flag": "A"}
"""Context of an answer the device marks with an asterisk."""
LONGEST_VALUE: Final = 40


def strip_numeric(name: str, value: str, *, is_marked: bool) -> Numeric:
    """One field of the strip; a name in no table stays the device's own."""
    words = " ".join(value.split())[:LONGEST_VALUE]
    key = _KEY_OF.get(name.upper().replace(".", ""), "")
    return said(key, f"urine:{name}", words, context=dict(ABNORMAL) if is_marked else {})


def is_field(name: str) -> bool:
    """Whether `name` is a strip's field."""
    return name.upper().replace(".", "") in _KEY_OF


def colour(words: str) -> Numeric:
    """What the nurse entered on the device for the colour."""
    return Numeric(Code("local", "urine-colour", "Colour of urine"), text=words[:LONGEST_VALUE])
