"""Whom and what a message is about: PID, the order numbers, and the sender in MSH."""

import re
from collections.abc import Mapping
from typing import Final

from recordings.hl7.message import Segment
from recordings.hl7.moments import day

_SEXES: Final[Mapping[str, str]] = {"M": "M", "F": "F", "O": "O", "A": "O"}
"""PID-8 (table 0001); unknown and not applicable are left out. Chinese analysers also write the words."""
_SEX_WORDS: Final[Mapping[str, str]] = {"MALE": "M", "FEMALE": "F", "男": "M", "女": "F"}
_PREFERRED: Final = ("MR", "PI", "PT", "PN", "")
"""PID-3.5 (table 0203): which of several identifiers names the person here; then the first."""
_HAN: Final = re.compile(r"[\u3400-\u9fff\U00020000-\U0003ffff]")
_LONGEST: Final = 200


def patient_of(pid: Segment | None) -> dict[str, str]:
    """The `patient` of a DecodedRecording from PID; empty fields are left out."""
    if pid is None:
        return {}
    birth = day(pid.text(7))
    sex = pid.text(8).strip().upper()
    told = {
        "patient_id": _identifier(pid),
        "name": _name(pid),
        "birth_date": birth.isoformat() if birth else "",
        "sex": _SEXES.get(sex) or _SEX_WORDS.get(sex, ""),
    }
    return {key: value[:_LONGEST] for key, value in told.items() if value}


def device_of(header: Segment, *, zone_is_assumed: bool) -> dict[str, str]:
    """The `device` of a DecodedRecording: who sent it (MSH-3, MSH-4)."""
    told = {
        "manufacturer": header.text(3),
        "model": header.text(4),
        "time_zone": "assumed" if zone_is_assumed else "",
    }
    return {key: value[:_LONGEST] for key, value in told.items() if value}


def accession_of(obr: Segment | None, specimen: Segment | None, *, is_laboratory: bool) -> str:
    """The number that may be our order's: placer order number, specimen id, and in the laboratory the filler's.

    A device without an order writes a number of its own making into OBR-2 and OBR-3 (IHE PCD TF-2, PCD-01 OBR), which
    is nobody's order: where both are the same outside the laboratory, neither counts.
    """
    placer = obr.text(2).strip() if obr else ""
    filler = obr.text(3).strip() if obr else ""
    sample = specimen.text(2).strip() if specimen else ""
    if is_laboratory:
        return (placer or sample or filler)[:_LONGEST]
    return "" if placer == filler else (placer or sample)[:_LONGEST]


def _identifier(pid: Segment) -> str:
    kinds = {pid.component(one, 5): pid.component(one, 1).strip() for one in reversed(pid.repetitions(3))}
    named = next((kinds[kind] for kind in _PREFERRED if kinds.get(kind)), "")
    first = next((number for number in reversed(kinds.values()) if number), "")
    found = named or first or pid.text(2).strip()
    return "" if found == '""' else found


def _name(pid: Segment) -> str:
    """PID-5 as one text: Chinese without a space, others family name first as the standard has them."""
    parts = [part for number in (1, 2, 3) if (part := pid.text(5, number).strip()) and part != '""']
    return ("" if parts and _HAN.search(parts[0]) else " ").join(parts)
