"""`python -m benchmarks.prefecture [--vehicles 64] [--workers 1,4] [--seed 20261123] [--tls] [--dry]`.

Each number of workers is one run on a fresh database, with what disk and database give at most measured before it.
Runs go to benchmarks/ledgers/prefecture.jsonl, the last of each number of workers into docs/BENCHMARKS.md; with
`--dry` neither. Exit code 1 where anything was lost, doubled, made up, altered or stuck.
"""

import argparse
import os
import sys
from pathlib import Path
from typing import Final

from benchmarks.prefecture.database import postgresql
from benchmarks.prefecture.limits import limits
from benchmarks.prefecture.page import put_page
from benchmarks.prefecture.run import Evening, Plan, as_line, run_evening, scratch

LEDGER: Final = Path(__file__).parents[1] / "ledgers" / "prefecture.jsonl"
BOUND_S: Final = 1.5
"""Seconds for each upper bound."""


def main() -> int:
    """The command; returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.prefecture", description=__doc__.splitlines()[0])
    parser.add_argument("--vehicles", type=int, default=64)
    parser.add_argument("--workers", default="1,4", help="numbers of workers, one run each")
    parser.add_argument("--seed", type=int, default=20261123)
    parser.add_argument("--limit-s", type=float, default=900.0)
    parser.add_argument("--tls", action="store_true", help="vehicles and workers speak TLS 1.3 with the broker")
    parser.add_argument("--dry", action="store_true", help="write neither ledger nor page")
    asked = parser.parse_args()
    is_clean = True
    with postgresql() as server:
        for workers in map(int, asked.workers.split(",")):
            load = os.getloadavg()[0]
            with scratch() as folder:
                bounds = limits(Path(folder), server.database(f"bounds{workers}"), BOUND_S)
                plan = Plan(asked.vehicles, workers, asked.seed, asked.limit_s, asked.tls)
                evening = run_evening(server, Path(folder), plan)
            is_clean = is_clean and evening.judged.is_clean
            line = as_line(evening, load, bounds, asked.seed)
            print(f"seed {asked.seed}, {evening.files} files: {_summary(evening)}\n{line}", end="", flush=True)
            if not asked.dry:
                with LEDGER.open("a", encoding="utf-8") as ledger:
                    ledger.write(line)
    if not asked.dry:
        put_page(LEDGER)
    return 0 if is_clean else 1


def _summary(evening: Evening) -> str:
    judged = evening.judged
    took = "never complete" if evening.seconds is None else f"{evening.seconds:.1f} s"
    verdict = f"lost {judged.lost} doubled {judged.doubled} phantom {judged.phantom} altered {judged.altered}"
    spent = ", ".join(f"{name} {seconds:.1f}" for name, seconds in evening.cpu_s.items())
    how = f"{evening.vehicles} vehicles, {evening.workers} workers{', TLS' if evening.is_tls else ''}"
    return f"{how}: {took}, {verdict} stuck {judged.stuck}; processor s: {spent}"


if __name__ == "__main__":
    sys.exit(main())
