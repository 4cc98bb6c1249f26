"""Rows of the table of rules that stand in a sheet of another form, and the words such sheets use."""

import re
from collections.abc import Mapping
from typing import Final

from schedules.places import Place


class CellPlace(Place, frozen=True):
    """A stop within a cell of a wall grid: all its columns are that cell. `line` tells stops of one cell apart."""

    line: int = 0

    def at(self, column: str) -> "CellPlace":
        """The same cell."""
        del column
        return self


class RowPlace(Place, frozen=True):
    """A row of a list with headers of its own; `headers` are pairs of our column and theirs."""

    headers: tuple[tuple[str, str], ...] = ()

    def at(self, column: str) -> Place:
        """The cell of this row under their header."""
        return Place(self.file, self.sheet, self.row, dict(self.headers).get(column, column))


VEHICLE: Final = frozenset({"车辆", "车号", "车辆编号", "车辆号", "巡诊车", "vehicle", "vehicle_id", "vehicleid"})
PLATE: Final = frozenset({"车牌", "车牌号", "plate"})
CREW: Final = frozenset({"人员", "随车人员", "医护人员", "staff", "staff_ids", "crew"})
ROLES: Final[Mapping[str, frozenset[str]]] = {
    "驾驶员": frozenset({"driver", "驾驶员", "司机"}),
    "司机": frozenset({"driver", "驾驶员", "司机"}),
    "driver": frozenset({"driver", "驾驶员", "司机"}),
    "医生": frozenset({"doctor", "医生", "医师"}),
    "医师": frozenset({"doctor", "医生", "医师"}),
    "doctor": frozenset({"doctor", "医生", "医师"}),
    "护士": frozenset({"nurse", "护士"}),
    "nurse": frozenset({"nurse", "护士"}),
    "药师": frozenset({"pharmacist", "药师", "药剂师"}),
    "pharmacist": frozenset({"pharmacist", "药师", "药剂师"}),
    "中医": frozenset({"tcm", "中医"}),
}
"""Header of a column of names -> words of the column `role`."""

NOTHING: Final = frozenset(
    {"", "-", "--", "—", "/", "无", "休", "休息", "机动", "停诊", "空", "保养", "轮休", "上午", "下午"}
)
"""What a cell says in which there is no visit."""

NAMES: Final = re.compile(r"[;、,/\s]+")


def word(text: str) -> str:
    """A header as it is looked up: small letters, no blanks."""
    return "".join(text.lower().split())
