"""The way down: records sealed to one vehicle's box key wait in a queue until its signed receipt ends them."""

import uuid
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Final

from sqlalchemy import func, insert, select

from clinic_records.clock import CHINA, Origin, from_ms, to_ms
from clinic_records.ids import RecordId
from clinic_records.record import Kind, Record
from cloud_hospital.folder import HospitalFolder
from cloud_hospital.hospital import Hospital
from cloud_hospital.store.engine import reading, writing
from cloud_hospital.store.locks import exclusive
from cloud_hospital.store.tables import downlink
from cloud_hospital.vehicles import box_key
from schedules.folder import PlanFolder
from sync.durable import make_folder, write_file
from sync.messages.kind import Maker
from sync.messages.ownership import must_be_made_by
from sync.messages.table import MESSAGES
from sync.seal import seal

_NAMES: Final = uuid.UUID("6c1d3e2a-5f0b-4c63-9a1e-0d2f7b8a4c11")
"""Our own namespace (RFC 9562, section 6.6) for the one id that all versions of a hospital's schedule share."""


def wire_path(folder: HospitalFolder, vehicle: str, wire_sha256: str) -> Path:
    """Where a sealed envelope for `vehicle` lies."""
    return folder.downlink / vehicle / f"{wire_sha256}.wire"


def queue_for_vehicle(hospital: Hospital, vehicle: str, record: Record) -> str:
    """Seal `record` to `vehicle`'s box and queue it; durable on return. The same version is queued once.

    Returns:
        The wire file's SHA-256.

    Raises:
        NotFound: no such vehicle is enrolled.
        AccessError: it is revoked.
        RefusedInput: the hospital does not make such a thing (law 5).
    """
    must_be_made_by(Maker.HOSPITAL, record.kind, record.revision)
    recipient = box_key(hospital, vehicle)
    same = (downlink.c.vehicle == vehicle, downlink.c.id == record.id, downlink.c.revision == record.revision)
    with reading(hospital.engine) as connection:
        queued: str | None = connection.execute(select(downlink.c.wire_sha256).where(*same)).scalars().first()
    if queued is not None:
        return queued
    now = hospital.now()
    sealed = seal(record, keys=hospital.keys.sign, recipient=recipient, created_ms=to_ms(now))
    assert sealed.data is not None  # noqa: S101  # sealed without `dst`, so in memory: says it to the type checker
    path = wire_path(hospital.folder, vehicle, sealed.wire_sha256)
    make_folder(path.parent)
    write_file(path, sealed.data)
    row = {
        "vehicle": vehicle,
        "wire_sha256": sealed.wire_sha256,
        "size": sealed.size,
        "lane": record.lane.value,
        "kind": record.kind.value,
        "id": record.id,
        "revision": record.revision,
        "sha256": record.sha256,
        "queued_at": to_ms(now),
    }
    with writing(hospital.engine) as connection:
        connection.execute(insert(downlink).values(row))
    return sealed.wire_sha256


def queue_schedules(hospital: Hospital, vehicles: Iterable[str]) -> list[int]:
    """Queue every published version whose days are not over for each of `vehicles`; what was queued before stays.

    Returns:
        The numbers of those versions, lowest first.

    Raises:
        RefusedInput: the file of a version was altered.
        NotFound, AccessError: as `queue_for_vehicle`.
    """
    folder = PlanFolder(hospital.folder.root)
    today = hospital.now().astimezone(CHINA).date()
    numbers = [each.version for each in folder.versions() if each.last >= today]
    with exclusive(hospital.engine, "schedule-queue", hospital.folder.run):  # two who ask at once would seal it twice
        for vehicle in vehicles:
            for number in numbers:
                _queue_schedule(hospital, vehicle, folder.payload(number), number)
    return numbers


def _queue_schedule(hospital: Hospital, vehicle: str, payload: bytes, version: int) -> str:
    at: datetime = from_ms(to_ms(hospital.now()))
    record = Record(
        id=RecordId(str(uuid.uuid5(_NAMES, hospital.settings.id))),
        revision=version,
        kind=Kind.SCHEDULE,
        lane=MESSAGES[Kind.SCHEDULE].lane,
        payload=payload,
        origin=Origin(hospital.settings.id, 1, _next_number(hospital, vehicle)),
        author=None,
        recorded_at=at,
    )
    return queue_for_vehicle(hospital, vehicle, record)


def _next_number(hospital: Hospital, vehicle: str) -> int:
    with reading(hospital.engine) as connection:
        query = select(func.coalesce(func.max(downlink.c.n), 0)).where(downlink.c.vehicle == vehicle)
        return int(connection.execute(query).scalar_one()) + 1
