"""HL7's time stamps (DTM, HL7 v2.5.1 section 2.A.22): YYYY[MM[DD[HH[MM[SS[.S..]]]]]][+/-ZZZZ]."""

import re
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Final

from clinic_records.clock import CHINA

_DTM: Final = re.compile(r"(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})?(?:\.(\d{1,6})\d*)?([+-]\d{4})?", re.ASCII)
_DAY: Final = re.compile(r"(\d{4})(\d{2})(\d{2})", re.ASCII)


def moment(written: str) -> tuple[datetime, bool] | None:
    """(aware instant, whether the sender stated its zone; else China's is taken); None where it names no minute."""
    match = _DTM.fullmatch(written.strip()[:40])
    if match is None:
        return None
    year, month, day, hour, minute = (int(match[index]) for index in range(1, 6))
    zone = _zone(match[8] or "")
    try:
        found = datetime(
            year,
            month,
            day,
            hour,
            minute,
            int(match[6] or 0),
            int((match[7] or "0").ljust(6, "0")),
            tzinfo=zone or CHINA,
        )
        found.astimezone(UTC)  # or it lies beyond what a datetime holds
    except (ValueError, OverflowError):
        return None
    return found, zone is not None


def day(written: str) -> date | None:
    """The calendar day a time stamp begins with; None where it is none."""
    match = _DAY.match(written.strip())
    try:
        return date(int(match[1]), int(match[2]), int(match[3])) if match else None
    except ValueError:
        return None


def _zone(written: str) -> timezone | None:
    if not written or int(written[1:3]) > 14 or int(written[3:]) > 59:
        return None
    offset = timedelta(hours=int(written[1:3]), minutes=int(written[3:]))
    return timezone(offset if written[0] == "+" else -offset)
