"""What a coordinator writes in the column `pattern`, and which days of a month it means.

Understood: 每周二 · 每周二、五 · 周一至周三 · 第1、3个周二 · 第1-4个周三 · 最后一个周五 · first Tuesday ·
5/12/19/26 · 每月5、12日 · 农历逢1、6 · 初一、十五 · dates written out · RRULE. A text with two meanings (`5/12`) is
refused, not guessed.
"""

import re
import unicodedata
from calendar import monthrange
from collections.abc import Callable
from datetime import date
from functools import lru_cache
from typing import Final

import msgspec

from clinic_records.errors import Hint, RefusedInput
from schedules.calendar_words import ENGLISH_ORDINALS, ENGLISH_WEEKDAYS, LAST, WEEKDAYS, han_number
from schedules.lunar import lunar_day
from schedules.recurrence import Recurrence, parse_recurrence


class Weekly(msgspec.Struct, frozen=True):
    """Weekdays (Monday = 0); `nth` which of them in the month, -1 the last, empty all."""

    weekdays: frozenset[int]
    nth: frozenset[int] = frozenset()

    def includes(self, day: date) -> bool:
        """Whether the pattern means this day."""
        if day.weekday() not in self.weekdays:
            return False
        if not self.nth or (day.day - 1) // 7 + 1 in self.nth:
            return True
        return LAST in self.nth and day.day + 7 > monthrange(day.year, day.month)[1]


class MonthDays(msgspec.Struct, frozen=True):
    """Days of the month; a month without the 31st has none."""

    days: frozenset[int]

    def includes(self, day: date) -> bool:
        """Whether the pattern means this day."""
        return day.day in self.days


class LunarDays(msgspec.Struct, frozen=True):
    """Days of the lunar month."""

    days: frozenset[int]

    def includes(self, day: date) -> bool:
        """Whether the pattern means this day.

        Raises:
            RefusedInput: the day lies outside the lunar table.
        """
        return lunar_day(day) in self.days


class Dates(msgspec.Struct, frozen=True):
    """Days written out."""

    dates: frozenset[date]

    def includes(self, day: date) -> bool:
        """Whether the pattern means this day."""
        return day in self.dates


Pattern = Weekly | MonthDays | LunarDays | Dates | Recurrence

_HOW = "write 每周二, 第1、3个周二, 最后一个周五, 5/12/19/26, 农历逢1、6 or dates such as 2026-11-03、2026-11-17"
_HINT = Hint("写成：每周二，第1、3个周二，最后一个周五，5/12/19/26，农历逢1、6，或直接写日期。", f"Please {_HOW}.")

PATTERN_LIMIT: Final = 2000
"""Longest pattern read, in characters: a year of written-out dates is about 600."""

_WEEK: Final = r"(?:周|星期|礼拜)"
_JOIN: Final = r"[、,;/和及与\s]+"
_SPLIT: Final = re.compile(_JOIN)
_TO: Final = "[-~至到]"
_HAN_BLANK: Final = re.compile(r"(?<=[\u4e00-\u9fff]) +| +(?=[\u4e00-\u9fff])")
_SIMPLE: Final = str.maketrans("週個農曆歷後禮號陰舊", "周个农历历后礼号阴旧")
"""Traditional characters of patterns as simplified ones."""


def _refuse(text: str, why: str = "") -> RefusedInput:
    return RefusedInput(f'pattern "{text[:80]}" not understood{": " if why else ""}{why}; {_HOW}', hint=_HINT)


def _numbers(text: str, highest: int) -> frozenset[int] | None:
    """`1、3`, `1-4`, `一至四`, `5日、12日`; None where it is anything else or leaves 1 to `highest`."""
    found: set[int] = set()
    for piece in _SPLIT.split(text.strip(" 、,;/")):
        ends = [han_number(end) for end in re.split(_TO, piece.removesuffix("日").removesuffix("号"))]
        low, high = ends[0], ends[-1]
        if low is None or high is None or len(ends) > 2 or not 1 <= low <= high <= highest:
            return None
        found.update(range(low, high + 1))
    return frozenset(found)


