"""Results of an Arkray Spotchem EL SE-1520 (electrolytes), as seen in a captured message (senaite.astm: spotchem_el).

STX, one text, ETX; no checksum. The text is what the device prints: date (year/month/day) and time, `ID#` and the
sample's number, the specimen in brackets, then name, value and unit of each electrolyte, set in columns by spaces.
"""

import re
from collections.abc import Mapping
from typing import Final

from clinic_records.reading import Numeric
from recordings.laboratory.text import bad, characters, moment, said
from recordings.signal import DecodedRecording

FORMAT: Final = "spotchem-el"
_DEVICE: Final = "Spotchem EL"
_HEAD: Final = re.compile(
    r"\x02(\d\d)/(\d\d)/(\d\d)\s+(\d\d):(\d\d)\s+ID#\s*([^\s\[]{0,40})\s*\[([^\]]{1,40})\]\s*", re.ASCII
)
_RESULT: Final = re.compile(r"([A-Z][A-Za-z]{0,7})\s+([^\s]{1,12})\s+([A-Za-z]{1,5}/[A-Za-z]{1,3})\s*", re.ASCII)
_BEGINS: Final = re.compile(rb"\x02\d\d/\d\d/\d\d\s+\d\d:\d\d\s+ID#")
_IN_PLASMA: Final[Mapping[str, str]] = {"Na": "loinc:2951-2", "K": "loinc:2823-3", "Cl": "loinc:2075-0"}
"""In serum or plasma; of another specimen the names stay the device's own."""


def looks_like_spotchem_el(raw: bytes) -> bool:
    """Whether the bytes begin as its messages do."""
    return _BEGINS.match(raw[:64]) is not None


def decode_spotchem_el(raw: bytes) -> DecodedRecording:
    """The electrolytes of one sample.

    Raises:
        BadFrame: cut, or something in it that is not understood.
    """
    text = characters(raw, _DEVICE).rstrip("\r\n")
    head = _HEAD.match(text)
    if head is None or not text.endswith("\x03"):
        raise bad(_DEVICE, "the message is cut")
    specimen = head[7].strip()
    numerics: list[Numeric] = []
    at, end = head.end(), len(text) - 1
    while at < end:
        match = _RESULT.match(text, at, end)
        if match is None:
            raise bad(_DEVICE, f"{text[at : at + 30]!r} is not understood")
        is_plasma = re.search(r"plasma|serum", specimen, re.IGNORECASE) is not None
        key = _IN_PLASMA.get(match[1], "") if is_plasma else ""
        numerics.append(said(key, f"spotchem:{match[1]}", match[2], match[3], {"specimen": specimen}))
        at = match.end()
    if not numerics:
        raise bad(_DEVICE, "no result in the message")
    started = moment(*head.group(1, 2, 3, 4, 5))
    return DecodedRecording(
        format=FORMAT,
        patient={"accession": head[6]} if head[6] else {},
        device={"manufacturer": "Arkray", "model": "Spotchem EL"} | ({"time_zone": "assumed"} if started else {}),
        start=started,
        numerics=tuple(numerics),
        notes=("the date is read as year/month/day",) if started else (),
    )
