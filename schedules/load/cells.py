"""From what a cell holds to the value its column wants, with a note where it was read otherwise than written."""

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from typing import Final, NamedTuple

from schedules.calendar_words import WEEKDAY_CODES
from schedules.load.rows import Formula, Number1904
from schedules.load.times import clock
from schedules.tables import ACTIONS, DAY_KINDS, Form


class Unreadable(Exception):
    """The cell does not hold what its column wants; `code` is that of the finding."""

    def __init__(self, code: str, zh: str, en: str) -> None:
        super().__init__(en)
        self.code = code
        self.zh = zh
        self.en = en


class Note(NamedTuple):
    """A warning about how a cell was read."""

    code: str
    zh: str
    en: str


_SEPARATORS: Final = re.compile(r"[;、,/\s]+")
_DATE: Final = re.compile(
    r"(?P<y>\d{4})(?:-|/|\.|年) ?(?P<m>\d{1,2})(?:-|/|\.|月) ?(?P<d>\d{1,2})[日号]?(?:[ t]0?0:00(?::00(?:\.0+)?)?)?"
    r"|(?P<cy>(?:19|20)\d\d)(?P<cm>\d\d)(?P<cd>\d\d)",
    re.IGNORECASE,
)
_WEEKDAY: Final = re.compile(r"[\s(]*((?:周|星期|礼拜)[一二三四五六日天])\)?$")
_TIME: Final = re.compile(r"(\d{1,2}):(\d{2})(?::00)?")
_DIGITS: Final = re.compile(r"\d{3,4}")
_SERIAL: Final = re.compile(r"\d{5}(?:\.0+)?")
_EXCEL_ERRORS: Final = frozenset({"#N/A", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NULL!", "#NUM!"})
"""ECMA-376 part 1, 18.18.11, ST_CellType e; 18.17.2.7."""
_DAY_FRACTION: Final = re.compile(r"0?\.\d+")

_EXCEL_EPOCH: Final = date(1899, 12, 30)
"""Day 0 of Excel's serial numbers as they count from March 1900 on (ECMA-376 part 1, 18.17.4.1)."""

DAYS_TO_1904: Final = (date(1904, 1, 1) - _EXCEL_EPOCH).days
_SERIAL_RANGE: Final = range(32874, 73051)
"""1990-01-01 to 2099-12-31: what a schedule can mean."""


def _text(raw: object, notes: list[Note]) -> str:
    del notes
    if isinstance(raw, Formula):
        zh = f"公式 {raw} 没有保存结果，请用 Excel 打开再保存，或直接写值"
        raise Unreadable(
            "F06", zh, f"formula {raw} holds no result; open and save the file in Excel, or write the value"
        )
    if isinstance(raw, str) and raw.strip() in _EXCEL_ERRORS:
        zh, en = f"公式结果是错误 {raw}，请改好公式或直接写值", f"the formula gives {raw}; mend it or write the value"
        raise Unreadable("F06", zh, en)
    if isinstance(raw, datetime) and raw.time() == time(0):
        return raw.date().isoformat()
    if isinstance(raw, float) and raw.is_integer():
        return str(int(raw))
    return unicodedata.normalize("NFC", str(raw)).strip()


def _plain(raw: object, notes: list[Note]) -> str:
    """Text with full-width signs as plain ones, and a note of it."""
    text = _text(raw, notes)
    plain = unicodedata.normalize("NFKC", text).strip()
    if plain != text:
        notes.append(Note("N01", f"“{text}”按“{plain}”读取", f'"{text}" read as "{plain}"'))
    return plain


def _ids(raw: object, notes: list[Note]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word for word in _SEPARATORS.split(_plain(raw, notes)) if word))


def _suggested(year: int, month: int, day: int) -> str:
    """The date meant, perhaps: days past the month's end run on into the next one; else how a date looks."""
    if not (1990 <= year <= 2099 and 1 <= month <= 12 and 1 <= day <= 31):
        return "2026-03-05"
    return (date(year, month, 1) + timedelta(days=day - 1)).isoformat()


def _date(raw: object, notes: list[Note]) -> date:
    if isinstance(raw, datetime):
        if raw.time() != time(0):
            zh, en = f"“{raw}”带了时刻，请写 {raw.date()}", f'"{raw}" is a date with a time of day; write {raw.date()}'
            raise Unreadable("D02", zh, en)
        return raw.date()
    if isinstance(raw, date):
        return raw
    if isinstance(raw, Number1904):
        raw = int(raw) + DAYS_TO_1904
    text = _plain(raw, notes)
    if _SERIAL.fullmatch(text) and int(float(text)) in _SERIAL_RANGE:
        day = _EXCEL_EPOCH + timedelta(days=int(float(text)))
        notes.append(Note("N02", f"Excel 序号 {text} 按 {day} 读取", f"Excel serial {text} read as {day}"))
        return day
    weekday = _WEEKDAY.search(text)
    match = _DATE.fullmatch(text[: weekday.start()] if weekday else text)
    if match is None:
        zh, en = f"“{text}”不是日期，请写成 2026-03-05", f'"{text}" is not a date; write a date such as 2026-03-05'
        raise Unreadable("D02", zh, en)
    year, month, day_of_month = (int(number) for number in match.groups() if number)
    try:
        day = date(year, month, day_of_month)
    except ValueError:
        better = _suggested(year, month, day_of_month)
        zh, en = f"“{text}”不是日期，请写成 {better}", f'"{text}" is not a date; write {better}'
        raise Unreadable("D02", zh, en) from None
    if weekday is not None and WEEKDAY_CODES[weekday[1]] != day.weekday():
        zh, en = f"“{text}”：{day} 不是{weekday[1]}，请核对", f'"{text}": {day} is a {day:%A}; look it up again'
        raise Unreadable("D02", zh, en)
    return day


def _time(raw: object, notes: list[Note]) -> time:
    if isinstance(raw, datetime) and raw.year <= 1900:  # Excel's day 0 with a time of day
        raw = raw.time()
    if isinstance(raw, timedelta) and timedelta() <= raw < timedelta(days=1):
        raw = (datetime(2000, 1, 1) + raw).time()  # noqa: DTZ001 - only its time of day is used
    if isinstance(raw, time):
        if raw.second or raw.microsecond:
            raise Unreadable("D03", f"“{raw}”带了秒，请写 {raw:%H:%M}", f'"{raw}" has seconds; write {raw:%H:%M}')
        return raw
    text = _plain(raw, notes)
    if _DAY_FRACTION.fullmatch(text):
        minutes = round(float(text) * 1440)
        found = time(minutes // 60 % 24, minutes % 60)
        notes.append(
            Note("N02", f"Excel 序号 {text} 按 {found:%H:%M} 读取", f"Excel serial {text} read as {found:%H:%M}")
        )
        return found
    said = f"{text[:-2]:0>2}:{text[-2:]}" if _DIGITS.fullmatch(text) else clock(text)
    match = _TIME.fullmatch(said)
    if match is None or int(match[1]) > 23 or int(match[2]) > 59:
        zh, en = f"“{text}”不是时间，请写成 08:30", f'"{text}" is not a time; write a time such as 08:30'
        raise Unreadable("D03", zh, en)
    found = time(int(match[1]), int(match[2]))
    if not _TIME.fullmatch(text):
        notes.append(Note("N01", f"“{text}”按“{found:%H:%M}”读取", f'"{text}" read as "{found:%H:%M}"'))
    return found


def _number(raw: object, notes: list[Note]) -> float:
    text = _plain(raw, notes)
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if isinstance(raw, bool) or not -1e15 < value < 1e15:
        raise Unreadable("D05", f"“{text}”不是数字", f'"{text}" is not a number')
    return value


def _count(raw: object, notes: list[Note]) -> int:
    value = _number(raw, notes)
    if value < 0 or not value.is_integer():
        raise Unreadable("D05", f"“{raw}”不是从 0 起的整数", f'"{raw}" is not a whole number from 0')
    return int(value)


def _weekdays(raw: object, notes: list[Note]) -> tuple[int, ...]:
    words = _ids(raw, notes)
    wrong = next((word for word in words if word.lower() not in WEEKDAY_CODES), None)
    if wrong is not None:
        zh = f"“{wrong}”不是星期，请写 周一;周二 或 MO;TU;WE;TH;FR;SA;SU"
        raise Unreadable("D10", zh, f'"{wrong}" is not a weekday; write MO;TU;WE;TH;FR;SA;SU or 周一;周二')
    return tuple(sorted({WEEKDAY_CODES[word.lower()] for word in words}))


def _action(raw: object, notes: list[Note]) -> object:
    text = _plain(raw, notes)
    if text.lower() not in ACTIONS:
        zh = f"动作“{text}”只能是 改期、取消、替换（move, cancel, substitute）"
        raise Unreadable("D06", zh, f'action "{text}" must be move, cancel or substitute (改期, 取消, 替换)')
    return ACTIONS[text.lower()]


def _day_kind(raw: object, notes: list[Note]) -> str:
    text = _plain(raw, notes)
    if text.lower() not in DAY_KINDS:
        zh = f"“{text}”只能是 放假 或 补班（holiday, makeup_workday）"
        raise Unreadable("D10", zh, f'"{text}" must be holiday or makeup_workday (放假, 补班)')
    return DAY_KINDS[text.lower()]


_READERS: Final[Mapping[Form, Callable[[object, list[Note]], object]]] = {
    Form.TEXT: _text,
    Form.ID: _plain,
    Form.IDS: _ids,
    Form.WORDS: _ids,
    Form.DATE: _date,
    Form.TIME: _time,
    Form.NUMBER: _number,
    Form.COUNT: _count,
    Form.WEEKDAYS: _weekdays,
    Form.ACTION: _action,
    Form.DAY_KIND: _day_kind,
}


def read_cell(form: Form, raw: object) -> tuple[object, list[Note]]:
    """The value and the notes on how it was read.

    Raises:
        Unreadable: the cell does not hold such a value.
    """
    notes: list[Note] = []
    return _READERS[form](raw, notes), notes
