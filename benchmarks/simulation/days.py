"""The routine of a simulated fleet: stops, encounters, devices, urgent cases, the hospital's answers, the evening."""

from datetime import timedelta
from functools import partial
from typing import Final

from sqlalchemy import select

from benchmarks.simulation.box import Box
from benchmarks.simulation.things import payload_of
from benchmarks.simulation.world import CLOSES_S, DAY_S, HOUR_S, OPENS_S, World
from clinic_records.care import Encounter, EncounterStatus, Stop
from clinic_records.ids import VehicleId
from clinic_records.record import DayClosed, Kind, Lane
from cloud_hospital.store.engine import reading
from cloud_hospital.store.tables import entries
from vehicle_agent.store.outbox import day_figures

URGENT_S: Final = 30.0
"""Seconds an urgent record may take on a calm link, beside four times its bytes over the rate."""
CALM_S: Final = 120.0
"""Seconds without any fault before a link is called calm."""
RECORDING_SIZES: Final = (2_000, 6_000, 20_000, 60_000)
LARGE_SIZES: Final = (300_000, 1_200_000)
AMID: Final = 0.5
"""The chance that an urgent case comes while a large recording is on its way ..."""
AMID_S: Final = (1.0, 60.0)
"""... and the seconds after it."""
AGAIN: Final = 3
"""Encounters that a nurse finishes once more where the box has forgotten that she did."""
RETENTION: Final = timedelta(days=30)


def plan_days(world: World) -> None:
    """Put every vehicle's days on the world's calendar."""
    for vehicle in world.boxes:
        for day in range(world.size.days):
            _plan_day(world, vehicle, day * DAY_S)


def _plan_day(world: World, vehicle: VehicleId, midnight_s: float) -> None:
    rng = world.rng
    if rng.random() >= world.size.stops_a_day:
        return
    stop = world.maker.stop(vehicle, world.day_of(midnight_s + OPENS_S).date())
    world.at(midnight_s + OPENS_S, lambda: _open_stop(world, vehicle, stop))
    for _ in range(rng.randint(0, world.size.encounters)):
        world.at(midnight_s + rng.uniform(OPENS_S, CLOSES_S), lambda: _see_patient(world, vehicle, stop))
    if rng.random() < 0.3:
        world.at(midnight_s + rng.uniform(OPENS_S, CLOSES_S), lambda: _save_urgent(world, vehicle, stop))
    if rng.random() < world.size.bulk:
        at_s = midnight_s + rng.uniform(OPENS_S, CLOSES_S)
        world.at(at_s, lambda: _save_large(world, vehicle, stop))
        if rng.random() < AMID:
            world.at(at_s + rng.uniform(*AMID_S), lambda: _save_urgent(world, vehicle, stop))
    world.at(midnight_s + CLOSES_S + rng.uniform(0, HOUR_S), lambda: _close_day(world, vehicle, stop))
    for _ in range(rng.choice((0, 0, 1, 2))):
        world.at(midnight_s + rng.uniform(OPENS_S, 20 * HOUR_S), lambda: _answer(world, vehicle))
    for _ in range(rng.choice((1, 2))):
        away_s = midnight_s + rng.uniform(6 * HOUR_S, 20 * HOUR_S)
        _plan_valley(world, vehicle, away_s, away_s + rng.uniform(60.0, 3 * HOUR_S))
    world.at(midnight_s + 22 * HOUR_S, lambda: _prune(world, vehicle))


def _plan_valley(world: World, vehicle: VehicleId, from_s: float, until_s: float) -> None:
    def cover(*, has_coverage: bool) -> None:
        world.disturb(vehicle)
        world.net.cover(vehicle, has_coverage=has_coverage)

    world.at(from_s, partial(cover, has_coverage=False))
    world.at(until_s, partial(cover, has_coverage=True))


def _boxes(world: World, vehicle: VehicleId) -> list[Box]:
    """The machine at work there, and its clone where somebody runs one."""
    clone = world.clones.get(vehicle)
    return [world.boxes[vehicle]] + ([clone] if clone is not None and clone.is_open else [])


def _open_stop(world: World, vehicle: VehicleId, stop: Stop) -> None:
    world.save(world.boxes[vehicle], Kind.STOP, stop.id, payload_of(stop))


def _see_patient(world: World, vehicle: VehicleId, stop: Stop) -> None:
    """A patient, the encounter, a recording; a quarter of an hour later the encounter is finished."""
    for box in _boxes(world, vehicle):
        patient = world.maker.patient()
        encounter = world.maker.encounter(patient, stop.id, box.clock.now())
        raw = world.maker.raw(world.rng.choice(RECORDING_SIZES))
        recording = world.maker.recording(raw, encounter, patient, box.clock.now(), urgent=False)
        world.save(box, Kind.PATIENT, patient.id, payload_of(patient))
        world.save(box, Kind.ENCOUNTER, encounter.id, payload_of(encounter))
        world.save(box, Kind.RECORDING, recording.id, payload_of(recording), lane=Lane.P3, raw=raw)
        world.net.after(900.0, partial(_finish, world, vehicle, encounter))
        world.seen.setdefault(vehicle, []).append(encounter)


