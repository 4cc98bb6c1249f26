"""Times of day as people write them: 8:30, 8：30, 0830, 8.30, 8点半, 八点三十分, 下午2:00, 2:30 pm."""

import re
from typing import Final

from schedules.calendar_words import han_number

_COUNT: Final = r"(?:\d{1,2}|[一二两三四五六七八九十]{1,3})"
_HALF: Final = "上午|早上|早晨|清晨|中午|下午|午后|傍晚|晚上|凌晨"
_TIME: Final = (
    rf"(?:{_HALF})?\s*"
    r"(?:\d{1,2}:\d{1,2}(?::00)?(?!\d)|\d{1,2}\.\d{2}(?!\d)|(?<!\d)[01]\d[0-5]\d(?!\d)"
    rf"|{_COUNT}[点时](?:半|[一三]刻|整|(?:\d{{1,2}}|零?[一二三四五六七八九十]{{1,3}})分?)?)"
    r"(?:\s*[ap]\.?m\b\.?)?"
)
_ONE: Final = re.compile(_TIME, re.IGNORECASE)
_PARTS: Final = re.compile(
    rf"(?P<half>{_HALF})?\s*(?P<hour>\d{{1,2}}(?=[:.点时])|\d\d(?=\d\d)|{_COUNT}(?=[点时]))[:.点时]?"
    r"(?P<minute>半|一刻|三刻|整|\d{2}|\d(?=分)|零?[一二三四五六七八九十]{1,3})?(?:分|:00)?\s*(?P<side>[ap])?",
    re.IGNORECASE,
)
_QUARTERS: Final = {"半": 30, "一刻": 15, "三刻": 45, "整": 0}
_MIDNIGHT: Final = frozenset({"凌晨", "晚上"})
_AFTER_NOON: Final = frozenset({"中午", "下午", "午后", "傍晚", "晚上", "p"})

TIMES: Final = re.compile(rf"({_TIME})\s*(?:-|–|—|―|−|~|至|到)+\s*({_TIME})", re.IGNORECASE)
"""From when to when."""


def clock(text: str) -> str:
    """A time as `08:30`; a text that `TIMES` does not know is returned as it is, and so is an hour beyond the day.

    Twelve at night comes back as it is too: it is no noon.
    """
    match = _PARTS.fullmatch(text.strip().lower().replace(".m", "m").removesuffix(".").removesuffix("m"))
    if match is None or not _ONE.fullmatch(text.strip()):
        return text
    hour = han_number(match["hour"].replace("两", "二"))
    word = match["minute"] or "0"
    minute = _QUARTERS.get(
        word, 0 if word == "0" else han_number(word.lstrip("零")) if not word.isdigit() else int(word)
    )
    if hour is None or minute is None or (hour == 12 and (match["half"] in _MIDNIGHT or match["side"] == "a")):
        return text
    if (match["half"] in _AFTER_NOON or match["side"] == "p") and hour < (11 if match["half"] == "中午" else 12):
        hour += 12
    return f"{hour:02}:{minute:02}"


def span(match: re.Match[str]) -> tuple[str, str]:
    """Start and end of what `TIMES` found; `下午2:00-4:00` ends in the afternoon."""
    start, end = (clock(side) for side in match.groups())
    is_bare = not re.search(rf"{_HALF}|[ap]\.?m", match[2], re.IGNORECASE)
    if is_bare and end < start and start >= "12" and end < "12" and re.match(rf"\s*(?:{_HALF})", match[1]):
        end = f"{int(end[:2]) + 12:02}{end[2:]}"
    return start, end
