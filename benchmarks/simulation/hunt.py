"""The hunt for planted bugs: harsh worlds, seed by seed, until one of them accuses that is quiet without the bug."""

import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

from benchmarks.simulation.planted import Planted
from benchmarks.simulation.run import HARSH, simulate
from benchmarks.simulation.world import Size

LEDGER: Final = Path(__file__).parents[1] / "ledgers" / "planted.jsonl"


@dataclass(frozen=True)
class Hunted:
    """How a bug's hunt stands.

    Attributes:
        tried: worlds tried so far, from seed 0.
        seed: the world that showed it; None where none did.
        by: what that world accused of first.
        broken: seeds that accuse without the bug too: findings of their own.
    """

    bug: str
    rule: str
    tried: int
    seed: int | None
    by: str
    broken: tuple[int, ...] = ()
    seconds: float = 0.0


def ground(bug: Planted) -> Size:
    """Two days of two vehicles in which the bug's hazards are sure to come, and others may."""
    return replace(HARSH, harshness=0.5, sure=tuple(each.__name__ for each in bug.hazards))


def hunt(bug: Planted, shop: Path, seeds: int, first: int = 0) -> Hunted:
    """Worlds from `first` on until one shows the bug, up to seed `seeds`."""
    size, began = ground(bug), time.process_time()
    broken: list[int] = []
    for seed in range(first, seeds):
        with bug.put():
            violations = simulate(seed, shop, size=size, ends_at_first=True).violations
        if violations and not simulate(seed, shop, size=size, ends_at_first=True).violations:
            spent = round(time.process_time() - began, 1)
            return Hunted(bug.name, bug.rule, seed + 1, seed, violations[0], tuple(broken), spent)
        if violations:
            broken.append(seed)
    spent = round(time.process_time() - began, 1)
    return Hunted(bug.name, bug.rule, seeds, None, "", tuple(broken), spent)


def hunted(ledger: Path) -> dict[str, Hunted]:
    """How each bug's hunt stands, by the ledger; later lines count."""
    if not ledger.exists():
        return {}
    lines = [json.loads(line) for line in ledger.read_text("utf-8").splitlines()]
    return {line["bug"]: Hunted(**{**line, "broken": tuple(line["broken"])}) for line in lines}


def hunt_all(bugs: tuple[Planted, ...], shop: Path, seeds: int, ledger: Path) -> Iterator[Hunted]:
    """Each bug that the ledger does not show as found is hunted on from where it stopped, and noted when done."""
    before = hunted(ledger)
    for bug in bugs:
        known = before.get(bug.name)
        if known is not None and (known.seed is not None or known.tried >= seeds):
            yield known
            continue
        now = hunt(bug, shop, seeds, 0 if known is None else known.tried)
        with ledger.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(now), ensure_ascii=False) + "\n")
        yield now
