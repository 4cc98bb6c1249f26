"""kill -9 over PostgreSQL, workers and broker while vehicles come home: nothing lost, nothing twice.

    python -m benchmarks.prefecture.kill [--evenings 20] [--seed 1] [--ledger FILE] [--budget-s 0]

Each evening is a hospital of its own with two workers, vehicles and kills from one seed. The ledger has a line an
evening, and those seeds are not run again. Exit code 1 where anything was lost, doubled, made up, altered or stuck.
"""

import argparse
import json
import os
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Final

from benchmarks.prefecture.database import Server, postgresql
from benchmarks.prefecture.evening import Day
from benchmarks.prefecture.run import Evening, Plan, as_line, run_evening, scratch

LEDGER: Final = Path(__file__).parents[1] / "ledgers" / "prefecture-kill.jsonl"
DAY: Final = Day(people=25, recordings=60, pictures=1)
VEHICLES: Final = 6
KILLS: Final = 12
LIMIT_S: Final = 240.0


def killed_evening(
    server: Server, seed: int, *, vehicles: int = VEHICLES, kills: int = KILLS, day: Day = DAY
) -> Evening:
    """One evening, judged."""
    plan = Plan(vehicles, 2, seed, LIMIT_S, is_tls=False, day=day, kills=kills)
    with scratch() as folder:
        return run_evening(server, Path(folder), plan)


def main() -> int:
    """The command; returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.prefecture.kill", description=__doc__.splitlines()[0])
    parser.add_argument("--evenings", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1, help="of the first evening")
    parser.add_argument("--ledger", type=Path, default=LEDGER)
    parser.add_argument("--budget-s", type=float, default=0, help="begin no further evening after so many seconds")
    asked = parser.parse_args()
    lines = asked.ledger.read_text("utf-8").splitlines() if asked.ledger.exists() else []
    done = {int(json.loads(line)["seed"]) for line in lines}
    began, is_clean, kills = time.monotonic(), True, Counter[str]()
    with postgresql() as server:
        for seed in range(asked.seed, asked.seed + asked.evenings):
            if seed in done or (asked.budget_s and time.monotonic() - began > asked.budget_s):
                continue
            load = os.getloadavg()[0]
            evening = killed_evening(server, seed)
            with asked.ledger.open("a", encoding="utf-8") as ledger:
                ledger.write(as_line(evening, load, {}, seed))
            kills.update(evening.kills)
            is_clean = is_clean and evening.judged.is_clean and evening.seconds is not None
            print(f"seed {seed}: {evening.files} files, kills {evening.kills}, {evening.judged}", flush=True)
    print(f"seeds {asked.seed} to {asked.seed + asked.evenings - 1}: {kills.total()} kills now, {dict(kills)}")
    return 0 if is_clean else 1


if __name__ == "__main__":
    sys.exit(main())