def _weekdays(text: str) -> frozenset[int] | None:
    """`二`, `二、五`, `周二、周五`, `一三五`, `周一至周三`."""
    found: set[int] = set()
    for word in _SPLIT.split(re.sub(rf"[每逢]|{_WEEK}", "", text)):
        low, *high = re.split(_TO, word)
        days = [WEEKDAYS[sign] for sign in low]
        found.update(range(days[0], WEEKDAYS[high[0]] + 1) if high else days)
        if high and days[0] >= WEEKDAYS[high[0]]:
            return None
    return frozenset(found)


def _every_week(match: re.Match[str]) -> Pattern | None:
    days = _weekdays(match["days"])
    return Weekly(days) if days else None


def _nth_weekday(match: re.Match[str]) -> Pattern | None:
    days = _weekdays(match["days"])
    nth = frozenset({LAST}) if match["last"] else _numbers(re.sub("[第个]", "", match["nth"]), 5)
    return Weekly(days, nth) if days and nth else None


def _english(match: re.Match[str]) -> Pattern | None:
    words = [word for word in re.split(r"[,\s]+", match["words"]) if word not in {"every", "and", "the", ""}]
    at = next((place for place, word in enumerate(words) if word not in ENGLISH_ORDINALS), 0)
    days = [ENGLISH_WEEKDAYS.get(word, ENGLISH_WEEKDAYS.get(word.removesuffix("s"))) for word in words[at:]]
    if None in days or not words:
        return None
    nth = frozenset(ENGLISH_ORDINALS[word] for word in words[:at])
    return Weekly(frozenset(day for day in days if day is not None), nth)


def _month_days(match: re.Match[str]) -> Pattern | None:
    days = _numbers(match["days"], 31)
    return MonthDays(days) if days else None


def _bare_days(match: re.Match[str]) -> Pattern | None:
    """Days in their order; `26/1/5` may be a date."""
    days = [int(number) for number in re.findall(r"\d+", match["days"])]
    return _month_days(match) if days == sorted(set(days)) else None


def _lunar_ending(match: re.Match[str]) -> Pattern | None:
    """逢5、10: every lunar day that ends so; ten ends in 0."""
    endings = _numbers(match["days"], 10)
    if not endings:
        return None
    return LunarDays(frozenset(day for day in range(1, 31) if (day - 1) % 10 + 1 in endings))


def _lunar_days(match: re.Match[str]) -> Pattern | None:
    days = _numbers(match["days"].replace("初", ""), 30)
    return LunarDays(days) if days else None


def _dates(match: re.Match[str]) -> Pattern | None:
    found = set()
    year = month = 0
    for piece in re.finditer(r"(?:(?:(\d{4})[-/.年])?(\d{1,2})[-/.月])?(\d{1,2})日?", match[0]):
        year, month = int(piece[1] or year), int(piece[2] or month)
        try:
            found.add(date(year, month, int(piece[3])))
        except ValueError:
            return None
    return Dates(frozenset(found))


_N: Final = r"[\d一二三四五六七八九十廿卅]+"
_RANGE: Final = rf"{_N}(?:{_TO}{_N})?"
_NUMBERS: Final = rf"{_RANGE}(?:{_JOIN}{_RANGE})*"
_NUMBERED_DAYS: Final = rf"{_RANGE}[日号]?(?:{_JOIN}{_RANGE}[日号]?)*"
_ORDINALS: Final = rf"第{_RANGE}个?(?:{_JOIN}第?{_RANGE}个?)*"
_SIGN: Final = "[一二三四五六日天1-7]"
_DAY: Final = rf"{_WEEK}{_SIGN}(?:{_TO}{_WEEK}?{_SIGN}|{_SIGN}*)"
_DAYS: Final = rf"{_DAY}(?:{_JOIN}(?:[每逢]*{_DAY}|{_SIGN}))*"
_LUNAR: Final = "(?:农历|阴历|旧历)"
_FIRST_TEN: Final = r"初(?:10|[1-9一二三四五六七八九十])"
_LUNAR_DAY: Final = rf"(?:{_FIRST_TEN}|{_N})日?"
_IN_ONE_BREATH: Final = re.compile(r"(初[一二三四五六七八九])(?=初|十[一二三四五六七八九]|廿|卅)")
"""初一十五 is two days, and 初二十六 is not the 26th."""
_WRITTEN: Final = r"\d{4}(?:[-/.]\d{1,2}[-/.]\d{1,2}|年\d{1,2}月\d{1,2}日?)"
_WRITTEN_HAN: Final = rf"\d{{4}}年\d{{1,2}}月\d{{1,2}}日?(?:{_JOIN}(?:(?:\d{{4}}年)?\d{{1,2}}月)?\d{{1,2}}日?)*"

