"""What goes wrong in a world, by its seed: most vehicles meet bad links only, a few worlds meet a disaster."""

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

EVENING_S: Final = 21 * HOUR_S
"""After all of the day's work and drives."""

Fault = Callable[[World], None]


def plan_faults(world: World) -> None:
    """Put the world's faults on its calendar."""
    rng = world.rng
    for fault, chance, most in FAULTS:
        if rng.random() < chance * world.size.harshness:
            for _ in range(rng.randint(1, most)):
                fault(world)


def noted(world: World, what: str, vehicle: str, action: Callable[[], None]) -> Callable[[], None]:
    """The action, told to the trace before it happens."""

    def begin() -> None:
        world.note(what, vehicle)
        action()

    return begin


# links


def _cut(world: World) -> None:
    vehicle = any_vehicle(world)
    sometime(world, noted(world, "cut", vehicle, lambda: world.net.cut(vehicle)))


def _stall(world: World) -> None:
    vehicle, seconds = any_vehicle(world), world.rng.uniform(2.0, 120.0)
    sometime(world, noted(world, "stall", vehicle, lambda: world.net.stall(vehicle, seconds)))


def _hole(world: World) -> None:
    vehicle = any_vehicle(world)
    sometime(world, noted(world, "hole", vehicle, lambda: world.net.hole(vehicle)))


def _bad_broker(world: World) -> None:
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


def _bad_evening(world: World) -> None:
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


def _slow(world: World) -> None:
    """A fast link falls to 16 kbit/s for an hour."""
    vehicle = any_vehicle(world)
    calm = world.boxes[vehicle].weather

    def begin() -> None:
        world.note("slow", vehicle)
        world.set_weather(vehicle, replace(calm, bytes_per_s=2_000, latency_s=0.6))
        world.net.after(HOUR_S, lambda: world.set_weather(vehicle, calm))

    sometime(world, begin)


def _broker_restart(world: World) -> None:
    sometime(world, noted(world, "broker-restart", "", world.net.restart_broker))


def _forging(world: World) -> None:
    forger = Forger(world)
    for _ in range(20):
        sometime(world, forger.speak)


# machines


def _kill_box(world: World) -> None:
    vehicle, steps = any_vehicle(world), world.rng.randint(1, 60)

    def begin() -> None:
        world.note("kill-vehicle", vehicle)
        world.boxes[vehicle].disk.kill_in(steps)

    sometime(world, begin)


def _kill_hospital(world: World) -> None:
    steps = world.rng.randint(1, 60)
    sometime(world, noted(world, "kill-hospital", "", lambda: world.county.disk.kill_in(steps)))


def _no_login(world: World) -> None:
    """The box is started and nobody logs in for hours: the courier speaks, nothing new is recorded."""
    vehicle, hours_s = any_vehicle(world), world.rng.uniform(HOUR_S, 10 * HOUR_S)

    def begin() -> None:
        world.note("no-login", vehicle)
        box = world.boxes[vehicle]
        box.power_off()
        world.start(box, login=False)
        world.net.after(hours_s, lambda: world.start(box))

    sometime(world, begin)


def _full_box(world: World) -> None:
    vehicle, seconds = any_vehicle(world), world.rng.uniform(60.0, 3 * HOUR_S)

    def fill(*, is_full: bool) -> None:
        world.note("full-vehicle" if is_full else "room-again", vehicle)
        world.boxes[vehicle].disk.is_full = is_full
        if is_full:
            world.net.after(seconds, partial(fill, is_full=False))

    sometime(world, partial(fill, is_full=True))


def _full_hospital(world: World) -> None:
    seconds = world.rng.uniform(60.0, 3 * HOUR_S)

    def fill(*, is_full: bool) -> None:
        world.note("full-hospital" if is_full else "room-again")
        world.county.disk.is_full = is_full
        if is_full:
            world.net.after(seconds, partial(fill, is_full=False))

    sometime(world, partial(fill, is_full=True))


def _clock_jump(world: World) -> None:
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


def _upgrade(world: World) -> None:
    """The vehicle's program is replaced by ours; what it held for being too new is looked at again."""
    vehicle = any_vehicle(world)

    def begin() -> None:
        box = world.boxes[vehicle]
        box.power_off()
        box.abilities = OURS
        world.start(box)

    sometime(world, noted(world, "upgrade", vehicle, begin))


def _strangers(world: World) -> None:
    """A newer vehicle's record needs what this hospital lacks; a newer hospital's what this vehicle lacks (rule 15)."""
    vehicle = any_vehicle(world)
    sometime(world, lambda: send_strange_up(world, vehicle))
    sometime(world, lambda: send_strange_down(world, vehicle))


FAULTS: Final[tuple[tuple[Fault, float, int], ...]] = (
    (_cut, 0.8, 6),
    (_stall, 0.6, 3),
    (_hole, 0.6, 3),
    (_bad_broker, 0.5, 2),
    (_bad_evening, 0.2, 1),
    (_slow, 0.3, 1),
    (_broker_restart, 0.4, 2),
    (_forging, 0.35, 1),
    (_kill_box, 0.5, 4),
    (_kill_hospital, 0.5, 4),
    (_no_login, 0.3, 2),
    (_full_box, 0.2, 1),
    (_full_hospital, 0.2, 1),
    (_clock_jump, 0.25, 2),
    (_upgrade, 0.3, 2),
    (_strangers, 0.3, 1),
    (restore_hospital, 0.25, 2),
    (restore_box, 0.2, 1),
    (clone_box, 0.15, 1),
    (revoke_vehicle, 0.1, 1),
)
"""Fault, the chance that a world has it, and how often at most."""
