"""Day of the lunar month (农历), for villages that keep market days by it.

The calendar is defined by GB/T 33661-2017; the table holds what it gives for the lunar years 2024 to 2035 (as the
Hong Kong Observatory's conversion tables publish it): first day, and for every month, leap month in its place,
`1` for 30 days and `0` for 29.
"""

from bisect import bisect_right
from datetime import date, timedelta
from itertools import accumulate
from typing import Final

from clinic_records.errors import Hint, RefusedInput

_YEARS: Final = (
    (date(2024, 2, 10), "010010110110"),
    (date(2025, 1, 29), "1010010101110"),
    (date(2026, 2, 17), "101001001110"),
    (date(2027, 2, 6), "110100100110"),
    (date(2028, 1, 26), "1110100100110"),
    (date(2029, 2, 13), "110101010011"),
    (date(2030, 2, 3), "010110101010"),
    (date(2031, 1, 23), "0110101101010"),
    (date(2032, 2, 11), "100101101101"),
    (date(2033, 1, 31), "0100101011101"),
    (date(2034, 2, 19), "010010101101"),
    (date(2035, 2, 8), "101001001101"),
)

FIRST: Final = _YEARS[0][0]
_MONTHS: Final = tuple(accumulate((29 + int(bit) for _, bits in _YEARS for bit in bits), initial=FIRST.toordinal()))
LAST: Final = date.fromordinal(_MONTHS[-1]) - timedelta(days=1)


def lunar_day(day: date) -> int:
    """Which day of its lunar month a day is, 1 to 30.

    Raises:
        RefusedInput: the table does not reach so far.
    """
    if not FIRST <= day <= LAST:
        raise RefusedInput(
            f"lunar dates are known from {FIRST} to {LAST}, not for {day}; write the dates out",
            hint=Hint(f"农历只能换算 {FIRST} 到 {LAST}，请直接写日期。", "Write the dates out instead."),
        )
    number = day.toordinal()
    return number - _MONTHS[bisect_right(_MONTHS, number) - 1] + 1
