"""The nine tables of a plan: their files, sheets and columns, as data.

A workbook and a folder of CSV files hold the same columns; the first row is the header.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Final, NamedTuple

from schedules.model import Action


class Form(Enum):
    """How the text of a cell is read."""

    TEXT = "text"
    ID = "id"
    IDS = "ids"
    WORDS = "words"
    DATE = "date"
    TIME = "time"
    COUNT = "count"
    NUMBER = "number"
    WEEKDAYS = "weekdays"
    ACTION = "action"
    DAY_KIND = "day kind"


class Column(NamedTuple):
    """A column of a table; `refers` names the table whose ids its cells must hold, `code` the finding if not."""

    name: str
    form: Form = Form.TEXT
    is_required: bool = False
    refers: str = ""
    code: str = ""


class Table(NamedTuple):
    """A table; its first `key_columns` columns together name a row."""

    name: str
    sheet: str
    columns: tuple[Column, ...]
    is_required: bool = True
    key_columns: int = 1

    @property
    def key(self) -> Column:
        """The column of ids: the first one."""
        return self.columns[0]

    def identify(self, values: Mapping[str, object]) -> object:
        """What names a row: an id, or several of them; None where one is absent."""
        ids = tuple(values.get(column.name) for column in self.columns[: self.key_columns])
        if None in ids:
            return None
        return ids[0] if self.key_columns == 1 else ids


_D, _T, _N, _C, _I = Form.DATE, Form.TIME, Form.NUMBER, Form.COUNT, Form.ID

_VILLAGES = Table(
    "villages",
    "行政村",
    (
        Column("village_code", _I, True),
        Column("village_name", is_required=True),
        Column("township"),
        Column("lon", _N),
        Column("lat", _N),
        Column("residents", _C),
        Column("over_65", _C),
    ),
)
_VEHICLES = Table(
    "vehicles",
    "车辆",
    (
        Column("vehicle_id", _I, True),
        Column("plate", is_required=True),
        Column("depot", _I),
        Column("length_m", _N),
        Column("equipment", Form.WORDS),
        Column("seats", _C),
        Column("in_service_from", _D),
        Column("inspection_due", _D),
        Column("tablet_id", _I),
    ),
)
_POINTS = Table(
    "points",
    "服务点",
    (
        Column("point_id", _I, True),
        Column("point_name", is_required=True),
        Column("village_code", _I, True, "villages", "R04"),
        Column("village_name"),
        Column("township"),
        Column("lon", _N),
        Column("lat", _N),
        Column("open_from", _T),
        Column("open_to", _T),
        Column("closed_weekdays", Form.WEEKDAYS),
        Column("visits_per_month", _C),
        Column("visit_minutes", _C),
        Column("contact_name"),
        Column("contact_phone"),
        Column("needs_equipment", Form.WORDS),
        Column("vehicle_max_length_m", _N),
    ),
)
_STAFF = Table(
    "staff",
    "人员",
    (
        Column("staff_id", _I, True),
        Column("name", is_required=True),
        Column("role", is_required=True),
        Column("qualification"),
        Column("licence_no"),
        Column("licence_valid_to", _D),
        Column("home_vehicle", _I, False, "vehicles", "R02"),
        Column("max_hours_per_day", _N),
        Column("phone"),
    ),
)
_RULES = Table(
    "rules",
    "排班规则",
    (
        Column("rule_id", _I, True),
        Column("point_id", _I, True, "points", "R01"),
        Column("vehicle_id", _I, True, "vehicles", "R02"),
        Column("pattern", is_required=True),
        Column("start", _T, True),
        Column("end", _T, True),
        Column("stop_no", _C),
        Column("staff_ids", Form.IDS, True, "staff", "R03"),
        Column("services", Form.WORDS),
        Column("max_per_month", _C),
        Column("effective_from", _D, True),
        Column("effective_to", _D),
        Column("note"),
    ),
)
_EXCEPTIONS = Table(
    "exceptions",
    "调整",
    (
        Column("exception_id", _I, True),
        Column("rule_id", _I, True, "rules", "R05"),
        Column("point_id", _I, False, "points", "R01"),
        Column("original_date", _D, True),
        Column("action", Form.ACTION, True),
        Column("new_date", _D),
        Column("new_start", _T),
        Column("new_vehicle_id", _I, False, "vehicles", "R02"),
        Column("new_staff_ids", Form.IDS, False, "staff", "R03"),
        Column("reason"),
        Column("announced_on", _D),
        Column("approved_by"),
    ),
    is_required=False,
)
_HOLIDAYS = Table(
    "holidays",
    "节假日",
    (Column("date", _D, True), Column("kind", Form.DAY_KIND, True), Column("name")),
    is_required=False,
)

_UNAVAILABLE = Table(
    "unavailable",
    "停用",
    (
        Column("unavailable_id", _I, True),
        Column("first_day", _D, True),
        Column("last_day", _D, True),
        Column("staff_id", _I, False, "staff", "R03"),
        Column("vehicle_id", _I, False, "vehicles", "R02"),
        Column("point_id", _I, False, "points", "R01"),
        Column("reason"),
    ),
    is_required=False,
)
_TRAVEL = Table(
    "travel_minutes",
    "路程",
    (Column("from_id", _I, True), Column("to_id", _I, True), Column("minutes", _C, True), Column("km", _N)),
    is_required=False,
    key_columns=2,
)

TABLES: Final[Mapping[str, Table]] = {
    table.name: table
    for table in (
        _VILLAGES,
        _VEHICLES,
        _POINTS,
        _STAFF,
        _RULES,
        _EXCEPTIONS,
        _HOLIDAYS,
        _UNAVAILABLE,
        _TRAVEL,
    )
}
"""In an order in which every table comes after those it refers to."""

ACTIONS: Final[Mapping[str, Action]] = {
    **{action.value: action for action in Action},
    "改期": Action.MOVE,
    "取消": Action.CANCEL,
    "替换": Action.SUBSTITUTE,
}
"""Words for an exception's action."""

HOLIDAY: Final = "holiday"
MAKEUP_WORKDAY: Final = "makeup_workday"

DAY_KINDS: Final[Mapping[str, str]] = {
    **dict.fromkeys((HOLIDAY, "放假", "节假日", "法定节假日", "假日", "公休", "休息"), HOLIDAY),
    **dict.fromkeys((MAKEUP_WORKDAY, "makeup workday", "上班", "补班", "调休上班", "补班日", "工作日"), MAKEUP_WORKDAY),
}
"""Words for what a day of the table of holidays is."""
