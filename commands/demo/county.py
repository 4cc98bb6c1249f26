"""A small invented county's month as a coordinator's workbook, with a stop for the demo's vehicle today."""

from datetime import date, timedelta
from pathlib import Path
from typing import Final

import openpyxl

_WEEKDAYS: Final = "一二三四五六日"
_POINTS: Final = (
    ("P001", "桃源村文化礼堂", "990000000001", "桃源村"),
    ("P002", "白云村老年活动中心", "990000000002", "白云村"),
    ("P003", "溪口村小学", "990000000003", "溪口村"),
)
_CREW: Final = (
    ("S001", "钟师傅", "driver", "B1驾照"),
    ("S002", "李医生", "doctor", "执业医师"),
    ("S003", "张护士", "nurse", "注册护士"),
    ("S004", "刘药师", "pharmacist", "药师"),
)
_HOLIDAYS: Final = ((1, 1, "元旦"), (5, 1, "劳动节"), (10, 1, "国庆节"))
"""Month, day, name: the statutory days with a fixed date (State Council Decree 795, 2024, article 2)."""


def write_workbook(path: Path, *, vehicle: str, today: date) -> None:
    """Write the month of `today`: one point a weekday, so that `vehicle` has a stop on any day, holidays too."""
    first = today.replace(day=1)
    last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    sheets: dict[str, list[tuple[str, ...]]] = {
        "行政村": [
            ("village_code", "village_name", "township"),
            *((code, name, "东坑镇") for _, _, code, name in _POINTS),
        ],
        "服务点": [
            ("point_id", "point_name", "village_code", "village_name", "township", "visits_per_month"),
            *((point, name, code, village, "东坑镇", "4") for point, name, code, village in _POINTS),
        ],
        "车辆": [("vehicle_id", "plate", "equipment"), (vehicle, "浙K·DEMO1", "ECG;US;SPIRO")],
        "人员": [
            ("staff_id", "name", "role", "qualification", "home_vehicle"),
            *((staff, name, role, licence, vehicle) for staff, name, role, licence in _CREW),
        ],
        "排班规则": [
            (
                *("rule_id", "point_id", "vehicle_id", "pattern", "start", "end"),
                *("stop_no", "staff_ids", "services", "max_per_month", "effective_from", "effective_to", "note"),
            ),
            *(
                (
                    *(f"R{day + 1:03}", _POINTS[day % 3][0], vehicle, f"每周{_WEEKDAYS[day]}", "08:30", "11:30"),
                    *("1", ";".join(crew[0] for crew in _CREW), "门诊;心电;B超;肺功能", "5"),
                    *(first.isoformat(), last.isoformat(), ""),
                )
                for day in range(7)
            ),
        ],
        "节假日": [
            ("date", "kind", "name"),
            *(
                (date(today.year, month, day).isoformat(), "holiday", name)
                for month, day, name in _HOLIDAYS
                if month != today.month
            ),
        ],
    }
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(path)
