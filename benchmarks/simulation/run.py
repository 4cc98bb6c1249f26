"""One seed from its world to its verdict."""

import random
import shutil
import tempfile
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from benchmarks.simulation.chance import seeded
from benchmarks.simulation.county import make_template
from benchmarks.simulation.days import plan_days
from benchmarks.simulation.disk import watched_disks
from benchmarks.simulation.faults import plan_faults
from benchmarks.simulation.inline import without_threads
from benchmarks.simulation.judge import judge, watch_alarms
from benchmarks.simulation.trace import Trace
from benchmarks.simulation.world import DAY_S, HOUR_S, Ended, Size, World

MEMORY_DISK: Final = Path("/dev/shm")  # noqa: S108  # only where the machine has one; what lies there is for one run
HARSH: Final = Size(vehicles=2, days=2, encounters=4, bulk=0.5, harshness=2.5)
"""Where planted bugs are looked for: nearly every fault there is, in two days of two vehicles."""


@dataclass
class Verdict:
    """What one seed showed."""

    seed: int
    digest: str
    vehicle_hours: float
    events: int
    made: int
    faults: dict[str, int]
    violations: list[str]
    lines: list[str] = field(default_factory=list)
    seconds: float = 0.0


@contextmanager
def workshop() -> Iterator[Path]:
    """A folder for worlds, in memory where there is room, with the empty hospital all of them begin from."""
    parent = MEMORY_DISK if MEMORY_DISK.is_dir() else None
    folder = Path(tempfile.mkdtemp(prefix="clinic-simulation-", dir=parent))
    try:
        with seeded("template"), watched_disks():
            make_template(folder / "template")
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def size_of(seed: int) -> Size:
    """Worlds differ: some are harsh, some are one full clinic day, most are weeks of a thinly used fleet."""
    rng = random.Random(f"size/{seed}")  # noqa: S311  # to be repeated, no secret
    kind = rng.random()
    if kind < 0.1:
        return HARSH
    if kind < 0.15:
        return Size(vehicles=rng.randint(2, 3), days=1, encounters=40, bulk=1.0)
    few = rng.randint(1, 3)
    return Size(vehicles=rng.randint(1, 3), days=rng.randint(14, 42), encounters=few, stops_a_day=0.6, bulk=0.02)


def simulate(
    seed: int, shop: Path, *, size: Size | None = None, keeps_all: bool = False, ends_at_first: bool = False
) -> Verdict:
    """Run the world of `seed` and judge it, to its end or to the first promise that is broken."""
    size = size or size_of(seed)
    folder = shop / f"world-{seed}"
    trace = Trace(keeps_all=keeps_all)
    began = time.perf_counter()
    with seeded(str(seed)) as rng, watched_disks(), without_threads():
        world = World(seed, folder, shop / "template", rng, trace, size)
        world.ends_at_first = ends_at_first
        try:
            plan_days(world)
            plan_faults(world)
            watch_alarms(world)
            world.run_for(size.days * DAY_S)
            judge(world)
        except Ended:
            pass
        except Exception as error:  # noqa: BLE001  # whatever escapes the product is a finding of this seed
            where = traceback.extract_tb(error.__traceback__)[-1]
            world.ends_at_first = False
            world.accuse(f"crash: {type(error).__name__}: {error} at {Path(where.filename).name}:{where.lineno}")
        finally:
            hours = world.now_s / HOUR_S * size.vehicles
            world.close()
            shutil.rmtree(folder, ignore_errors=True)
    return Verdict(
        seed=seed,
        digest=trace.digest,
        vehicle_hours=round(hours, 1),
        events=trace.events,
        made=sum(made.is_promised for made in world.truth.made.values()),
        faults=dict(sorted(world.truth.happened.items())),
        violations=world.violations,
        lines=list(trace.lines),
        seconds=time.perf_counter() - began,
    )
