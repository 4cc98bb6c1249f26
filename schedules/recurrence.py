"""Recurrence rules (RRULE) as calendars write them, over whole days (RFC 5545, 3.3.10).

Only what a route can mean: FREQ of DAILY to YEARLY with INTERVAL, COUNT, UNTIL, BYDAY, BYMONTHDAY, BYMONTH, BYSETPOS
and WKST. Each period is laid out day by day up to the last day asked for, so that no text can make it run on.
"""

import re
from calendar import monthrange
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Final

import msgspec

from clinic_records.clock import CHINA

_DAYS: Final = {word: number for number, word in enumerate(("MO", "TU", "WE", "TH", "FR", "SA", "SU"))}
_BYDAY: Final = re.compile(r"([+-]?\d{1,2})?(MO|TU|WE|TH|FR|SA|SU)")
_UNTIL: Final = re.compile(r"\d{8}(?:T\d{6}Z?)?")
_ONE: Final = timedelta(days=1)


class Recurrence(msgspec.Struct, frozen=True):
    """A recurrence rule; without its first day (DTSTART) it means no days yet.

    Attributes:
        byday: ordinal (0 for every) and weekday (Monday = 0).
        start: the day the rule is counted from; a rule of a plan counts from its `effective_from`.
    """

    freq: str
    interval: int = 1
    count: int = 0
    until: date = date.max
    byday: tuple[tuple[int, int], ...] = ()
    bymonthday: tuple[int, ...] = ()
    bymonth: tuple[int, ...] = ()
    bysetpos: tuple[int, ...] = ()
    wkst: int = 0
    start: date = date.min

    def days(self, first: date, last: date) -> tuple[date, ...]:
        """The days from `first` to `last`, both included."""
        found = []
        for number, day in enumerate(self._from_start(min(last, self.until)), start=1):
            if self.count and number > self.count:
                break
            if day >= first:
                found.append(day)
        return tuple(found)

    def _from_start(self, last: date) -> Iterator[date]:
        filled = _filled(self)
        for begin, end in _PERIODS[self.freq](filled, last):
            days = [
                day
                for number in range(begin.toordinal(), end.toordinal() + 1)
                if _is_in(filled, day := date.fromordinal(number))
            ]
            if self.bysetpos:
                size = len(days)
                places = {place - 1 if place > 0 else size + place for place in self.bysetpos}
                days = [day for place, day in enumerate(days) if place in places]
            yield from (day for day in days if self.start <= day <= last)


def _filled(rule: Recurrence) -> Recurrence:
    """What the rule leaves out is that of its first day (RFC 5545, 3.3.10, last paragraphs before the table)."""
    replace = msgspec.structs.replace
    if rule.byday or rule.bymonthday:
        return rule
    if rule.freq == "WEEKLY":
        return replace(rule, byday=((0, rule.start.weekday()),))
    if rule.freq == "MONTHLY":
        return replace(rule, bymonthday=(rule.start.day,))
    if rule.freq == "YEARLY":
        return replace(rule, bymonth=rule.bymonth or (rule.start.month,), bymonthday=(rule.start.day,))
    return rule


def _is_in(rule: Recurrence, day: date) -> bool:
    if rule.bymonth and day.month not in rule.bymonth:
        return False
    length = monthrange(day.year, day.month)[1]
    if rule.bymonthday and not {day.day, day.day - length - 1} & set(rule.bymonthday):
        return False
    return not rule.byday or any(day.weekday() == weekday and _is_nth(rule, nth, day) for nth, weekday in rule.byday)


