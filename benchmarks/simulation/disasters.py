"""Disasters: a machine put back to a backup, a cloned disk, a stolen vehicle.

What destroys the last copy of something excuses exactly that: see `truth.Made.lost`.
"""

from collections.abc import Callable
from typing import Final

from sqlalchemy import select

from benchmarks.simulation.box import Box
from benchmarks.simulation.days import finish_again
from benchmarks.simulation.world import DAY_S, HOUR_S, World
from clinic_records.ids import VehicleId
from cloud_hospital.hospital import Hospital
from cloud_hospital.store.engine import reading
from cloud_hospital.store.tables import blobs, entries
from cloud_hospital.vehicles import revoke
from sync.courier import Alarm

PERSON_S: Final = (0.5 * HOUR_S, 4 * HOUR_S)
"""Seconds within which somebody answers an alarm."""


def sometime(world: World, action: Callable[[], None]) -> None:
    """In the waking hours of some day, mostly while a stop is open."""
    day = world.rng.randrange(world.size.days)
    hours = (8.5, 12.5) if world.rng.random() < 0.6 else (7.0, 21.0)
    world.at(day * DAY_S + world.rng.uniform(*hours) * HOUR_S, action)


def any_vehicle(world: World) -> VehicleId:
    """One of the fleet."""
    return world.rng.choice(list(world.boxes))


def restore_hospital(world: World) -> None:
    """The hospital is put back to a backup hours or days old; its vehicles went on meanwhile (sync rule 3)."""
    backup = world.folder / "hospital-backup"
    day = world.rng.randrange(world.size.days)
    at_s = day * DAY_S + world.rng.uniform(0, 12 * HOUR_S)

    def take() -> None:
        if world.county.is_on:
            world.county.copy_to(backup)
            world.say("hospital backup")

    def put() -> None:
        if not backup.exists() or world.truth.happened.get("revoked"):
            return
        world.note("hospital-restored")
        world.county.stop()
        world.county.restore_from(backup)
        world.start_hospital()
        _mark_lost_with_hospital(world)

    world.at(at_s, take)
    world.at(at_s + world.rng.uniform(HOUR_S, 36 * HOUR_S), put)


def _mark_lost_with_hospital(world: World) -> None:
    """What only the hospital had left is lost where the backup lacks it: its vehicle's disk went before."""
    here = _there(world.county.hospital)
    for key, made in world.truth.made.items():
        if made.is_only_hospital and key not in here:
            made.lost = "vehicle and hospital restored"


def _there(hospital: Hospital | None) -> set[tuple[str, int, str]]:
    if hospital is None:
        return set()
    with reading(hospital.engine) as connection:
        rows = connection.execute(select(entries.c.id, entries.c.revision, entries.c.sha256)).all()
        found = {(row.id, row.revision, row.sha256) for row in rows}
        return found | {(name, 1, name) for name in connection.execute(select(blobs.c.sha256)).scalars()}


def restore_box(world: World) -> None:
    """Last night's backup is put on the vehicle's disk; its operator says so, or does not (sync rule 6)."""
    vehicle, is_told = any_vehicle(world), world.rng.random() < 0.7
    backup = world.folder / f"{vehicle}-backup"
    at_s = world.rng.randrange(world.size.days) * DAY_S + world.rng.uniform(0, 10 * HOUR_S)
    backup_s = [0.0]

    def take() -> None:
        box = world.boxes[vehicle]
        if box.is_open and not world.truth.happened.get("cloned"):
            box.copy_to(backup)
            backup_s[0] = world.now_s
            world.say(f"{vehicle} backup")

    def put() -> None:
        box = world.boxes[vehicle]
        if not backup.exists() or world.truth.happened.get("cloned") or not world.county.is_on:
            return
        world.note("vehicle-restored" if is_told else "vehicle-restored-untold", vehicle)
        here = _there(world.county.hospital)
        for key, made in world.truth.made.items():
            if made.box == box.name and made.saved_s > backup_s[0]:
                made.is_only_hospital = key in here
                made.lost = "" if made.is_only_hospital else "vehicle restored"
        box.power_off()
        box.restore_from(backup)
        box.disk.is_full = False  # it is another disk, or this one wiped
        if is_told:
            box.ask_to_rejoin()
        else:
            world.truth.untold[vehicle] = world.now_s
        world.start(box)
        _help(world, box)
        world.net.after(world.rng.uniform(*PERSON_S), lambda: finish_again(world, vehicle))

    world.at(at_s, take)
    world.at(at_s + world.rng.uniform(2 * HOUR_S, 30 * HOUR_S), put)


def _help(world: World, box: Box) -> None:
    """Somebody looks at the vehicle's alarm; a fork is enrolled anew."""

    def look() -> None:
        if world.boxes[box.vehicle] is not box or box.vehicle in world.truth.revoked:
            return
        if box.courier is not None and box.courier.alarm is Alarm.FORK and world.county.is_on:
            world.say(f"{box.name} is enrolled anew")
            box.power_off()
            world.enrol(box)
            world.start(box)
        world.net.after(world.rng.uniform(*PERSON_S), look)

    world.net.after(world.rng.uniform(*PERSON_S), look)


def _is_restored(world: World) -> bool:
    return bool(world.truth.happened.keys() & {"vehicle-restored", "vehicle-restored-untold"})


def clone_box(world: World) -> None:
    """A second machine with the same disk speaks in turns with the first; then one of them is thrown away (rule 7)."""
    vehicle, rng = any_vehicle(world), world.rng
    turns = [rng.choice((20.0, 300.0, HOUR_S)) for _ in range(rng.randint(4, 8))]

    def begin() -> None:
        box = world.boxes[vehicle]
        if not box.is_open or world.truth.happened.get("cloned") or _is_restored(world):
            return
        world.note("cloned", vehicle)
        clone = world.clones[vehicle] = world.clone_of(box, f"{vehicle}/2")
        if clone.do(lambda: clone.power_on(plugs_in=False)):
            clone.do(clone.login)
        turn(0)

    def turn(number: int) -> None:
        box, clone = world.boxes[vehicle], world.clones[vehicle]
        if number == len(turns) or not (box.is_on and clone.is_on):
            world.say(f"{clone.name} is thrown away")
            clone.power_off()
            for made in world.truth.made.values():
                if made.box == clone.name:
                    made.lost = "clone thrown away"
            world.takeover(box)
            _help(world, box)
            return
        speaker = clone if number % 2 == 0 else box

        def end() -> None:
            world.note_speech(speaker)
            turn(number + 1)

        world.takeover(speaker)
        world.net.after(turns[number], end)

    sometime(world, begin)


def revoke_vehicle(world: World) -> None:
    """A vehicle is stolen and revoked: what it sends from then on is held, never applied (sync rule 24)."""
    vehicle = any_vehicle(world)

    def begin() -> None:
        hospital = world.county.hospital
        if hospital is None or world.truth.happened.get("hospital-restored") or vehicle in world.truth.revoked:
            return
        if world.county.do(lambda: revoke(hospital, vehicle, "stolen")):
            world.note("revoked", vehicle)
            world.truth.revoked[vehicle] = world.now_s
            world.net.after(3 * HOUR_S, world.boxes[vehicle].power_off)  # thieves look for other things
            world.county.poke()

    sometime(world, begin)
