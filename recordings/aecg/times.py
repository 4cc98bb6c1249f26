"""HL7 v3 points in time (data type TS) and lengths of time (PQ) as an aECG writes them."""

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

from clinic_records.clock import CHINA

_STAMP: Final = re.compile(r"(\d{4})(\d\d)?(\d\d)?(\d\d)?(\d\d)?(\d\d)?(?:\.(\d{1,9}))?([+-]\d{4})?")
_PARTS: Final = (1, 1, 1, 0, 0, 0)
"""What a part that was not written stands for: year, month, day, hour, minute, second."""
_SECONDS: Final = {"s": 1.0, "ms": 1e-3, "us": 1e-6}


def point(text: str) -> tuple[datetime, bool] | None:
    """The instant and whether its zone was assumed to be China's; None where `text` is no TS."""
    form = _STAMP.fullmatch(text.strip())
    if form is None:
        return None
    parts = [int(form[n + 1]) if form[n + 1] else _PARTS[n] for n in range(6)]
    micros = int((form[7] or "0").ljust(6, "0")[:6])
    try:
        moment = datetime(parts[0], parts[1], parts[2], parts[3], parts[4], parts[5], micros, tzinfo=_zone(form[8]))
        return moment.astimezone(UTC), form[8] is None
    except (ValueError, OverflowError):
        return None


def day(text: str) -> str:
    """A birth date as ISO, or empty where the day is not given."""
    found = point(text) if len(text.strip()) >= 8 else None
    return f"{text.strip()[:4]}-{text.strip()[4:6]}-{text.strip()[6:8]}" if found else ""


def seconds(value: str, unit: str) -> float | None:
    """A length of time in seconds; None where number or unit is none of ours."""
    try:
        return float(value) * _SECONDS[unit]
    except (ValueError, KeyError):
        return None


def _zone(offset: str | None) -> timezone:
    if offset is None:
        return CHINA
    minutes = int(offset[1:3]) * 60 + int(offset[3:5])
    return timezone(timedelta(minutes=-minutes if offset[0] == "-" else minutes))
