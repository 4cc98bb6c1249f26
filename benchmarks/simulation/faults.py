"""What goes wrong in a world, by its seed: most vehicles meet bad links only, a few worlds meet a disaster."""

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

from benchmarks.simulation.days import save_late
from benchmarks.simulation.disasters import (
    any_vehicle,
    clone_box,
    restore_box,
    restore_hospital,
    revoke_vehicle,
    sometime,
)
from benchmarks.simulation.forger import Forger
from benchmarks.simulation.strange import send_strange_down, send_strange_up
from benchmarks.simulation.world import DAY_S, HOUR_S, World
from sync.abilities import OURS

WAKING_S: Final = (7 * HOUR_S, 21 * HOUR_S)
"""When there is something to lie about."""
EVENING_S: Final = 21 * HOUR_S
"""After all of the day's work and drives."""

Fault = Callable[[World], None]


def plan_faults(world: World) -> None:
    """Put the world's faults on its calendar."""
    rng, weeks = world.rng, math.ceil(world.size.days / 7)
    for fault, chance, most in FAULTS:
        for _ in range(1 if fault in DISASTERS else weeks):
            if rng.random() < chance * world.size.harshness or fault.__name__ in world.size.sure:
                for _ in range(rng.randint(1, most)):
                    fault(world)


def noted(world: World, what: str, vehicle: str, action: Callable[[], None]) -> Callable[[], None]:
    """The action, told to the trace before it happens."""

    def begin() -> None:
        world.note(what, vehicle)
        action()

    return begin


# links


def cut(world: World) -> None:
    """A connection breaks."""
    vehicle = any_vehicle(world)
    sometime(world, noted(world, "cut", vehicle, lambda: world.net.cut(vehicle)))


def stall(world: World) -> None:
    """Nothing passes for up to two minutes."""
    vehicle, seconds = any_vehicle(world), world.rng.uniform(2.0, 120.0)
    sometime(world, noted(world, "stall", vehicle, lambda: world.net.stall(vehicle, seconds)))


def hole(world: World) -> None:
    """An open connection is silent for ever."""
    vehicle = any_vehicle(world)
    sometime(world, noted(world, "hole", vehicle, lambda: world.net.hole(vehicle)))


def bad_broker(world: World) -> None:
    """For some hours of a vehicle's life messages come late, twice, not at all, or changed."""
    vehicle, rng = any_vehicle(world), world.rng
    worse = {
        "duplicate": rng.choice((0.0, 0.3)),
        "jitter_s": rng.choice((0.0, 0.5, 20.0)),
        "loss": rng.choice((0.0, 0.0, 0.02, 0.1)),
        "corrupt": rng.choice((0.0, 0.0, 0.02)),
    }
    hours_s = rng.uniform(HOUR_S, 6 * HOUR_S)
    calm = world.boxes[vehicle].weather

    def end() -> None:
        world.set_weather(vehicle, calm)

    def begin() -> None:
        world.note("bad-broker", vehicle)
        world.set_weather(vehicle, replace(calm, **worse))
        world.net.after(hours_s, end)

    sometime(world, begin)


def bad_evening(world: World) -> None:
    """The last evening's messages are lost now and then, and no new session asks again before the judge does."""
    vehicle = any_vehicle(world)
    loss = world.rng.choice((0.1, 0.3, 0.5))

    def begin() -> None:
        world.note("bad-evening", vehicle)
        world.net.cover(vehicle, has_coverage=True)
        world.set_weather(vehicle, replace(world.boxes[vehicle].weather, loss=loss))

    world.at((world.size.days - 1) * DAY_S + EVENING_S, begin)
    for _ in range(world.rng.randint(1, 6)):
        at_s = (world.size.days - 1) * DAY_S + world.rng.uniform(EVENING_S, DAY_S)
        world.at(at_s, lambda: save_late(world, vehicle))


def slow(world: World) -> None:
    """A fast link falls to 16 kbit/s for an hour."""
    vehicle = any_vehicle(world)
    calm = world.boxes[vehicle].weather

    def begin() -> None:
        world.note("slow", vehicle)
        world.set_weather(vehicle, replace(calm, bytes_per_s=2_000, latency_s=0.6))
        world.net.after(HOUR_S, lambda: world.set_weather(vehicle, calm))

    sometime(world, begin)


def broker_restart(world: World) -> None:
    """Every connection breaks, and what the broker remembered is gone."""
    sometime(world, noted(world, "broker-restart", "", world.net.restart_broker))


