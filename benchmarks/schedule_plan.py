"""An invented plan of any number of vehicles, as CSV files and as a workbook.

Ten points a vehicle, two a weekday, every week of 2026, cancelled on the year's public holidays.
"""

import csv
from datetime import date
from pathlib import Path
from typing import Final

from openpyxl import Workbook

from schedules.tables import TABLES

POINTS_A_VEHICLE: Final = 10
_WEEKDAYS: Final = "一二三四五"
_HOLIDAYS: Final = (
    *((date(2026, 1, day), "元旦") for day in (1, 2)),
    *((date(2026, 2, day), "春节") for day in (16, 17, 18, 19, 20, 23)),
    (date(2026, 4, 6), "清明节"),
    *((date(2026, 5, day), "劳动节") for day in (1, 4, 5)),
    (date(2026, 6, 19), "端午节"),
    (date(2026, 9, 25), "中秋节"),
    *((date(2026, 10, day), "国庆节") for day in (1, 2, 5, 6, 7)),
)
"""Weekdays off in 2026, after the State Council's notice of 4 November 2025."""

Lines = dict[str, list[list[object]]]


def county(vehicles: int) -> Lines:
    """The tables of a plan of so many vehicles, headers first."""
    lines: Lines = {name: [[column.name for column in table.columns]] for name, table in TABLES.items()}

    def add(table: str, **cells: object) -> None:
        lines[table].append([cells.get(str(name), "") for name in lines[table][0]])

    for day, name in _HOLIDAYS:
        add("holidays", date=day.isoformat(), kind="holiday", name=name)
    for v in range(vehicles):
        vehicle, crew = f"V{v:03}", [f"S{v:03}{role}" for role in "DRN"]
        add("vehicles", vehicle_id=vehicle, plate=f"浙K·M{v:04}", depot="DEPOT", equipment="ECG;US", seats=4)
        for person, role in zip(crew, ("doctor", "driver", "nurse"), strict=True):
            add("staff", staff_id=person, name=f"人员{person}", role=role, home_vehicle=vehicle)
        for p in range(POINTS_A_VEHICLE):
            point, rule, weekday = f"P{v:03}{p}", f"R{v:03}{p}", p // 2
            lon, lat = round(118.2 + v % 30 * 0.1 + p * 0.003, 5), round(27.6 + v // 30 * 0.1, 5)
            village = f"3311{v:03}{p:02}200"
            add("villages", village_code=village, village_name=f"村{v}-{p}", lon=lon, lat=lat)
            add(
                "points", point_id=point, point_name=f"村{v}-{p}文化礼堂", village_code=village, lon=lon, lat=lat,
                open_from="08:00", open_to="17:00", visits_per_month=3, contact_name="联络员", needs_equipment="ECG",
            )  # fmt: skip
            start, end = (("08:30", "11:00"), ("13:30", "15:30"))[p % 2]
            add(
                "rules", rule_id=rule, point_id=point, vehicle_id=vehicle, pattern=f"每周{_WEEKDAYS[weekday]}",
                start=start, end=end, staff_ids=";".join(crew), services="门诊;配药",
                effective_from="2026-01-01", effective_to="2026-12-31",
            )  # fmt: skip
            for day, name in _HOLIDAYS:
                if day.weekday() == weekday:
                    add(
                        "exceptions", exception_id=f"X{rule}{day:%m%d}", rule_id=rule, point_id=point,
                        original_date=day.isoformat(), action="cancel", reason=name,
                        announced_on="2025-12-01", approved_by="县卫健局",
                    )  # fmt: skip
    return lines


def write(lines: Lines, folder: Path) -> tuple[Path, Path]:
    """The plan as a folder of CSV files and as a workbook."""
    tables = folder / "csv"
    tables.mkdir()
    book = Workbook(write_only=True)
    for name, rows in lines.items():
        with (tables / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(rows)
        sheet = book.create_sheet(TABLES[name].sheet)
        for row in rows:
            sheet.append([None if cell == "" else cell for cell in row])
    book.save(folder / "plan.xlsx")
    return tables, folder / "plan.xlsx"
