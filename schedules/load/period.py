"""From when to when a sheet holds, by the dates of its title."""

import re
from calendar import monthrange
from datetime import date
from typing import Final

_DAY: Final = re.compile(r"(20\d\d)[-/.年](\d{1,2})[-/.月](\d{1,2})日?")
_MONTH: Final = re.compile(r"(20\d\d)[-/.年](\d{1,2})月?(?!\d)")
_YEAR: Final = re.compile(r"(?<!\d)(20\d\d)(?!\d)")


def period_of(text: str) -> tuple[date, date] | None:
    """First and last day: two dates, or the first month, or the first year that the text names."""
    try:
        days = [date(*(int(number) for number in match)) for match in _DAY.findall(text)]
        if len(days) >= 2 and days[0] <= days[1]:
            return days[0], days[1]
        month = _MONTH.search(text)
        if month and 1 <= int(month[2]) <= 12:
            year, number = int(month[1]), int(month[2])
            return date(year, number, 1), date(year, number, monthrange(year, number)[1])
    except ValueError:
        return None
    match = _YEAR.search(text)
    return match and (date(int(match[1]), 1, 1), date(int(match[1]), 12, 31))
