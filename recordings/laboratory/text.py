"""What the text formats of small laboratory devices share: their characters, their numbers, their clock."""

import re
from datetime import datetime
from decimal import Decimal
from typing import Final

from clinic_records.clock import CHINA
from clinic_records.errors import BadFrame, Hint, RefusedInput
from clinic_records.observations import BY_KEY
from clinic_records.quantity import Quantity
from clinic_records.reading import AbsentReason, Code, Numeric
from recordings.hl7.charset import decode_text
from recordings.written_units import ucum

LONGEST: Final = 4096
"""Bytes of one message; the longest, a urine strip with fourteen fields, has some five hundred."""
_NUMBER: Final = re.compile(r"\d{1,9}(\.\d{1,9})?", re.ASCII)
_NOTHING: Final = re.compile(r"[-*]{2,}")
_IMPLIED: Final = frozenset({"1", "[pH]"})
"""Units that no device writes because the quantity has no other: pH and specific gravity."""
_CHECK = Hint("让设备重发这份结果。", "Have the device send this result again.")


def bad(device: str, message: str) -> BadFrame:
    """What is wrong with the bytes of `device`."""
    return BadFrame(f"{device}: {message}", hint=_CHECK)


def characters(raw: bytes, device: str) -> str:
    """The text of one message.

    Raises:
        BadFrame: more than LONGEST bytes.
    """
    if len(raw) > LONGEST:
        raise bad(device, f"{len(raw)} bytes are more than {LONGEST}")
    return decode_text(raw, "")[0]


def moment(year: str, month: str, day: str, hour: str, minute: str, second: str = "0") -> datetime | None:
    """The device's wall time, in China; a year of two digits is of this century. None where it is no time."""
    try:
        whole = int(year) + (2000 if len(year) == 2 else 0)
        return datetime(whole, int(month), int(day), int(hour), int(minute), int(second), tzinfo=CHINA)
    except ValueError:
        return None


def said(key: str, name: str, value: str, unit: str = "", context: dict[str, str] | None = None) -> Numeric:
    """One result: a number where `value` is one and has a unit of the observation's kind, else the device's words.

    Args:
        key: `system:code` of an observation; where it is in no table, or in another kind of unit, `name` stands alone.
        name: the device's own name, as `device:name`.
        value: as the device wrote it.
        unit: as the device wrote it.
        context: of the Numeric.
    """
    row = BY_KEY.get(key)
    known = ucum(unit) or (row.unit if row is not None and row.unit in _IMPLIED and not unit else "")
    number = Quantity(Decimal(value), known) if known and _NUMBER.fullmatch(value) else None
    if row is not None and number is not None and not _is_kind(number, row.unit):
        row = None
    code = row.as_code() if row else Code("local", name, name.partition(":")[2])
    about = context or {}
    if _NOTHING.fullmatch(value):
        return Numeric(code, absent=AbsentReason.ERROR, context=about)
    if not value:
        return Numeric(code, absent=AbsentReason.NOT_PERFORMED, context=about)
    return (
        Numeric(code, number, context=about) if number else Numeric(code, context=about, text=f"{value} {unit}".strip())
    )


def _is_kind(number: Quantity, unit: str) -> bool:
    try:
        number.to(unit)
    except RefusedInput:
        return False
    return True
