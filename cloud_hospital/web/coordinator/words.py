"""Codes as the coordinator reads them."""

from datetime import date
from typing import Final

from schedules.reasons import reason_in
from schedules.repair.words import WORDS

_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DAYS_EN: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_DAYS_ZH: Final = "一二三四五六日"

_DOUBT: Final = {
    "H02": ("周末，不是调休上班日", "a weekend day that is no make-up workday"),
    "guessed": ("路程表里没有这段路，按直线估", "a way in no table, its time estimated"),
    "H03": ("还没有那一年的节假日表", "no holidays of that year in the plan"),
}


def in_words(code: str, lang: str) -> str:
    """Why a visit cannot be somewhere, is there in doubt, or was changed; words that nobody knows stay as they are."""
    zh, en = _DOUBT.get(code) or WORDS.get(code) or (code, reason_in(code, "en"))
    return en if lang == "en" else zh


_ACTIONS: Final = {
    "move": ("改期", "moved"),
    "cancel": ("取消", "cancelled"),
    "substitute": ("替换", "substituted"),
    "missed": ("未到", "missed"),
}


def reason_words(counted: str, lang: str) -> str:
    """A line of the report's changes by reason: `move 修路`."""
    action, _, reason = counted.partition(" ")
    zh, en = _ACTIONS.get(action, (action, action))
    return f"{en if lang == 'en' else zh} · {reason_in(reason, lang)}"


def short_day(day: date, lang: str) -> str:
    """`2月4日 周三`, or `Wed 4 Feb`."""
    if lang == "en":
        return f"{_DAYS_EN[day.weekday()]} {day.day} {_MONTHS[day.month - 1]}"
    return f"{day.month}月{day.day}日 周{_DAYS_ZH[day.weekday()]}"


def month_words(day: date, lang: str) -> str:
    """`2026年2月`, or `Feb 2026`."""
    return f"{_MONTHS[day.month - 1]} {day.year}" if lang == "en" else f"{day.year}年{day.month}月"
