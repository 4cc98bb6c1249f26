"""`python -m benchmarks.fuzz [--seconds 60] [--to 100000] [--ledger FILE] [--only NAME ...]`.

Each target goes on where the ledger ends, in ranges, targets with the fewest inputs first, until every one has
`--to` inputs or the seconds are used. The ledger has one line a range: its seeds give the same inputs again.
"""

import argparse
import json
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, Final

from benchmarks.fuzz.run import Outcome, work
from benchmarks.fuzz.targets import targets

LEDGER: Final = Path(__file__).parents[1] / "ledgers" / "fuzz.jsonl"
RANGE: Final = 2000
SHARE_S: Final = 20.0
"""Longest time one target works before the next has its turn."""


def _done(ledger: Path) -> Counter[str]:
    """Inputs fed so far, by target."""
    done: Counter[str] = Counter()
    for line in ledger.read_text("utf-8").splitlines() if ledger.exists() else ():
        entry = json.loads(line)
        done[entry["target"]] = max(done[entry["target"]], entry["after"])
    return done


def _entry(outcome: Outcome) -> dict[str, Any]:
    return {
        "target": outcome.target,
        "first": outcome.first,
        "after": outcome.after,
        **dict(sorted(outcome.ends.items())),
        "findings": len(outcome.findings),
        "slowest_ms": round(outcome.slowest_ms),
        "growth_mib": outcome.growth_mib,
    }


def main() -> int:
    """Run; exit 1 where anything was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=0, help="stop after so many seconds; 0 goes on to the end")
    parser.add_argument("--to", type=int, default=100_000, help="inputs for each parser")
    parser.add_argument("--ledger", type=Path, default=LEDGER)
    parser.add_argument("--only", nargs="*", default=[], help="targets, as the ledger names them")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    names = options.only or list(targets())
    done = _done(options.ledger)
    end = time.monotonic() + (options.seconds or 1e9)
    totals: Counter[str] = Counter()
    findings: list[str] = []
    with ProcessPoolExecutor(options.jobs, max_tasks_per_child=1) as pool:
        while time.monotonic() < end:
            waiting = sorted((name for name in names if done[name] < options.to), key=lambda name: done[name])
            if not waiting:
                break
            share = min(SHARE_S, (end - time.monotonic()) * options.jobs / len(waiting)) if options.seconds else 1e9
            turns = [
                pool.submit(work, name, done[name], min(RANGE, options.to - done[name]), share) for name in waiting
            ]
            for turn in turns:
                outcome = turn.result()
                done[outcome.target] = outcome.after
                totals.update(outcome.ends)
                findings += outcome.findings
                with options.ledger.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(_entry(outcome)) + "\n")
                for finding in outcome.findings:
                    print(f"FOUND {finding}", flush=True)
    inputs = sum(totals.values()) + len(findings)
    ends = ", ".join(f"{count} {name}" for name, count in totals.most_common())
    print(f"fuzz: {inputs} inputs over {len(names)} parsers ({ends}): {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
