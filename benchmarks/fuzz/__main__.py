"""`python -m benchmarks.fuzz [--seconds 0] [--to 100000] [--ledger FILE] [--only NAME ...] [--jobs 2]`.

Each target goes on where the ledger ends, in ranges, targets with the fewest inputs first, until every one has
`--to` inputs or the seconds are used. The ledger has one line a range; the same seeds and corpus give the same inputs.
"""

import argparse
import hashlib
import json
import pickle
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from benchmarks.fuzz.targets import targets
from benchmarks.fuzz.work import work

LEDGER: Final = Path(__file__).parents[1] / "ledgers" / "fuzz.jsonl"
RANGE: Final = 25_000
UNLIMITED_S: Final = 1200.0


def _done(ledger: Path) -> Counter[str]:
    """Inputs fed so far, by target."""
    done: Counter[str] = Counter()
    for line in ledger.read_text("utf-8").splitlines() if ledger.exists() else ():
        entry = json.loads(line)
        done[entry["target"]] = max(done[entry["target"]], entry["after"])
    return done


def _entry(outcome: Mapping[str, Any], corpus: str) -> dict[str, Any]:
    return {
        "target": outcome["target"],
        "first": outcome["first"],
        "after": outcome["after"],
        **dict(sorted(outcome["ends"].items())),
        "findings": len(outcome["findings"]),
        "slowest_ms": round(outcome["slowest_ms"]),
        "growth_mib": outcome["growth_mib"],
        "corpus": corpus,
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
    wanted = {name: target for name, target in targets().items() if not options.only or name in options.only}
    corpora = {name: target.corpus() for name, target in wanted.items()}
    marks = {name: hashlib.sha256(b"\0".join(corpus)).hexdigest()[:8] for name, corpus in corpora.items()}
    done, totals, findings = _done(options.ledger), Counter[str](), list[str]()
    end = time.monotonic() + (options.seconds or 1e9)

    def take(turn: tuple[Path, str, int, int, float]) -> dict[str, Any]:
        return work(*turn)

    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(options.jobs) as pool:
        file = Path(folder) / "corpora"
        file.write_bytes(pickle.dumps(corpora))
        while time.monotonic() < end:
            waiting = sorted((name for name in wanted if done[name] < options.to), key=lambda name: done[name])
            if not waiting:
                break
            share = (end - time.monotonic()) * options.jobs / len(waiting) if options.seconds else UNLIMITED_S
            turns = [(file, name, done[name], min(RANGE, options.to - done[name]), share) for name in waiting]
            for outcome in pool.map(take, turns):
                done[outcome["target"]] = outcome["after"]
                totals.update(outcome["ends"])
                findings += outcome["findings"]
                with options.ledger.open("a", encoding="utf-8") as ledger:
                    ledger.write(json.dumps(_entry(outcome, marks[outcome["target"]])) + "\n")
                for finding in outcome["findings"]:
                    print(f"FOUND {finding}", flush=True)
            if options.seconds:
                break
    ends = ", ".join(f"{count} {name}" for name, count in totals.most_common())
    inputs = sum(totals.values()) + len(findings)
    print(f"fuzz: {inputs} inputs over {len(wanted)} parsers ({ends}): {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
