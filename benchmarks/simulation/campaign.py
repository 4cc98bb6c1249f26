"""The long form: seeds by the thousand, in processes, on from where the ledger ends."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

LEDGER: Final = Path(__file__).parents[1] / "ledgers" / "simulation.jsonl"
RANGE: Final = 10
"""Seeds of one line of the ledger."""
UNLIMITED_S: Final = 10**6  # eleven days: what `subprocess` can wait for
SLACK_S: Final = 900.0
"""A range that takes so much longer than it was given hangs."""


def entries(ledger: Path) -> list[dict[str, Any]]:
    """The ledger's lines so far."""
    if not ledger.exists():
        return []
    return [json.loads(line) for line in ledger.read_text("utf-8").splitlines()]


def _work(first: int, count: int, until: float) -> dict[str, Any]:
    """One range of seeds in a process of its own; a process that hung or died is a violation."""
    seconds = max(1.0, until - time.monotonic())
    command = [sys.executable, "-m", "benchmarks.simulation", "--range", str(first), str(count), str(seconds)]
    try:
        ended = subprocess.run(command, capture_output=True, timeout=seconds + SLACK_S, check=False)
    except subprocess.TimeoutExpired:
        return _broken(first, "no end")
    if ended.returncode:
        return _broken(first, f"exit {ended.returncode}: {ended.stderr.decode(errors='replace')[-400:]}")
    outcome: dict[str, Any] = json.loads(ended.stdout)
    return outcome


def _broken(first: int, why: str) -> dict[str, Any]:
    return {"first": first, "after": first, "vehicle_hours": 0, "violations": [f"seeds from {first}: {why}"]}


def run_campaign(ledger: Path, hours: float, seconds: float, jobs: int) -> Iterator[Mapping[str, Any]]:
    """Ranges until the ledger has `hours` vehicle-hours or the seconds are used; each is in the ledger when given."""
    before = entries(ledger)
    done = sum(each["vehicle_hours"] for each in before)
    following = max((each["after"] for each in before), default=0)
    until = time.monotonic() + (seconds or UNLIMITED_S)
    while done < hours and time.monotonic() < until:
        turns = [(following + number * RANGE, RANGE, until) for number in range(jobs)]
        following += jobs * RANGE
        with ThreadPoolExecutor(jobs) as pool:
            for outcome in pool.map(lambda turn: _work(*turn), turns):
                done += outcome["vehicle_hours"]
                with ledger.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(outcome, ensure_ascii=False) + "\n")
                yield outcome
