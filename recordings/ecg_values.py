"""What the ECG formats share: leads by any spelling, numbers a device measured, its words, and its local time."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Final

from clinic_records.clock import CHINA
from clinic_records.quantity import Quantity
from clinic_records.reading import AbsentReason, Code, Numeric
from recordings.scp_ecg.leads import NAMES

MAX_SAMPLES: Final = 1_000_000
"""Over all leads of a file: 12 leads of 500 Hz for more than 2 minutes; bounds the memory a file can ask for."""
MAX_LEADS: Final = 64
MAX_HZ: Final = 100_000
_BY_CAPITALS: Final = {name.upper(): name for name in NAMES.values()}
_ABSENT: Final[Mapping[str, AbsentReason]] = {
    "failed": AbsentReason.ERROR,
    "invalid": AbsentReason.ERROR,
    "indeterminate": AbsentReason.NOT_A_NUMBER,
    "nan": AbsentReason.NOT_A_NUMBER,
}
"""A device's word in a number's place -> why there is no number (hazard H07)."""
_HIGHEST: Final[Mapping[str, int]] = {"ms": 20_000, "/min": 1000, "deg": 360}
"""Unit -> no interval, rate or angle of an ECG is larger; a larger one is a code or damage."""


def lead_name(text: str) -> str:
    """Our spelling of a lead (`AVR` is `aVR`); a name we do not know stays as it is."""
    word = text.strip()
    return _BY_CAPITALS.get(word.upper(), word)


def measured(code: Code, text: str, unit: str) -> Numeric | None:
    """The number a device wrote, its absence where it wrote that it has none, or nothing.

    An interval or rate of 0 is a device's "not measured"; an axis of 0 degrees is an axis.
    """
    word = text.strip()
    if word.lower() in _ABSENT:
        return Numeric(code, absent=_ABSENT[word.lower()])
    try:
        value = Decimal(word)
    except InvalidOperation:
        return None
    if not value.is_finite() or abs(value) > _HIGHEST[unit] or (unit != "deg" and value <= 0):
        return None
    return Numeric(code, Quantity(value, unit))


def statement(words: str) -> str:
    """A device's own words, named as such: never a finding of ours."""
    return f"device statement: {words}"


def local_time(text: str, *forms: str) -> datetime | None:
    """What a device without a time zone wrote, taken as China's; None where no form fits."""
    for form in forms:
        try:
            return datetime.strptime(text, form).replace(tzinfo=CHINA).astimezone(UTC)
        except (ValueError, OverflowError):
            continue
    return None


def filled(**fields: str) -> dict[str, str]:
    """The fields that say something, cut to a line's length; `---` is a device's way to say nothing."""
    return {name: value.strip()[:256] for name, value in fields.items() if any(map(str.isalnum, value))}