_GRAMMAR: Final[tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], Pattern | None]], ...]] = tuple(
    (re.compile(text), build)
    for text, build in (
        (rf"[每个逢]*(?P<days>{_DAYS})", _every_week),
        (rf"(?:每个?月)?的?(?:(?P<nth>{_ORDINALS})|(?P<last>最后一?个?))的?(?P<days>{_DAYS})", _nth_weekday),
        (r"(?P<words>[a-z0-9, ]+?)(?: of (?:the|each|every) month)?", _english),
        (rf"每个?月的?(?P<days>{_NUMBERED_DAYS})", _month_days),
        (r"(?P<days>\d{1,2}(?:[/、,;]\d{1,2}){2,}[日号]?)", _bare_days),
        (rf"(?P<days>{_RANGE}[日号](?:{_JOIN}{_RANGE}[日号])+)", _month_days),
        (rf"(?:{_LUNAR}每?月?逢|逢{_LUNAR})(?P<days>{_NUMBERED_DAYS})", _lunar_ending),
        (rf"(?:{_LUNAR}?每?个?月?的?)?(?P<days>{_FIRST_TEN}日?(?:{_JOIN}{_LUNAR_DAY})*)", _lunar_days),
        (rf"{_LUNAR}每?个?月?的?(?P<days>{_LUNAR_DAY}(?:{_JOIN}{_LUNAR_DAY})*)", _lunar_days),
        (rf"{_WRITTEN}(?:{_JOIN}{_WRITTEN})*", _dates),
        (_WRITTEN_HAN, _dates),
    )
)
"""Each form as a whole-text expression, tried in order, and what builds its pattern (None: a part is no number)."""

_AMBIGUOUS: Final = (
    (re.compile(r"\d{1,2}[/.-]\d{1,2}"), "it can be one date or two days of the month"),
    (re.compile(rf"逢(?!{_WEEK}|{_LUNAR}).*"), "say 农历逢… for lunar days, 每月…日 for days of the month"),
)


@lru_cache(maxsize=4096)
def parse_pattern(text: str) -> Pattern:
    """The pattern a text means; full-width signs and capitals are as plain ones.

    Raises:
        RefusedInput: not understood, or it has two meanings.
    """
    plain = " ".join(unicodedata.normalize("NFKC", text).lower().split()).translate(_SIMPLE)
    plain = _IN_ONE_BREATH.sub(r"\1、", plain)
    if len(plain) > PATTERN_LIMIT:
        raise _refuse(text, f"{len(plain)} characters, at most {PATTERN_LIMIT} are read")
    if plain.startswith(("rrule:", "freq=")):
        recurrence = parse_recurrence(plain)
        if recurrence is None:
            raise _refuse(text, "an RRULE has FREQ=DAILY, WEEKLY, MONTHLY or YEARLY and parts of RFC 5545 by the day")
        return recurrence
    for form, why in _AMBIGUOUS:
        if form.fullmatch(plain):
            raise _refuse(text, why)
    for words in dict.fromkeys((plain, _HAN_BLANK.sub("", plain))):
        for form, build in _GRAMMAR:
            match = form.fullmatch(words)
            pattern = build(match) if match else None
            if pattern:
                return pattern
    raise _refuse(text)


def counted_from(pattern: Pattern, start: date) -> Pattern:
    """The pattern as it counts from the first day of its rule; only an RRULE depends on it."""
    return msgspec.structs.replace(pattern, start=start) if isinstance(pattern, Recurrence) else pattern


@lru_cache(maxsize=4096)
def days_between(pattern: Pattern, first: date, last: date) -> tuple[date, ...]:
    """The days the pattern means, from `first` to `last`, both included; many rules share a pattern.

    Raises:
        RefusedInput: a lunar pattern outside its table.
    """
    if isinstance(pattern, Recurrence):
        return pattern.days(first, last)
    if isinstance(pattern, Dates):
        return tuple(sorted(day for day in pattern.dates if first <= day <= last))
    days = (date.fromordinal(number) for number in range(first.toordinal(), last.toordinal() + 1))
    return tuple(day for day in days if pattern.includes(day))
