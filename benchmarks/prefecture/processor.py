"""Processor time of each part, children that ended included: what bounds a run is seen from these beside the cores."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec
import psutil  # type: ignore[import-untyped]  # no type information is published for it

WORKERS: Final = "workers"
_PARTS: Final = {"broker": "broker", "web": "pages"}
"""Child of the hospital's supervisor -> part of the run; every other child is a worker."""


def _tree_s(pid: int) -> float:
    """User and system seconds of a process, of its descendants, and of those that ended and were waited for."""
    process = psutil.Process(pid)
    total = 0.0
    for each in [process, *process.children(recursive=True)]:
        times = each.cpu_times()
        total += times.user + times.system + times.children_user + times.children_system
    return total


def processor_s(run_folder: Path, postmaster: int) -> dict[str, float]:
    """Seconds so far of broker, workers and pages, as `pids.json` in `run_folder` names them, and of PostgreSQL."""
    pids = msgspec.json.decode((run_folder / "pids.json").read_bytes(), type=dict[str, int])
    found = {"broker": 0.0, WORKERS: 0.0, "pages": 0.0, "PostgreSQL": _tree_s(postmaster)}
    for name, pid in pids.items():
        if name == "supervisor":  # all the others are its children
            continue
        found[_PARTS.get(name, WORKERS)] += _tree_s(pid)
    return found


def since(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """What was spent between two readings."""
    return {name: after[name] - before[name] for name in before}
