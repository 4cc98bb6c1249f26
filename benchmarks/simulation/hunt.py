"""The hunt for one planted bug: harsh worlds, seed by seed, until one of them accuses."""

from pathlib import Path

from benchmarks.simulation.planted import Planted
from benchmarks.simulation.run import HARSH, Verdict, simulate


def hunt(bug: Planted, shop: Path, seeds: int, first: int = 0) -> Verdict | None:
    """The first world that shows the bug; None where none of `seeds` worlds does."""
    for seed in range(first, first + seeds):
        with bug.put():
            verdict = simulate(seed, shop, size=HARSH, ends_at_first=True)
        if verdict.violations:
            return verdict
    return None
