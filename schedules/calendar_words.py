"""Weekdays and numbers as people write them."""

from typing import Final

_HAN: Final = "一二三四五六"
_ENGLISH: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

WEEKDAYS: Final[dict[str, int]] = {
    **{word: number for number, word in enumerate(_HAN)},
    **{str(number + 1): number for number in range(7)},
    "日": 6,
    "天": 6,
}
"""What follows 周, 星期 or 礼拜 -> Monday = 0."""

WEEKDAY_CODES: Final[dict[str, int]] = {
    **{word[:2]: number for number, word in enumerate(_ENGLISH)},
    **{prefix + word: number for word, number in WEEKDAYS.items() for prefix in ("周", "星期", "礼拜")},
}
"""RFC 5545 (3.3.10) two-letter codes in small letters, and Chinese names -> Monday = 0."""

ENGLISH_WEEKDAYS: Final[dict[str, int]] = {
    **{word: number for number, word in enumerate(_ENGLISH)},
    **{word[:3]: number for number, word in enumerate(_ENGLISH)},
}
"""English names and their three-letter forms, small letters -> Monday = 0."""

LAST: Final = -1

ENGLISH_ORDINALS: Final[dict[str, int]] = {
    "first": 1,
    "second": 2,
    "third": 3,
    "fourth": 4,
    "fifth": 5,
    "1st": 1,
    "2nd": 2,
    "3rd": 3,
    "4th": 4,
    "5th": 5,
    "last": LAST,
}

_DIGITS: Final[dict[str, int]] = {word: number for number, word in enumerate("一二三四五六七八九", start=1)}


def han_number(text: str) -> int | None:
    """1 to 31 in digits or Han numerals (`十五`, `廿六`, `三十`); None where it is neither."""
    if text.isascii() and text.isdigit():
        return int(text)
    head, ten, tail = text.replace("廿", "二十").replace("卅", "三十").partition("十")
    if not ten:
        return _DIGITS.get(text)
    tens = _DIGITS.get(head) if head else 1
    units = _DIGITS.get(tail) if tail else 0
    return None if tens is None or units is None else tens * 10 + units