def forging(world: World) -> None:
    """For a day somebody has the broker."""
    from_s = world.rng.randrange(world.size.days) * DAY_S
    forger = Forger(world, from_s, from_s + DAY_S)
    for _ in range(20):
        world.at(from_s + world.rng.uniform(*WAKING_S), forger.speak)


# machines


def kill_box(world: World) -> None:
    """Power cut at one of the next durable steps."""
    vehicle, steps = any_vehicle(world), world.rng.randint(1, 60)

    def begin() -> None:
        world.note("kill-vehicle", vehicle)
        world.boxes[vehicle].disk.kill_in(steps)

    sometime(world, begin)


def kill_hospital(world: World) -> None:
    """Power cut at one of the next durable steps."""
    steps = world.rng.randint(1, 60)
    sometime(world, noted(world, "kill-hospital", "", lambda: world.county.disk.kill_in(steps)))


def no_login(world: World) -> None:
    """The box is started and nobody logs in for hours: the courier speaks, nothing new is recorded."""
    vehicle, hours_s = any_vehicle(world), world.rng.uniform(HOUR_S, 10 * HOUR_S)

    def begin() -> None:
        world.note("no-login", vehicle)
        box = world.boxes[vehicle]
        box.power_off()
        world.start(box, login=False)
        world.net.after(hours_s, lambda: world.start(box))

    sometime(world, begin)


def full_box(world: World) -> None:
    """For a while nothing more fits on the vehicle's disk."""
    vehicle, seconds = any_vehicle(world), world.rng.uniform(60.0, 3 * HOUR_S)

    def fill(*, is_full: bool) -> None:
        world.note("full-vehicle" if is_full else "room-again", vehicle)
        world.boxes[vehicle].disk.is_full = is_full
        if is_full:
            world.net.after(seconds, partial(fill, is_full=False))

    sometime(world, partial(fill, is_full=True))


def full_hospital(world: World) -> None:
    """For a while nothing more fits on the hospital's disk."""
    seconds = world.rng.uniform(60.0, 3 * HOUR_S)

    def fill(*, is_full: bool) -> None:
        world.note("full-hospital" if is_full else "room-again")
        world.county.disk.is_full = is_full
        if is_full:
            world.net.after(seconds, partial(fill, is_full=False))

    sometime(world, partial(fill, is_full=True))


def clock_jump(world: World) -> None:
    """A vehicle's clock shows 1970, or twenty years ahead."""
    vehicle = any_vehicle(world)
    shown = world.rng.choice((datetime(1970, 1, 1, tzinfo=UTC), None))

    def begin() -> None:
        world.note("clock-jump", vehicle)
        clock = world.boxes[vehicle].clock
        if shown is None:
            clock.error = timedelta(days=365 * 20)
        else:
            clock.show(shown)
        world.net.after(world.rng.uniform(HOUR_S, DAY_S), back)

    def back() -> None:
        world.boxes[vehicle].clock.error = timedelta()

    sometime(world, begin)


# versions


def upgrade(world: World) -> None:
    """The vehicle's program is replaced by ours; what it held for being too new is looked at again."""
    vehicle = any_vehicle(world)

    def begin() -> None:
        box = world.boxes[vehicle]
        box.power_off()
        box.abilities = OURS
        world.start(box)

    sometime(world, noted(world, "upgrade", vehicle, begin))


def strangers(world: World) -> None:
    """A newer vehicle's record needs what this hospital lacks; a newer hospital's what this vehicle lacks (rule 15)."""
    vehicle = any_vehicle(world)
    sometime(world, lambda: send_strange_up(world, vehicle))
    sometime(world, lambda: send_strange_down(world, vehicle))


FAULTS: Final[tuple[tuple[Fault, float, int], ...]] = (
    (cut, 0.8, 6),
    (stall, 0.6, 3),
    (hole, 0.6, 3),
    (bad_broker, 0.5, 2),
    (bad_evening, 0.2, 1),
    (slow, 0.3, 1),
    (broker_restart, 0.4, 2),
    (forging, 0.35, 1),
    (kill_box, 0.5, 4),
    (kill_hospital, 0.5, 4),
    (no_login, 0.3, 2),
    (full_box, 0.2, 1),
    (full_hospital, 0.2, 1),
    (clock_jump, 0.25, 2),
    (upgrade, 0.3, 2),
    (strangers, 0.3, 1),
    (restore_hospital, 0.25, 2),
    (restore_box, 0.2, 1),
    (clone_box, 0.15, 1),
    (revoke_vehicle, 0.1, 1),
)
"""Fault, the chance that a world's week has it, and how often at most."""
DISASTERS: Final = (bad_evening, restore_hospital, restore_box, clone_box, revoke_vehicle)
"""These come once in a world, however long it is."""
