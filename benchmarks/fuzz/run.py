"""Runs a range of seeds of one target inside limits, and says what it met."""

import resource
import signal
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Final

from benchmarks.fuzz.mutate import mutated
from benchmarks.fuzz.targets import Target
from clinic_records.errors import BadFrame, RefusedInput

HANG_S: Final = 2.0
"""Seconds of processor time; the wall's clock would blame a parser for its neighbours."""
GROWTH_MIB: Final = 64
"""Largest growth of the process over what it had after its first inputs."""
_WARM: Final = 50
_TAKEN: Final = (BadFrame, RefusedInput)
"""What intake makes a quarantine entry of; anything else escaped."""


class Hang(BaseException):
    """An input took longer than HANG_S."""


@dataclass
class Outcome:
    """What one range of seeds met.

    Attributes:
        ends: `decoded`, `BadFrame`, `RefusedInput` -> how many inputs ended so.
        findings: seed and what went wrong, for a person.
    """

    target: str
    first: int
    after: int
    ends: dict[str, int] = field(default_factory=dict)
    findings: list[str] = field(default_factory=list)
    slowest_ms: float = 0.0
    growth_mib: int = 0


def run_range(
    name: str, target: Target, corpus: tuple[bytes, ...], seeds: range, go_on: Callable[[], bool] = lambda: True
) -> Outcome:
    """Feed the inputs of `seeds`; fewer where `go_on` says so."""
    first = seeds.start
    outcome = Outcome(name, first, first)
    base = 0
    for seed in seeds:
        if not go_on():
            break
        raw = mutated(name, seed, corpus)
        _one(outcome, target, seed, target.heal(raw) if seed % 2 else raw)
        outcome.after = seed + 1
        if seed - first == _WARM:
            base = _peak_mib()
        if base:
            outcome.growth_mib = _peak_mib() - base
            if outcome.growth_mib > GROWTH_MIB:
                outcome.findings.append(f"{name} seed {seed}: the process grew by {outcome.growth_mib} MiB")
                base += outcome.growth_mib
    return outcome


def _one(outcome: Outcome, target: Target, seed: int, raw: bytes) -> None:
    started = time.process_time()
    try:
        with _limit(HANG_S):
            target.feed(raw, seed)
        _count(outcome, "decoded")
    except _TAKEN as error:
        _count(outcome, type(error).__name__)
    except Hang:
        outcome.findings.append(f"{outcome.target} seed {seed}: longer than {HANG_S} s")
    except Exception as error:  # noqa: BLE001  what escapes is what we look for
        where = traceback.extract_tb(error.__traceback__)[-1]
        outcome.findings.append(
            f"{outcome.target} seed {seed}: {type(error).__name__}: {error} in {where.filename}:{where.lineno}"
        )
    outcome.slowest_ms = max(outcome.slowest_ms, (time.process_time() - started) * 1000)


def _count(outcome: Outcome, end: str) -> None:
    outcome.ends[end] = outcome.ends.get(end, 0) + 1


@contextmanager
def _limit(seconds: float) -> Iterator[None]:
    def ring(_: int, __: FrameType | None) -> None:
        raise Hang

    before = signal.signal(signal.SIGPROF, ring)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def _peak_mib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
