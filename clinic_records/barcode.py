"""What a scanned code is: a person, a sample, an insurance token, a pack of medicine, or nothing we know.

One parser for the scanner on a serial line, the one that types like a keyboard, and the search box. The form of the
code decides; unknown text is shown as it is, never dropped.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date
from enum import StrEnum
from typing import Final

import msgspec

from clinic_records.errors import RefusedInput
from clinic_records.gs1 import gtin_check, read_elements
from clinic_records.resident_id import resident_id

LONGEST: Final = 512
"""Characters of a code we look at; a GS1 element string has a few dozen."""
OWN_PREFIX: Final = "MC1:"
"""Begins the codes we print ourselves: `MC1:` and a person's id."""


class Kind(StrEnum):
    """What a code stands for."""

    PERSON = "person"
    """an id of ours"""
    RESIDENT = "resident"
    """a citizen number with its check digit"""
    INSURANCE = "insurance"
    """the one-minute token of the medical-insurance code: it names nobody without a network"""
    SAMPLE = "sample"
    """perhaps an accession of ours, on a sample label: it has no check digit, so only our orders know"""
    TRACE = "trace"
    """a medicine's trace code, one for each pack"""
    PRODUCT = "product"
    """a product number, with lot, expiry and serial where the code holds them"""
    UNKNOWN = "unknown"


class Scan(msgspec.Struct, frozen=True, omit_defaults=True):
    """A code that was read.

    Attributes:
        text: as it came, without the scanner's own marks.
        value: what the code stands for: the id, the number, the 14-digit product number.
        lot, serial, made, expires: of a product, where its code holds them.
    """

    kind: Kind
    text: str
    value: str
    lot: str = ""
    serial: str = ""
    made: date | None = None
    expires: date | None = None


_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.IGNORECASE)
_ACCESSION: Final = re.compile(r"[0-9A-HJKMNP-TV-Z]{10}(?:[0-9A-HJKMNP-TV-Z]{6})?")
"""16 characters of Crockford's base 32: how we make an accession number; its first 10: a sample number."""
_INSURANCE: Final = re.compile(r"[0-9]{28}")
"""The token of 医保电子凭证 in a phone's code. That it has 28 digits is known by hearsay only (the technical rule
XJ-D01 was not seen), so such a text is only said to be one: nothing is stored of it."""
_TRACE: Final = re.compile(r"8[0-9]{19}")
"""A medicine's trace code: 20 digits that begin with 8 (NMPAB/T 1002, after the interface reference; not seen)."""
_SCANNER_MARK: Final = re.compile(r"\][A-Za-z][0-9A-Za-z]")
"""Symbology identifier a scanner may put before the code (ISO/IEC 15424)."""


def _person(text: str) -> Scan | None:
    bare = text.removeprefix(OWN_PREFIX)
    return Scan(Kind.PERSON, text, bare.lower()) if _UUID.fullmatch(bare) else None


def _resident(text: str) -> Scan | None:
    try:
        return Scan(Kind.RESIDENT, text, resident_id(text)) if len(text) == 18 else None
    except RefusedInput:
        return None


def _product(text: str) -> Scan | None:
    elements = read_elements(text)
    if elements is not None:
        return Scan(
            Kind.PRODUCT,
            text,
            elements.gtin,
            lot=elements.lot,
            serial=elements.serial,
            made=elements.made,
            expires=elements.expires,
        )
    if text.isascii() and text.isdigit() and len(text) in {8, 12, 13, 14} and gtin_check(text):
        return Scan(Kind.PRODUCT, text, text.zfill(14))
    return None


def _of_form(form: re.Pattern[str], kind: Kind) -> Callable[[str], Scan | None]:
    return lambda text: Scan(kind, text, text) if form.fullmatch(text) else None


_READERS: Final[Mapping[Kind, Callable[[str], Scan | None]]] = {
    Kind.PERSON: _person,
    Kind.RESIDENT: _resident,
    Kind.INSURANCE: _of_form(_INSURANCE, Kind.INSURANCE),
    Kind.TRACE: _of_form(_TRACE, Kind.TRACE),
    Kind.PRODUCT: _product,
    Kind.SAMPLE: _of_form(_ACCESSION, Kind.SAMPLE),
}
"""Asked in this order: what carries a check digit before what only has a form."""


def read_code(text: str) -> Scan:
    """What `text` is.

    Raises:
        RefusedInput: nothing, or more than LONGEST characters.
    """
    bare = text.strip("\r\n\t \ufeff")
    mark = _SCANNER_MARK.match(bare)
    bare = bare[mark.end() :] if mark else bare
    if not 0 < len(bare) <= LONGEST:
        raise RefusedInput(f"a code has 1 to {LONGEST} characters, not {len(bare)}")
    found = (reader(bare) for reader in _READERS.values())
    return next((scan for scan in found if scan is not None), Scan(Kind.UNKNOWN, bare, bare))
