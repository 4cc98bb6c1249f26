"""A clinic works while every connection to its hospital meets a fault and processes are killed with signal 9.

    python -m benchmarks.fault_sessions [--sessions 1000] [--kills 300] [--seed 1] [--ledger FILE] [--budget-s 0]

A batch of cycles is one lab of the kill test, on a road that resets, closes, stalls, swallows, bends, slows or refuses
its connections (`benchmarks/fault_road.py`); a session is one connection. Then the road is calm, and what devices and
the nurse were told is compared with what the hospital holds. Whatever has not arrived by then is stuck. The ledger has
one line a batch; those seeds are not run again.
"""

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any, Final, cast

from benchmarks.fault_road import FaultRoad
from benchmarks.kill_test import Batch
from benchmarks.told import Verdict
from clinic_records.errors import ClinicError
from commands.demo.lab import Lab
from commands.demo.link import Link

CYCLES: Final = 15
LEDGER: Final = Path(__file__).parent / "ledgers" / "fault_sessions.jsonl"
VERDICTS: Final = ("lost", "duplicated", "phantom", "altered", "stuck")


class FaultBatch(Batch):
    """The kill test's batch; at its end the road is calmed first."""

    def __init__(self, lab: Lab, seed: int, road: FaultRoad) -> None:
        super().__init__(lab, seed)
        self._road = road
        self.stuck = 0

    def settle(self) -> None:
        """All that was told arrives now, or is stuck."""
        self._road.calm()
        try:
            super().settle()
        except ClinicError:
            total = self._lab.desk("status")["sync"]["total"]
            self.stuck = max(1, int(total["queued"]) + int(total["sending"]) + int(total["refused"]))


def run_batch(seed: int, cycles: int) -> dict[str, Any]:
    """One batch in a lab of its own; its line for the ledger."""
    root = Path(tempfile.mkdtemp(prefix="fault-"))
    lab = Lab(root)
    road = FaultRoad(("127.0.0.1", lab.broker_port), seed)
    lab.link = cast(Link, road)  # it has all that a lab asks of its link
    started = time.monotonic()
    batch = FaultBatch(lab, seed, road)
    try:
        verdict = batch.run(cycles)
    finally:
        lab.tear_down()
    counts = _counts(verdict, batch.stuck)
    if any(counts.values()):
        print(f"what went wrong is kept in {root}: {verdict.__dict__}, {batch.stuck} stuck", file=sys.stderr)
    else:
        shutil.rmtree(root, ignore_errors=True)
    return {
        "seed": seed,
        "cycles": cycles,
        "sessions": road.sessions,
        "fates": dict(sorted(road.fates.items())),
        "kills": dict(sorted(batch.kills.items())),
        "told": len(batch.told),
        **counts,
        "seconds": round(time.monotonic() - started),
    }


def _counts(verdict: Verdict, stuck: int) -> dict[str, int]:
    found = {name: len(getattr(verdict, name)) for name in VERDICTS if name != "stuck"}
    return {**found, "stuck": stuck}


def _table(done: list[dict[str, Any]]) -> str:
    """The verdict table over all batches."""
    fates: Counter[str] = Counter()
    kills: Counter[str] = Counter()
    for line in done:
        fates.update(line["fates"])
        kills.update(line["kills"])
    rows = [f"| {name} | {sum(line[name] for line in done)} |" for name in VERDICTS]
    seeds = f"seeds {done[0]['seed']} to {done[-1]['seed']}" if done else "no seed"
    head = (
        f"{seeds}: {fates.total()} sessions {dict(sorted(fates.items()))}, {kills.total()} kills "
        f"{dict(sorted(kills.items()))}, {sum(line['told'] for line in done)} acknowledgements checked"
    )
    return "\n".join([head, "| verdict | count |", "|---|---|", *rows])


def main() -> int:
    """Run what the ledger lacks; 0 when nothing was ever lost, doubled, invented, altered or stuck."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cycles", type=int, default=CYCLES, help="visits, and kills, of one batch")
    parser.add_argument("--ledger", type=Path, default=LEDGER)
    parser.add_argument("--budget-s", type=float, default=0, help="stop after the batch that passes this; 0: no limit")
    asked = parser.parse_args()
    asked.ledger.parent.mkdir(parents=True, exist_ok=True)
    done = [json.loads(line) for line in asked.ledger.read_text("ascii").splitlines()] if asked.ledger.exists() else []
    seed = max([asked.seed, *(line["seed"] + 1 for line in done)])
    started = time.monotonic()

    def is_enough() -> bool:
        sessions = sum(int(line["sessions"]) for line in done)
        kills = sum(sum(map(int, line["kills"].values())) for line in done)
        return sessions >= int(asked.sessions) and kills >= int(asked.kills)

    while not is_enough() and not (asked.budget_s and time.monotonic() - started > asked.budget_s):
        line = run_batch(seed, asked.cycles)
        with asked.ledger.open("a", encoding="ascii") as ledger:
            ledger.write(json.dumps(line) + "\n")
        print(json.dumps(line), flush=True)
        done.append(line)
        seed += 1
    print(_table(done))
    return 1 if any(line[name] for line in done for name in VERDICTS) or not is_enough() else 0


if __name__ == "__main__":
    sys.exit(main())
