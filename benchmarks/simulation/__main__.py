"""`python -m benchmarks.simulation [--hours H] [--seconds S] [--jobs 2]`, `--seed N [--harsh] [--trace]`, `--planted`.

Without a choice: the long form, on from where `benchmarks/ledgers/simulation.jsonl` ends. A violation prints its seed;
`--seed N --trace` shows that world event by event. `--planted` switches one rule of the product off at a time and
prints at which seed that was found, on from where `benchmarks/ledgers/planted.jsonl` ends.
"""

import argparse
import json
import logging
import sys
import time
from pathlib import Path
from typing import Any

import structlog

from benchmarks.simulation.campaign import LEDGER, entries, run_campaign
from benchmarks.simulation.hunt import LEDGER as HUNTS
from benchmarks.simulation.hunt import hunt_all
from benchmarks.simulation.planted import PLANTED
from benchmarks.simulation.run import HARSH, Verdict, simulate, workshop


def _be_quiet() -> None:
    logging.disable(logging.CRITICAL)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


def _range(first: int, count: int, seconds: float) -> dict[str, Any]:
    """What a range of seeds showed, as one line of the ledger."""
    until, verdicts = time.monotonic() + seconds, list[Verdict]()
    with workshop() as shop:
        for seed in range(first, first + count):
            verdicts.append(simulate(seed, shop))
            if time.monotonic() > until:
                break
    faults: dict[str, int] = {}
    for each in verdicts:
        for name, times in each.faults.items():
            faults[name] = faults.get(name, 0) + times
    return {
        "first": first,
        "after": first + len(verdicts),
        "stores": "sql",
        "vehicle_hours": round(sum(each.vehicle_hours for each in verdicts), 1),
        "made": sum(each.made for each in verdicts),
        "events": sum(each.events for each in verdicts),
        "faults": dict(sorted(faults.items())),
        "violations": [f"seed {each.seed}: {what}" for each in verdicts for what in each.violations],
        "seconds": round(sum(each.seconds for each in verdicts), 1),
    }


def _show(verdict: Verdict, *, is_whole: bool) -> None:
    if is_whole or verdict.violations:
        print("\n".join(verdict.lines))
    print(
        f"seed {verdict.seed}: trace {verdict.digest}, {verdict.vehicle_hours} vehicle-hours, {verdict.made} things,"
        f" {verdict.events} events, faults {verdict.faults}: {len(verdict.violations)} violations"
    )
    for what in verdict.violations:
        print(f"  {what}")


def _one(seed: int, *, is_harsh: bool, is_whole: bool) -> int:
    with workshop() as shop:
        verdict = simulate(seed, shop, size=HARSH if is_harsh else None, keeps_all=is_whole)
    _show(verdict, is_whole=is_whole)
    return 1 if verdict.violations else 0


def _planted(ledger: Path, seeds: int, only: list[str]) -> int:
    missed = 0
    wanted = tuple(bug for bug in PLANTED if not only or any(word in bug.name for word in only))
    print("| planted bug | rule | found at seed | by |\n|---|---|---|---|")
    with workshop() as shop:
        for each in hunt_all(wanted, shop, seeds, ledger):
            missed += each.seed is None
            at = f"none of {each.tried}" if each.seed is None else str(each.seed)
            print(f"| {each.bug} | {each.rule} | {at} | {each.by[:100]} |", flush=True)
            for seed in each.broken:
                print(f"FOUND seed {seed} accuses without any bug planted", flush=True)
    print(f"{len(wanted) - missed} of {len(wanted)} found, each within {seeds} seeds; {missed} not")
    return 1 if missed else 0


def _campaign(ledger: Path, hours: float, seconds: float, jobs: int) -> int:
    found = 0
    for outcome in run_campaign(ledger, hours, seconds, jobs):
        found += len(outcome["violations"])
        for what in outcome["violations"]:
            print(f"FOUND {what}", flush=True)
    lines = entries(ledger)
    total = sum(each["vehicle_hours"] for each in lines)
    broken = sum(len(each["violations"]) for each in lines)
    print(f"simulation: {total:.0f} vehicle-hours over the ledger, {broken} violations; {found} of them now")
    return 1 if found else 0


def main() -> int:
    """Run what was asked for; exit 1 where a promise was broken or a planted bug was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, default=1_000_000, help="vehicle-hours the ledger shall have")
    parser.add_argument("--seconds", type=float, default=0, help="stop after so many seconds; 0 goes on to the end")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--ledger", type=Path, help="another one than the repository's")
    parser.add_argument("--seed", type=int, help="one world only")
    parser.add_argument(
        "--harsh", action="store_true", help="that seed's harsh world, as planted bugs are looked for in"
    )
    parser.add_argument("--trace", action="store_true", help="print its every event")
    parser.add_argument("--planted", action="store_true", help="one planted bug after the other")
    parser.add_argument("--only", nargs="*", default=[], help="planted bugs whose names have one of these words")
    parser.add_argument("--seeds", type=int, default=100, help="seeds within which a planted bug must be found")
    parser.add_argument("--range", nargs=3, type=float, help=argparse.SUPPRESS)
    options = parser.parse_args()
    _be_quiet()
    if options.range:
        print(json.dumps(_range(int(options.range[0]), int(options.range[1]), options.range[2]), ensure_ascii=False))
        return 0
    if options.seed is not None:
        return _one(options.seed, is_harsh=options.harsh, is_whole=options.trace)
    if options.planted:
        return _planted(options.ledger or HUNTS, options.seeds, options.only)
    return _campaign(options.ledger or LEDGER, options.hours, options.seconds, options.jobs)


if __name__ == "__main__":
    sys.exit(main())
