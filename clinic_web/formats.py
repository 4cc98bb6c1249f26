"""How dates, ages, numbers and identity numbers are written on pages, in both languages.

Wall times are China Standard Time. Numbers and units are joined by a no-break space.
"""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final

from clinic_records.clock import CHINA
from clinic_records.people import full_years
from clinic_records.quantity import Quantity

NBSP: Final = "\N{NO-BREAK SPACE}"
_WEEKDAY_ZH: Final = "一二三四五六日"
_WEEKDAY_EN: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTH_EN: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

_PRINTED_UNIT: Final = {
    "mm[Hg]": ("mmHg", "mmHg"),
    "Cel": ("°C", "°C"),
    "[degF]": ("°F", "°F"),
    "[jin_cn]": ("斤", "jin"),
    "[chi_cn]": ("尺", "chi"),
    "/min": ("次/分", "/min"),
    "deg": ("°", "°"),
    "uV": ("µV", "µV"),
    "us": ("µs", "µs"),
    "umol/L": ("µmol/L", "µmol/L"),
    "kg/m2": ("kg/m²", "kg/m²"),
    "a": ("年", "years"),
    "[pH]": ("", ""),
    "1": ("", ""),
}
"""UCUM code -> how it is printed (zh, en); a code not listed is printed as it is, 10*9/L as 10^9/L.

Two letters for degrees: the single sign is blank where a tablet's fonts do not have it.
"""


def long_day(day: date, lang: str) -> str:
    """2026年11月23日 周一, or Mon 23 Nov 2026: no padded zeros."""
    if lang == "en":
        return f"{_WEEKDAY_EN[day.weekday()]} {day.day} {_MONTH_EN[day.month - 1]} {day.year}"
    return f"{day.year}年{day.month}月{day.day}日 周{_WEEKDAY_ZH[day.weekday()]}"


def clock(instant: datetime, *, seconds: bool = False) -> str:
    """08:05, or 08:05:09, in China."""
    return instant.astimezone(CHINA).strftime("%H:%M:%S" if seconds else "%H:%M")


def age(birth: date, on: date, lang: str) -> str:
    """67岁; under three years in months, under one month in days (as paper forms want it)."""
    days = max((on - birth).days, 0)
    months = (on.year - birth.year) * 12 + on.month - birth.month - (on.day < birth.day)
    if months >= 36:
        return f"{full_years(birth, on)}{NBSP}y" if lang == "en" else f"{full_years(birth, on)}岁"
    if months >= 1:
        return f"{months}{NBSP}months" if lang == "en" else f"{months}个月"
    return f"{days}{NBSP}days" if lang == "en" else f"{days}天"


def duration(seconds: float, lang: str) -> str:
    """The largest whole unit of a span: 36秒, 18分钟, 2小时, 3天."""
    span = timedelta(seconds=max(seconds, 0))
    for size, zh, en in ((86400, "天", "d"), (3600, "小时", "h"), (60, "分钟", "min"), (1, "秒", "s")):
        if span.total_seconds() >= size or size == 1:
            count = int(span.total_seconds() // size)
            return f"{count}{NBSP}{en}" if lang == "en" else f"{count}{zh}"
    raise AssertionError  # the last row always answers


def tail(identity: str) -> str:
    """The last four characters of an identity number: all a screen shows of it."""
    return identity[-4:]


def number(value: Decimal) -> str:
    """Digits as the device gave them, never in powers of ten."""
    return format(value, "f")


def unit(code: str, lang: str) -> str:
    """The printed form of a UCUM code."""
    plain = code.replace("10*", "10^")
    zh, en = _PRINTED_UNIT.get(code, (plain, plain))
    return en if lang == "en" else zh


def measured(quantity: Quantity, lang: str) -> str:
    """Value, no-break space, unit."""
    return f"{number(quantity.value)}{NBSP}{unit(quantity.unit, lang)}".rstrip(NBSP)
