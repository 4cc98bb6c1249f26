"""A flat list of dated visits, one a row, under headers of its own: each row becomes a rule for its one day."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from schedules.load.cells import Unreadable, read_cell
from schedules.load.foreign import CREW, NAMES, PLATE, ROLES, VEHICLE, RowPlace, word
from schedules.load.matrix import plain
from schedules.load.registers import Registers
from schedules.load.rows import RawTable, Row
from schedules.load.times import TIMES, span
from schedules.tables import Column, Form, Table

HEADERS: Final[Mapping[str, frozenset[str]]] = {
    "date": frozenset({"date", "日期", "巡诊日期", "出诊日期", "出车日期", "day"}),
    "point_id": frozenset({"point_id", "服务点编号", "点位编号"}),
    "point_name": frozenset(
        {"point_name", "point", "服务点", "服务点名称", "地点", "巡诊点", "巡诊地点", "点位", "站点"}
    ),
    "vehicle_id": VEHICLE,
    "plate": PLATE,
    "start": frozenset({"start", "开始", "开始时间", "到达", "到达时间"}),
    "end": frozenset({"end", "结束", "结束时间", "离开", "离开时间"}),
    "times": frozenset({"time", "times", "时间", "时段", "服务时间", "巡诊时间"}),
    "staff_ids": CREW,
    "services": frozenset({"services", "服务", "服务项目"}),
    "visit_id": frozenset({"visit_id", "编号"}),  # 序号 counts the rows, and is another when one is put in between
    "note": frozenset({"note", "备注"}),
}
"""Our name of a column -> what its header may say."""

_WHAT: Final = {header: name for name, headers in HEADERS.items() for header in headers}


def columns_of(line: list[str]) -> dict[str, str]:
    """Our names of the columns in a header line -> their headers; empty where it is no header of a dated list."""
    found: dict[str, str] = {}
    for text in line:
        name = _WHAT.get(word(text)) or (word(text) if word(text) in ROLES else "")
        if name:
            found.setdefault(name, text)
    has_point, has_vehicle = {"point_id", "point_name"} & set(found), {"vehicle_id", "plate"} & set(found)
    has_pattern = any(word(text) in {"pattern", "rule_id", "arrived_at"} and "date" not in found for text in line)
    return found if "date" in found and has_point and has_vehicle and not has_pattern else {}


def list_table(headers: list[str]) -> Table:
    """The table whose rows such a list holds."""
    return Table("rules", "", tuple(Column(header) for header in dict.fromkeys(headers) if header))


def _day(raw: object) -> str | None:
    try:
        return str(read_cell(Form.DATE, raw)[0])
    except Unreadable:
        return None


def _times(cells: Mapping[str, object]) -> tuple[object, object]:
    match = TIMES.search(plain(cells.get("times")))
    if match is None:
        return cells.get("start"), cells.get("end")
    return span(match)


def _rule(row: Row, columns: Mapping[str, str], registers: Registers) -> Row:
    theirs = {ours: row.cells[header] for ours, header in columns.items() if header in row.cells}
    text = {name: plain(value) for name, value in theirs.items()}
    point = registers.point(text.get("point_id") or text.get("point_name", ""))
    said_vehicle = text.get("vehicle_id") or text.get("plate", "")
    vehicle = registers.vehicle(said_vehicle) or said_vehicle
    people, given, said_of = [], frozenset[str](), ""
    for name in (one for one in text if one in ROLES or one == "staff_ids"):
        roles = ROLES.get(name, frozenset())
        found, unknown = registers.people(text[name], roles, vehicle)
        people += [*found, *unknown]
        said_of = columns[name] if unknown or not said_of else said_of
        given |= roles
    if "staff_ids" not in text:
        people += registers.at_home(vehicle, given)
    start, end = _times(theirs)
    day = _day(theirs.get("date", ""))
    cells: dict[str, object] = {
        "rule_id": text.get("visit_id"),
        "point_id": point,
        "vehicle_id": vehicle,
        "pattern": day or text.get("date", ""),
        "start": start,
        "end": end,
        "staff_ids": ";".join(dict.fromkeys(NAMES.sub("", name) for name in people)),
        "services": text.get("services") or registers.services(point),
        "effective_from": theirs.get("date"),
        "effective_to": day,
        "note": text.get("note"),
    }
    told = {"effective_from": "date", "pattern": "date", "effective_to": "date", "rule_id": "visit_id"}
    names = {name: columns.get(told.get(name, name), "") for name in cells}
    names["point_id"] = columns.get("point_id") or columns.get("point_name", "")
    names["vehicle_id"] = columns.get("vehicle_id") or columns.get("plate", "")
    names["staff_ids"] = said_of
    for side in ("start", "end"):
        names[side] = columns.get(side) or columns.get("times", "")
    place = RowPlace(row.place.file, row.place.sheet, row.place.row, "", tuple((a, b) for a, b in names.items() if b))
    return Row(place, {name: value for name, value in cells.items() if value not in {None, ""}})


def read_list(raw: RawTable, headers: list[str], registers: Registers) -> RawTable:
    """The table of rules that a dated list means."""
    columns = columns_of(headers)
    rows = _numbered((_rule(row, columns, registers) for row in raw.rows or ()), registers)
    return raw._replace(rows=tuple(rows))


def _numbered(rows: Iterable[Row], registers: Registers) -> Iterator[Row]:
    """Rows without a number of their own named by point and day: a row put in between renames no other.

    `P01-20261103`, and `P01-20261103-2` for the same point's second row of that day. A row whose point or day is not
    known cannot be published; it has the name of its row.
    """
    rounds = Counter[str]()
    for row in rows:
        if "rule_id" in row.cells:
            yield row
            continue
        point, day = str(row.cells.get("point_id", "")), str(row.cells.get("effective_to", ""))
        name = f"{point}-{day.replace('-', '')}" if point in registers.points and day else f"L{row.place.row:04}"
        rounds[name] += 1
        yield row._replace(cells={"rule_id": name if rounds[name] == 1 else f"{name}-{rounds[name]}", **row.cells})
