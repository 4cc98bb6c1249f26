"""Envelopes of a version to come, both ways (sync rule 15): they are held, counted as held, and end their row."""

from benchmarks.simulation.world import World
from clinic_records.clock import Origin
from clinic_records.ids import RecordId, VehicleId, sha256_hex
from clinic_records.record import Kind, Lane, Record
from cloud_hospital.downlink import queue_for_vehicle


def send_strange_up(world: World, vehicle: VehicleId) -> None:
    """A kind that vehicles do not make, as a newer vehicle would send it: its payload means nothing here."""
    world.truth.note("strange-up")
    world.save(world.boxes[vehicle], Kind.STOP, world.ids.new(), b'{"of":"a version to come"}')


def send_strange_down(world: World, vehicle: VehicleId) -> None:
    """A kind of which the vehicle knows that it is not the hospital's to make."""
    hospital = world.county.hospital
    if hospital is None:
        return
    thing = world.ids.new()
    record = Record(
        id=RecordId(thing),
        revision=1,
        kind=Kind.STOP,
        lane=Lane.P2,
        payload=b"{}",
        origin=Origin(hospital.settings.id, 1, 1),
        author=None,
        recorded_at=world.clock.now(),
    )
    world.truth.note("strange-down")
    world.say(f"hospital queues a strange {thing} {sha256_hex(record.payload)[:8]} for {vehicle}")
    world.county.do(lambda: queue_for_vehicle(hospital, vehicle, record))
    world.county.poke()
