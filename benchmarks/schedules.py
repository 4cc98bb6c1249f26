"""Schedules of a prefecture and a province, into docs/BENCHMARKS.md: python -m benchmarks.schedules.

Each figure is the median of three runs in processes of their own, so that each peak of memory is its own.
"""

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from benchmarks.page import put_section
from benchmarks.schedule_plan import county, write
from schedules.draft import check_files, month_days
from schedules.expand import expand
from schedules.exports.entries import entries
from schedules.exports.workbook import visits_workbook
from schedules.findings import has_errors

YEAR: Final = date(2026, 1, 1), date(2026, 12, 31)
RUNS: Final = 3


class Took(msgspec.Struct):
    """Seconds by the wall's clock and of this process alone."""

    wall_s: float = 0.0
    cpu_s: float = 0.0


@contextmanager
def timed() -> Iterator[Took]:
    """What the block took."""
    took = Took()
    wall, cpu = time.perf_counter(), time.process_time()
    yield took
    took.wall_s, took.cpu_s = time.perf_counter() - wall, time.process_time() - cpu


def checked(path: Path) -> tuple[Took, str]:
    """Import, lay out on twelve months and check."""
    with timed() as took:
        found = check_files(path, YEAR, YEAR[0]).checked
    if has_errors(found.findings):
        wrong = [one.message for one in found.findings if one.severity == "error"]
        raise SystemExit(f"the invented plan has errors: {wrong[:3]}")
    return took, f"{len(found.visits)} visits, {len(found.findings)} findings"


def vehicle_month(path: Path) -> tuple[Took, str]:
    """A month of one vehicle laid out from a plan that is in memory: the slowest of twelve."""
    plan = check_files(path, YEAR, YEAR[0]).checked.plan
    rules = {name: rule for name, rule in plan.rules.items() if rule.vehicle_id == "V001"}
    own = msgspec.structs.replace(plan, rules=rules)
    slowest, visits = Took(), 0
    for month in range(1, 13):
        with timed() as took:
            made = expand(own, *month_days(f"2026-{month:02}"))
        slowest, visits = max(slowest, took, key=lambda one: one.wall_s), max(visits, len(made))
    return slowest, f"at most {visits} visits"


def dated_rows(path: Path) -> tuple[Took, str]:
    """The workbook of all visits of a year."""
    _, found, first, last = check_files(path, YEAR, YEAR[0])
    told: list[int] = []
    with timed() as took:
        content = visits_workbook(entries(found.plan, found.visits, first, last), lambda done, _: told.append(done))
    return took, f"{told[-1]} rows, {len(content) >> 10} KiB, progress told {len(told)} times"


class Figure(NamedTuple):
    """What is timed, on which file of a plan of how many vehicles, and its aims; None is no limit."""

    vehicles: int
    file: str
    work: Callable[[Path], tuple[Took, str]]
    limit_s: float
    limit_mib: float | None = None


FIGURES: Final[Mapping[str, Figure]] = {
    "64 vehicles' year imported and checked, CSV": Figure(64, "csv", checked, 2.0, 150),
    "the same, workbook": Figure(64, "plan.xlsx", checked, 2.0, 150),
    "500 vehicles' year imported and checked, CSV": Figure(500, "csv", checked, 15.0),
    "a vehicle's month laid out": Figure(64, "csv", vehicle_month, 0.05),
    "a year of 64 vehicles written as XLSX": Figure(64, "csv", dated_rows, 10.0),
}


class Run(msgspec.Struct):
    """One run: what it took, its peak, what came of it."""

    wall_s: float
    cpu_s: float
    peak_mib: float
    what: str


def _row(name: str, folder: Path) -> tuple[str, str]:
    """A line of the table, and what is missed."""
    figure = FIGURES[name]
    command = [sys.executable, "-m", "benchmarks.schedules", name, str(folder / str(figure.vehicles) / figure.file)]
    runs = [
        msgspec.json.decode(subprocess.run(command, check=True, capture_output=True).stdout, type=Run)
        for _ in range(RUNS)
    ]
    wall, cpu = (statistics.median(getattr(run, field) for run in runs) for field in ("wall_s", "cpu_s"))
    peak = max(run.peak_mib for run in runs)
    aim = f"{figure.limit_s} s" + (f", {figure.limit_mib:.0f} MiB" if figure.limit_mib else "")
    is_missed = wall > figure.limit_s or peak > (figure.limit_mib or peak)
    line = f"| {name} | {runs[0].what} | {wall:.3f} s | {cpu:.3f} s | {peak:.0f} MiB | {aim} |\n"
    return line, f"MISSED: {name}: {wall:.2f} s, {peak:.0f} MiB (aim {aim})\n" if is_missed else ""


def _one(name: str, path: Path) -> None:
    took, what = FIGURES[name].work(path)
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"wall_s": took.wall_s, "cpu_s": took.cpu_s, "peak_mib": peak_mib, "what": what}))


def main() -> int:
    """Print all figures beside their aims and keep them; 1 when one is missed."""
    if len(sys.argv) == 3:
        _one(sys.argv[1], Path(sys.argv[2]))
        return 0
    text = (
        f"## Schedules\n{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, load before it {os.getloadavg()[0]:.1f}, "
        f"median of {RUNS} runs. Twelve months of 2026, ten points a vehicle.\n\n"
        "| what | of | time | of it CPU | peak | aim |\n|---|---|---|---|---|---|\n"
    )
    with tempfile.TemporaryDirectory(prefix="schedules-") as root:
        for vehicles in sorted({figure.vehicles for figure in FIGURES.values()}):
            folder = Path(root) / str(vehicles)
            folder.mkdir()
            write(county(vehicles), folder)
        rows = [_row(name, Path(root)) for name in FIGURES]
    missed = "".join(words for _, words in rows)
    text += "".join(line for line, _ in rows) + missed
    print(text)
    put_section("schedules", "make bench-schedules", text)
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
