"""Schedules of a prefecture and a province: python -m benchmarks.schedules.

Each figure is measured in a process of its own, so that its peak memory is its own. Plans are invented: ten points a
vehicle, two a weekday, every week of a year, the year's holidays moved to their make-up days or cancelled.
"""

import csv
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Final, NamedTuple

from openpyxl import Workbook

from clinic_records.clock import SystemClock
from schedules.draft import check_files, month_days
from schedules.expand import expand
from schedules.exports.entries import entries
from schedules.exports.workbook import visits_workbook
from schedules.findings import has_errors
from schedules.tables import TABLES

YEAR: Final = date(2026, 1, 1), date(2026, 12, 31)
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


class Aim(NamedTuple):
    """What a figure must not exceed; None is no limit."""

    seconds: float
    mib: float | None = None


AIMS: Final[Mapping[str, Aim]] = {
    "64 vehicles, CSV": Aim(2.0, 150),
    "64 vehicles, workbook": Aim(2.0, 150),
    "500 vehicles, CSV": Aim(15.0),
    "a vehicle's month": Aim(0.05),
    "XLSX of dated rows": Aim(10.0),
}


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


def checked(path: Path) -> tuple[float, str]:
    """Import, lay out on twelve months and check."""
    started = time.perf_counter()
    found = check_files(path, YEAR, YEAR[0]).checked
    seconds = time.perf_counter() - started
    if has_errors(found.findings):
        raise SystemExit(
            f"the invented plan has errors: {[one for one in found.findings if one.severity == 'error'][:3]}"
        )
    return seconds, f"{len(found.visits)} visits, {len(found.findings)} findings"


def vehicle_month(path: Path) -> tuple[float, str]:
    """A month of one vehicle laid out from a plan that is in memory: the slowest of twelve."""
    plan = check_files(path, YEAR, YEAR[0]).checked.plan
    rules = {name: rule for name, rule in plan.rules.items() if rule.vehicle_id == "V001"}
    own = type(plan)(**{name: getattr(plan, name) for name in plan.__struct_fields__} | {"rules": rules})
    times: list[float] = []
    visits = 0
    for month in range(1, 13):
        started = time.perf_counter()
        visits = max(visits, len(expand(own, *month_days(f"2026-{month:02}"))))
        times.append(time.perf_counter() - started)
    return max(times), f"at most {visits} visits"


def dated_rows(path: Path) -> tuple[float, str]:
    """The workbook of all visits of a year."""
    _, found, first, last = check_files(path, YEAR, YEAR[0])
    told: list[int] = []
    started = time.perf_counter()
    content = visits_workbook(entries(found.plan, found.visits, first, last), lambda done, _: told.append(done))
    return time.perf_counter() - started, f"{told[-1]} rows, {len(content) >> 10} KiB, progress told {len(told)} times"


FIGURES: Final[Mapping[str, tuple[int, str, Callable[[Path], tuple[float, str]]]]] = {
    "64 vehicles, CSV": (64, "csv", checked),
    "64 vehicles, workbook": (64, "plan.xlsx", checked),
    "500 vehicles, CSV": (500, "csv", checked),
    "a vehicle's month": (64, "csv", vehicle_month),
    "XLSX of dated rows": (64, "csv", dated_rows),
}
"""Name -> vehicles, which of the plan's files, what is timed."""


def measured(names: Iterable[str], folder: Path) -> int:
    """Print a line for each; how many miss their aim."""
    missed = 0
    for name in names:
        vehicles, file, _ = FIGURES[name]
        path = folder / str(vehicles) / file
        ran = subprocess.run(
            [sys.executable, "-m", "benchmarks.schedules", name, str(path)], check=True, capture_output=True, text=True
        )
        seconds, mib, what = json.loads(ran.stdout)
        aim = AIMS[name]
        is_missed = seconds > aim.seconds or (aim.mib is not None and mib > aim.mib)
        missed += is_missed
        limit = f"{aim.seconds} s" + (f", {aim.mib:.0f} MiB" if aim.mib else "")
        print(f"| {name} | {what} | {seconds:.3f} s | {mib:.0f} MiB | {limit} |{' MISSED' if is_missed else ''}")
    return missed


def one(name: str, path: Path) -> None:
    """Measure one figure in this process and print it as JSON: seconds, peak MiB, what came of it."""
    seconds, what = FIGURES[name][2](path)
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps([seconds, peak_mib, what]))


def main() -> int:
    """Print all figures beside their aims; 1 when one is missed."""
    if len(sys.argv) == 3:
        one(sys.argv[1], Path(sys.argv[2]))
        return 0
    load = f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    print(f"{SystemClock().now():%Y-%m-%d}, twelve months of 2026, {load}, one run\n")
    print("| what | of | time | peak | aim |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="schedules-") as root:
        for vehicles in sorted({figure[0] for figure in FIGURES.values()}):
            folder = Path(root) / str(vehicles)
            folder.mkdir()
            write(county(vehicles), folder)
        return int(bool(measured(FIGURES, Path(root))))


if __name__ == "__main__":
    sys.exit(main())
