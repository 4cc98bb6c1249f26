"""How exports name people, days and places in Chinese."""

import re
import unicodedata
from collections.abc import Iterable
from datetime import date
from typing import Final

from clinic_records.schedule import Visit
from schedules.model import Plan

WEEKDAYS: Final = ("周一", "周二", "周三", "周四", "周五", "周六", "周日")

NAME_LIMIT: Final = 72
"""Characters of a file name before its ending: 216 bytes of UTF-8 of the 255 that a name may have."""

_HOLIDAYS: Final = {
    "New Year's Day": "元旦",
    "Spring Festival": "春节",
    "Tomb-sweeping Day": "清明节",
    "Labour Day": "劳动节",
    "Dragon Boat Festival": "端午节",
    "Mid-autumn Festival": "中秋节",
    "National Day": "国庆节",
}
"""Names of holidays as calendars in English have them -> what a village reads."""

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]+")
_NO_FILE_NAME: Final = re.compile(r"[^\w.-]+")


def plain(text: str) -> str:
    """One line without control characters, which calendars, spreadsheets and fonts do not take."""
    return _CONTROL.sub(" ", unicodedata.normalize("NFC", text)).strip()


def holiday_name(name: str) -> str:
    """A holiday's name in Chinese where it is a known one, else as it is."""
    return _HOLIDAYS.get(plain(name), plain(name))


def day_text(day: date) -> str:
    """`3月2日周一`."""
    return f"{day.month}月{day.day}日{WEEKDAYS[day.weekday()]}"


def crew_names(plan: Plan, visit: Visit) -> tuple[str, ...]:
    """Names of the crew; an id that is in no table stands for itself."""
    people = (plan.staff.get(person) for person in visit.staff_ids)
    return tuple(
        plain(person.name) if person else plain(id_) for id_, person in zip(visit.staff_ids, people, strict=True)
    )


def place_words(plan: Plan, visit: Visit) -> tuple[str, ...]:
    """Township, village and point, without blanks."""
    point = plan.points[visit.point_id]
    return tuple(plain(word) for word in (point.township, visit.village, visit.point_name) if word.strip())


def services(plan: Plan, visit: Visit) -> str:
    """What is offered, as the rule says."""
    return plain("、".join(plan.rules[visit.rule_id].services))


def file_names(names: Iterable[str]) -> dict[str, str]:
    """A safe and unique file name for each of several: letters, digits, dot, dash and underscore; its ending kept."""
    made: dict[str, str] = {}
    used: set[str] = set()
    for name in names:
        stem, dot, ending = name.rpartition(".")
        stem = base = _NO_FILE_NAME.sub("_", stem).strip(".")[:NAME_LIMIT] or "_"
        number = 2
        while stem.casefold() in used:
            stem, number = f"{base}_{number}", number + 1
        used.add(stem.casefold())
        made[name] = f"{stem}{dot}{ending}"
    return made