def finish_again(world: World, vehicle: VehicleId) -> None:
    """The nurse sees encounters unfinished after a restore and finishes them in other words (law 3)."""
    for encounter in world.seen.get(vehicle, [])[-AGAIN:]:
        _finish(world, vehicle, encounter)


def _finish(world: World, vehicle: VehicleId, encounter: Encounter) -> None:
    """Every machine that knows the encounter finishes it in its own words: a clone makes a fork of it (law 3)."""
    for box in _boxes(world, vehicle):
        done = _finished(encounter, box, world)
        world.save(box, Kind.ENCOUNTER, encounter.id, payload_of(done), revision=2)


def _finished(encounter: Encounter, box: Box, world: World) -> Encounter:
    return Encounter(
        encounter.id,
        encounter.patient,
        encounter.stop,
        EncounterStatus.FINISHED,
        encounter.started_at,
        encounter.author,
        reason=f"{box.name} {world.rng.randrange(10**6)}",
    )


def save_late(world: World, vehicle: VehicleId) -> None:
    """Somebody is registered at the door, in the evening, and a specialist works late."""
    for box in _boxes(world, vehicle):
        patient = world.maker.patient()
        world.save(box, Kind.PATIENT, patient.id, payload_of(patient))
    _answer(world, vehicle)


def _save_large(world: World, vehicle: VehicleId, stop: Stop) -> None:
    for box in _boxes(world, vehicle):
        patient = world.maker.patient()
        encounter = world.maker.encounter(patient, stop.id, box.clock.now())
        raw = world.maker.raw(world.rng.choice(LARGE_SIZES))
        recording = world.maker.recording(raw, encounter, patient, box.clock.now(), urgent=False)
        world.save(box, Kind.RECORDING, recording.id, payload_of(recording), lane=Lane.P4, raw=raw)


def _save_urgent(world: World, vehicle: VehicleId, stop: Stop) -> None:
    """An urgent ECG with its headers inline: on a calm link it overtakes everything (sync rules 17, 19)."""
    box = world.boxes[vehicle]
    patient = world.maker.patient()
    encounter = world.maker.encounter(patient, stop.id, box.clock.now())
    raw = world.maker.raw(20_000)
    recording = world.maker.recording(raw, encounter, patient, box.clock.now(), urgent=True)
    saved_s = world.now_s
    is_calm = world.is_online(vehicle) and saved_s - world.disturbed_s.get(vehicle, -CALM_S) >= CALM_S
    if world.save(box, Kind.RECORDING, recording.id, payload_of(recording), lane=Lane.P0, raw=raw) and is_calm:
        patience_s = URGENT_S + 4 * 25_000 / box.weather.bytes_per_s
        world.net.after(patience_s, lambda: _must_be_there(world, vehicle, recording.id, saved_s))


def _must_be_there(world: World, vehicle: VehicleId, thing: str, saved_s: float) -> None:
    hospital = world.county.hospital
    if hospital is None or world.disturbed_s.get(vehicle, 0.0) > saved_s:
        return
    with reading(hospital.engine) as connection:
        found = connection.execute(select(entries.c.n).where(entries.c.id == thing)).first()
    if found is None:
        world.accuse(f"urgent {thing} of {vehicle} is not there {world.now_s - saved_s:.0f} s later on a calm link")


def _close_day(world: World, vehicle: VehicleId, stop: Stop) -> None:
    box = world.boxes[vehicle]
    if box.store is None:
        return
    figures = box.store.read(day_figures)
    day = DayClosed(stop.id, vehicle, figures.incarnation, figures.last_seq, figures.counts, figures.root)
    world.save(box, Kind.DAY_CLOSED, world.ids.new(), payload_of(day), lane=Lane.P1)


def _answer(world: World, vehicle: VehicleId) -> None:
    """A specialist answers; one in three takes it back a little later."""
    answer = world.maker.answer(world.clock.now())
    is_taken = world.send_down(vehicle, Kind.ANSWER, answer, answer.id)
    if is_taken and world.rng.random() < 0.33:
        retraction = world.maker.retraction(answer.id, world.clock.now())
        delay_s = world.rng.choice((0.0, 30.0, HOUR_S))
        world.net.after(delay_s, lambda: _retract(world, vehicle, retraction, retraction.id))


def _retract(world: World, vehicle: VehicleId, retraction: object, thing: str) -> None:
    world.send_down(vehicle, Kind.RETRACTION, retraction, thing)


def _prune(world: World, vehicle: VehicleId) -> None:
    box = world.boxes[vehicle]
    spool = box.spool
    if spool is not None and not box.clock.is_doubtful:
        box.do(lambda: spool.prune(box.clock.now() - RETENTION))
