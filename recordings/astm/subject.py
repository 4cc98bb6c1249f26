"""Whom an order is of: the patient record (E1394-97, section 7) and the order's sample number (section 8)."""

from collections.abc import Mapping
from typing import Final

from recordings.astm.analyser import Analyser
from recordings.astm.message import Record
from recordings.hl7.moments import day

_SEXES: Final[Mapping[str, str]] = {"M": "M", "F": "F", "男": "M", "女": "F"}
"""P-9 (section 7.9); U, unknown, is left out."""
_LONGEST: Final = 200


def patient_of(record: Record | None) -> dict[str, str]:
    """The `patient` of a DecodedRecording; empty fields are left out.

    P-3 is the practice's number, P-4 the laboratory's, P-5 a third: the first that is there names the person.
    """
    if record is None:
        return {}
    birth = day(record.text(8))
    told = {
        "patient_id": next((number for field in (3, 4, 5) if (number := record.parts(field)[0])), ""),
        "name": " ".join(part for part in record.parts(6) if part),
        "birth_date": birth.isoformat() if birth else "",
        "sex": _SEXES.get(record.text(9).upper(), ""),
    }
    return {key: words[:_LONGEST] for key, words in told.items() if words}


def sample_of(record: Record | None, analyser: Analyser) -> str:
    """The number on the sample's tube; empty where the order has none.

    O-3 is the specimen's number; O-4 the instrument's own, with rack and position beside it, where the analyser puts
    there what the nurse typed.
    """
    if record is None:
        return ""
    fields = (record.parts(number) for number in analyser.sample_fields)
    return next((part for parts in fields for part in parts if part), "")[:_LONGEST]
