"""The way down: records sealed to one vehicle's box key wait in a queue until the vehicle's signed receipt ends them."""

from pathlib import Path

from sqlalchemy import Engine

from clinic_records.record import Record


def queue_for_vehicle(engine: Engine, vehicle: str, record: Record) -> str:
    """Seal `record` to `vehicle`'s box and queue it; durable on return. Returns the wire file's SHA-256.

    Raises:
        NotFound: no such vehicle is enrolled.
        AccessError: it is revoked.
    """
    raise NotImplementedError


def publish_schedule(hospital_dir: Path, payload: bytes, version: int) -> int:
    """Queue a published schedule for every vehicle that is enrolled and not revoked; returns how many."""
    raise NotImplementedError
