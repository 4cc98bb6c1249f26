"""Check-ins as vehicles and nurses report them: one row for each arrival at a stop.

A CSV file (UTF-8 or GB 18030, comma or tab) with the columns of `TABLE`. Times carry their offset; one without is
wall time at +08:00. A row that cannot be used is a finding, never a guess.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from clinic_records.clock import CHINA
from clinic_records.errors import Hint, NotFound, RefusedInput
from schedules.findings import Finding, finding
from schedules.load.cells import Unreadable, read_cell
from schedules.load.csv_folder import read_csv_table
from schedules.load.rows import Row
from schedules.model import Plan
from schedules.places import Place
from schedules.tables import Column, Form, Table


class CheckIn(msgspec.Struct, frozen=True):
    """One arrival.

    Attributes:
        arrived_at, left_at: at +08:00; `left_at` is `arrived_at` where nobody told.
        point_id: empty where only the position is known.
        lon, lat: degrees, WGS 84; None where there was no fix.
        people: persons served; None where nobody told.
    """

    vehicle_id: str
    arrived_at: datetime
    left_at: datetime
    point_id: str
    lon: float | None
    lat: float | None
    people: int | None
    place: Place


TABLE: Final = Table(
    "actuals",
    "签到",
    (
        Column("vehicle_id", Form.ID, True),
        Column("arrived_at", is_required=True),
        Column("left_at"),
        Column("lon", Form.NUMBER),
        Column("lat", Form.NUMBER),
        Column("point_id", Form.ID),
        Column("source"),
        Column("people_served", Form.COUNT),
    ),
)


_SPREADSHEET: Final = re.compile(r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})[ T](\d{1,2}):(\d{2})(?::(\d{2}))?")
"""How spreadsheets write a moment when they save CSV: `2026/3/2 8:17`."""
_DATE_ALONE: Final = re.compile(r"[\dW-]{7,10}")


def _read_moment(text: str) -> datetime:
    """Raises ValueError where it is none; a date alone is none."""
    match = _SPREADSHEET.fullmatch(text)
    if match is not None:
        year, month, day, hour, minute, second = (int(number or 0) for number in match.groups())
        return datetime(year, month, day, hour, minute, second, tzinfo=CHINA)
    if _DATE_ALONE.fullmatch(text):
        raise ValueError(text)
    return datetime.fromisoformat(text)


def _moment(raw: object) -> datetime:
    text = str(raw).strip()
    try:
        moment = _read_moment(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=CHINA)).astimezone(CHINA)
    except (ValueError, OverflowError):
        zh = f"“{text[:40]}”不是时刻，请写成 2026-03-02T08:17:00+08:00"
        en = f'"{text[:40]}" is not a moment; write it as 2026-03-02T08:17:00+08:00'
        raise Unreadable("D02", zh, en) from None


_MOMENTS: Final = ("arrived_at", "left_at")


def _values(row: Row) -> tuple[dict[str, Any], list[Finding]]:
    values: dict[str, Any] = {}
    found: list[Finding] = []
    for column in TABLE.columns:
        raw, place = row.cells.get(column.name), row.place.at(column.name)
        if raw is None:
            if column.is_required:
                found.append(finding("D09", place, f"{column.name} 没有填", f"{column.name} is empty"))
            continue
        try:
            values[column.name] = _moment(raw) if column.name in _MOMENTS else read_cell(column.form, raw)[0]
        except Unreadable as error:
            found.append(finding(error.code, place, error.zh, error.en, value=raw))
    return values, found


def _judged(values: dict[str, Any], plan: Plan, place: Place) -> Iterator[Finding]:
    vehicle, point = values["vehicle_id"], values.get("point_id", "")
    if vehicle not in plan.vehicles:
        zh, en = f"计划里没有车辆“{vehicle}”", f'vehicle "{vehicle}" is not in the plan'
        yield finding("R02", place.at("vehicle_id"), zh, en, value=vehicle)
    if point and point not in plan.points:
        zh, en = f"计划里没有服务点“{point}”", f'point "{point}" is not in the plan'
        yield finding("R01", place.at("point_id"), zh, en, value=point)
    arrived, left = values["arrived_at"], values.get("left_at")
    if left is not None and left < arrived:
        zh, en = f"离开 {left:%H:%M} 早于到达 {arrived:%H:%M}", f"left {left:%H:%M} before arriving {arrived:%H:%M}"
        yield finding("T01", place.at("left_at"), zh, en, value=left)


def read_checkins(path: Path, plan: Plan) -> tuple[tuple[CheckIn, ...], tuple[Finding, ...]]:
    """The check-ins of a file, and what was found; every row left out has an error among the findings.

    Raises:
        NotFound: there is no such file.
        RefusedInput: it is no CSV with these columns; a report of it would call every visit missed.
    """
    if not path.is_file():
        raise NotFound(f"{path}: no such file")
    raw = read_csv_table(TABLE, path)
    if raw.rows is None:
        zh = "；".join(one.message_zh for one in raw.findings)
        en = "; ".join(one.message for one in raw.findings)
        raise RefusedInput(f"{path.name}: {en}", hint=Hint(f"{path.name}：{zh}", en))
    found = list(raw.findings)
    taken: list[CheckIn] = []
    for row in raw.rows:
        values, wrong = _values(row)
        if not wrong:
            wrong = list(_judged(values, plan, row.place))
        if wrong:
            found += wrong
            continue
        taken.append(
            CheckIn(
                vehicle_id=values["vehicle_id"],
                arrived_at=values["arrived_at"],
                left_at=values.get("left_at", values["arrived_at"]),
                point_id=values.get("point_id", ""),
                lon=values.get("lon"),
                lat=values.get("lat"),
                people=values.get("people_served"),
                place=row.place,
            )
        )
    return tuple(taken), tuple(found)