def _is_nth(rule: Recurrence, nth: int, day: date) -> bool:
    """Whether the day is the nth of its weekday in the month, or in the year of a yearly rule without months."""
    if not nth:
        return True
    if rule.freq == "YEARLY" and not rule.bymonth:
        number, length = day.timetuple().tm_yday, date(day.year, 12, 31).timetuple().tm_yday
    else:
        number, length = day.day, monthrange(day.year, day.month)[1]
    return nth in {(number - 1) // 7 + 1, -((length - number) // 7 + 1)}


def _days_apart(rule: Recurrence, last: date) -> Iterator[tuple[date, date]]:
    for number in range(rule.start.toordinal(), last.toordinal() + 1, rule.interval):
        yield date.fromordinal(number), date.fromordinal(number)


def _weeks(rule: Recurrence, last: date) -> Iterator[tuple[date, date]]:
    begin = rule.start.toordinal() - (rule.start.weekday() - rule.wkst) % 7
    for number in range(max(begin, 1), last.toordinal() + 1, 7 * rule.interval):
        yield date.fromordinal(number), date.fromordinal(min(number + 6, date.max.toordinal()))


def _months(rule: Recurrence, last: date) -> Iterator[tuple[date, date]]:
    for number in count(rule.start.year * 12 + rule.start.month - 1, rule.interval):
        year, month = divmod(number, 12)
        if (year, month + 1) > (last.year, last.month):
            return
        yield date(year, month + 1, 1), date(year, month + 1, monthrange(year, month + 1)[1])


def _years(rule: Recurrence, last: date) -> Iterator[tuple[date, date]]:
    for year in range(rule.start.year, last.year + 1, rule.interval):
        yield date(year, 1, 1), date(year, 12, 31)


_PERIODS: Final[Mapping[str, Callable[[Recurrence, date], Iterator[tuple[date, date]]]]] = {
    "DAILY": _days_apart,
    "WEEKLY": _weeks,
    "MONTHLY": _months,
    "YEARLY": _years,
}


def _numbers(text: str, highest: int, *, is_signed: bool) -> tuple[int, ...]:
    numbers = tuple(int(word) for word in text.split(","))
    if not all(number and abs(number) <= highest and (is_signed or number > 0) for number in numbers):
        raise ValueError(text)
    return numbers


def _one(text: str, highest: int) -> int:
    (number,) = _numbers(text, highest, is_signed=False)
    return number


def _weekdays(text: str) -> tuple[tuple[int, int], ...]:
    found = []
    for word in text.split(","):
        match = _BYDAY.fullmatch(word)
        if match is None or (match[1] is not None and not 1 <= abs(int(match[1])) <= 53):
            raise ValueError(word)
        found.append((int(match[1] or 0), _DAYS[match[2]]))
    return tuple(found)


def _last_day(text: str) -> date:
    """UNTIL's day at +08:00: with Z it is a time in UTC, and 15:59:59 there is the day's last second here."""
    if not _UNTIL.fullmatch(text):
        raise ValueError(text)
    if text.endswith("Z"):
        return datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).astimezone(CHINA).date()
    return date(int(text[:4]), int(text[4:6]), int(text[6:8]))


def _frequency(text: str) -> str:
    if text not in _PERIODS:
        raise ValueError(text)
    return text


_PARTS: Final[Mapping[str, Callable[[str], object]]] = {
    "FREQ": _frequency,
    "INTERVAL": lambda text: _one(text, 1000),
    "COUNT": lambda text: _one(text, 10_000),
    "UNTIL": _last_day,
    "BYDAY": _weekdays,
    "BYMONTHDAY": lambda text: _numbers(text, 31, is_signed=True),
    "BYMONTH": lambda text: _numbers(text, 12, is_signed=False),
    "BYSETPOS": lambda text: _numbers(text, 366, is_signed=True),
    "WKST": lambda text: _DAYS[text],
}


def parse_recurrence(text: str) -> Recurrence | None:
    """The rule of `FREQ=WEEKLY;BYDAY=TU` (also after `RRULE:`), in any case of letters; None where it is none."""
    values: dict[str, object] = {}
    for part in text.upper().removeprefix("RRULE:").strip().rstrip(";").split(";"):
        name, _, value = part.partition("=")
        if name not in _PARTS or name.lower() in values:
            return None
        try:
            values[name.lower()] = _PARTS[name](value)
        except (ValueError, KeyError, OverflowError):
            return None
    if "freq" not in values or ("count" in values and "until" in values):
        return None
    return msgspec.convert(values, Recurrence)
