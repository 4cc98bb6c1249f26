"""A county's week planned by us and by PyVRP, median of five seeds: python -m benchmarks.plan_bench [FOLDER]."""

import json
import subprocess
import sys
import tempfile
import venv
from datetime import date
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Final

from schedules.load.source import read_tables
from schedules.load.typed import read_plan
from schedules.model import Plan
from schedules.planning.template import Template, plan_week
from schedules.planning.ways import way_minutes
from schedules.planning.week import EARLIEST_DEPARTURE, make_week
from schedules.rules.travel import DAY_LIMIT_H

COUNTY: Final = Path(__file__).resolve().parents[2] / "shared" / "data" / "schedules"
SEEDS: Final = range(1, 6)
SECONDS: Final = 10
WITHIN: Final = 1.02
PYVRP: Final = "pyvrp==0.14.1"


def _instance(plan: Plan) -> str:
    """The week for the peer: same vehicle-days, hours, closed weekdays, limits and ways."""
    week = make_week(plan, frozenset(), date(2026, 1, 1))
    depots = {plan.vehicles[slot.vehicle_id].depot for slot in week.slots}
    if len(depots) > 1 or len(week.tours) > 1:
        sys.exit("the comparison takes one depot and one length of day")
    names = [*depots, *(stop.point_id for stop in week.stops)]
    days = []
    for weekday in sorted({slot.weekday for slot in week.slots}):
        closed = [n for n, stop in enumerate(week.stops, 1) if weekday in plan.points[stop.point_id].closed_weekdays]
        days.append({"vehicles": sum(slot.weekday == weekday for slot in week.slots), "closed": closed})
    return json.dumps(
        {
            "stops": [(stop.minutes, stop.opens, stop.closes) for stop in week.stops],
            "minutes": [[way_minutes(plan, one, two) for two in names] for one in names],
            "days": days,
            "leaves": EARLIEST_DEPARTURE,
            "limit": DAY_LIMIT_H * 60,
        }
    )


def _peer(plan: Plan, folder: Path) -> list[tuple[int, int]]:
    venv.create(folder / "peer", with_pip=True)
    python = str(folder / "peer" / "bin" / "python")
    subprocess.run([python, "-m", "pip", "install", "--quiet", PYVRP], check=True, stderr=subprocess.DEVNULL)
    instance = folder / "week.json"
    instance.write_text(_instance(plan), "utf-8")
    program = str(Path(__file__).with_name("plan_peer.py"))
    found = []
    for seed in SEEDS:
        words = [python, program, str(instance), str(seed), str(SECONDS)]
        done = subprocess.run(words, check=True, capture_output=True, text=True)
        drive, routes = done.stdout.split()
        found.append((int(drive), int(routes)))
    return found


def _ours(plan: Plan) -> list[tuple[Template, float]]:
    found = []
    for seed in SEEDS:
        begin = perf_counter()
        made = plan_week(plan, date(2026, 1, 1), seed=seed)
        found.append((made, perf_counter() - begin))
    return found


def main() -> int:
    """1 when a plan of ours lacks a point or takes longer than the peer may, or the median is beyond the aim."""
    plan = read_plan(read_tables(Path(sys.argv[1]) if len(sys.argv) > 1 else COUNTY)).plan
    ours = _ours(plan)
    with tempfile.TemporaryDirectory() as folder:
        peer = _peer(plan, Path(folder))
    print(f"| seed | ours, min a week | vehicle-days | s | PyVRP at {SECONDS} s | routes |\n|---|---|---|---|---|---|")
    for seed, (made, took), (drive, routes) in zip(SEEDS, ours, peer, strict=True):
        print(f"| {seed} | {made.drive_minutes} | {made.vehicle_days} | {took:.1f} | {drive} | {routes} |")
    one, other = median(made.drive_minutes for made, _ in ours), median(drive for drive, _ in peer)
    slowest, lacking = max(took for _, took in ours), sum(len(made.unserved) for made, _ in ours)
    print(
        f"| median | {one} | | {slowest:.1f} at most | {other} | |\n\nours / PyVRP = {one / other:.4f} (aim {WITHIN})"
    )
    return int(lacking > 0 or slowest > SECONDS or one > WITHIN * other)


if __name__ == "__main__":
    sys.exit(main())
