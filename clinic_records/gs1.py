"""GS1 codes on a pack: product number, lot, expiry and serial (GS1 General Specifications, sections 3 and 7)."""

import re
from calendar import monthrange
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Final, NamedTuple

SEPARATOR: Final = "\x1d"
"""FNC1 as a scanner sends it (GS1 General Specifications, 7.8): ends an element of variable length."""
_FIXED: Final[Mapping[str, int]] = {"01": 14, "11": 6, "17": 6}
"""Application identifier -> digits."""
_VARIABLE: Final[Mapping[str, int]] = {"10": 20, "21": 20}
"""Application identifier -> most characters."""
_WORD: Final = re.compile(r"[!-~]+")
_BRACKETED: Final = re.compile(r"\((\d{2})\)([^()]+)")
"""An element as it is printed for people: the identifier in brackets."""


class Elements(NamedTuple):
    """What an element string says; `gtin` is the 14-digit product number (01)."""

    gtin: str
    lot: str
    serial: str
    made: date | None
    expires: date | None


def gtin_check(digits: str) -> bool:
    """Whether the last digit is the check digit of the others (GS1 General Specifications, 7.9)."""
    weighted = (int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(reversed(digits)))
    return sum(weighted) % 10 == 0


def read_elements(text: str) -> Elements | None:
    """The element string, or None where `text` is none with a product number that its check digit confirms."""
    found = _bracketed(text) if text.startswith("(") else _plain(text)
    if found is None or "01" not in found or not gtin_check(found["01"]):
        return None
    made, expires = _day(found.get("11", "")), _day(found.get("17", ""))
    if ("11" in found and made is None) or ("17" in found and expires is None):
        return None
    return Elements(found["01"], found.get("10", ""), found.get("21", ""), made, expires)


def _bracketed(text: str) -> dict[str, str] | None:
    pairs = _BRACKETED.findall(text)
    if "".join(f"({identifier}){value}" for identifier, value in pairs) != text:
        return None
    found = dict(pairs)
    good = len(found) == len(pairs) and all(_is_good(identifier, value) for identifier, value in pairs)
    return found if good else None


def _plain(text: str) -> dict[str, str] | None:
    found: dict[str, str] = {}
    rest = text.removeprefix(SEPARATOR)
    while rest:
        identifier, rest = rest[:2], rest[2:]
        size = _FIXED.get(identifier)
        value = rest[:size] if size else rest.partition(SEPARATOR)[0]
        if identifier in found or not _is_good(identifier, value):
            return None
        found[identifier] = value
        rest = rest[len(value) :].removeprefix(SEPARATOR)
    return found


def _is_good(identifier: str, value: str) -> bool:
    if identifier in _FIXED:
        return len(value) == _FIXED[identifier] and value.isascii() and value.isdigit()
    return len(value) <= _VARIABLE.get(identifier, 0) and _WORD.fullmatch(value) is not None


def _day(text: str) -> date | None:
    """YYMMDD; day 00 is the month's last; the century is the one nearest to 2025 (General Specifications, 7.12)."""
    if len(text) != 6:
        return None
    year = 2000 + int(text[:2])
    year -= 100 if year - 2025 > 50 else 0
    try:
        first = datetime(year, int(text[2:4]), 1, tzinfo=UTC).date()
        return first.replace(day=int(text[4:]) or monthrange(year, first.month)[1])
    except ValueError:
        return None
