"""What must hold within one row, once each of its cells is read."""

from collections.abc import Callable, Iterator, Mapping
from datetime import time
from typing import Any, Final

from clinic_records.errors import RefusedInput
from schedules.bounds import box_of
from schedules.findings import Finding, finding
from schedules.model import Action
from schedules.patterns import parse_pattern
from schedules.places import Place

Values = dict[str, Any]
"""Column name -> value; columns without one are absent."""


def _rule(values: Values, place: Place) -> Iterator[Finding]:
    try:
        parse_pattern(values["pattern"])
    except RefusedInput as error:
        zh = f"看不懂“{values['pattern'][:80]}”。{error.hint.zh}"
        yield finding("D08", place.at("pattern"), zh, str(error), value=values["pattern"])
    start, end = values["start"], values["end"]
    if end <= start:
        zh, en = f"结束 {end:%H:%M} 不晚于开始 {start:%H:%M}", f"end {end:%H:%M} is not after start {start:%H:%M}"
        yield finding("T01", place.at("end"), zh, en, value=f"{end:%H:%M}")
    first, last = values["effective_from"], values.get("effective_to")
    if last is not None and last < first:
        zh, en = f"{last} 早于生效日 {first}", f"{last} is before effective_from {first}"
        yield finding("T02", place.at("effective_to"), zh, en, value=last)


def _coordinates(values: Values, place: Place) -> Iterator[Finding]:
    """D04; the row is taken without its coordinates, so that its visits are still looked at."""
    if "lon" not in values or "lat" not in values:
        return
    lon, lat = values["lon"], values["lat"]
    box = box_of(values["village_code"])
    if box.holds(lon, lat):
        return
    del values["lon"], values["lat"]
    name = values.get("point_id", values["village_code"])
    zh, en = f"{name} 的坐标 {lon},{lat} 不在{box.zh}", f"{name} at {lon},{lat} lies outside {box.en}"
    if box.holds(lat, lon):
        zh, en = f"{zh}；经度和纬度写反了？", f"{en} — longitude and latitude swapped?"
    else:
        zh, en = f"{zh}，请核对", f"{en}; look it up again"
    column, value = ("lat", lat) if box.west <= lon <= box.east else ("lon", lon)
    yield finding("D04", place.at(column), zh, en, value=value)


def _point(values: Values, place: Place) -> Iterator[Finding]:
    yield from _coordinates(values, place)
    opens: time | None = values.get("open_from")
    closes: time | None = values.get("open_to")
    if opens and closes and closes <= opens:
        zh = f"关门 {closes:%H:%M} 不晚于开门 {opens:%H:%M}"
        en = f"open_to {closes:%H:%M} is not after open_from {opens:%H:%M}"
        yield finding("T01", place.at("open_to"), zh, en, value=f"{closes:%H:%M}")


def _exception(values: Values, place: Place) -> Iterator[Finding]:
    action = values["action"]
    if action is Action.MOVE and "new_date" not in values:
        yield finding("D07", place.at("new_date"), "改期必须写新日期 new_date", "a move needs new_date")
    changes = ("new_vehicle_id", "new_staff_ids", "new_start")
    if action is Action.SUBSTITUTE and not any(name in values for name in changes):
        zh = "替换必须写 new_vehicle_id、new_staff_ids 或 new_start"
        yield finding("D07", place, zh, "a substitute needs new_vehicle_id, new_staff_ids or new_start")


def _unavailable(values: Values, place: Place) -> Iterator[Finding]:
    first, last = values["first_day"], values["last_day"]
    if last < first:
        zh, en = f"最后一天 {last} 早于第一天 {first}", f"last_day {last} is before first_day {first}"
        yield finding("T02", place.at("last_day"), zh, en, value=last)


_ROW_CHECKS: Final[Mapping[str, Callable[[Values, Place], Iterator[Finding]]]] = {
    "villages": _coordinates,
    "points": _point,
    "rules": _rule,
    "exceptions": _exception,
    "unavailable": _unavailable,
}


def check_row(table: str, values: Values, place: Place) -> Iterator[Finding]:
    """Findings of a row of a table."""
    check = _ROW_CHECKS.get(table)
    if check is not None:
        yield from check(values, place)
