"""How the hospital stands: for `clinic hospital status` and for tests."""

import msgspec
from sqlalchemy import Table, func, select

from cloud_hospital.alarms import Standing, standing
from cloud_hospital.broker.ports import Ports, ports_of
from cloud_hospital.feed.completeness import VehicleStatement, statements
from cloud_hospital.hospital import Hospital
from cloud_hospital.store.engine import reading
from cloud_hospital.store.tables import alarms, blobs, downlink, entries, quarantine


class DownlinkCount(msgspec.Struct, frozen=True):
    """Envelopes for one vehicle: queued ones wait for its receipt."""

    vehicle: str
    queued: int
    settled: int


class HospitalStatus(msgspec.Struct, frozen=True):
    """Counts and completeness; `pids` are of the processes that run now, `quarantined` waits for a person."""

    hospital: str
    name: str
    epoch: str
    ports: Ports
    pids: dict[str, int]
    entries: int
    blobs: int
    quarantined: int
    alarms: int
    standing: list[Standing]
    downlink: list[DownlinkCount]
    vehicles: list[VehicleStatement]


def hospital_status(hospital: Hospital) -> HospitalStatus:
    """The status now."""
    alarms_now = standing(hospital)
    path = hospital.folder.run / "pids.json"
    pids = msgspec.json.decode(path.read_bytes(), type=dict[str, int]) if path.exists() else {}
    with reading(hospital.engine) as connection:

        def count(table: Table) -> int:
            return int(connection.execute(select(func.count()).select_from(table)).scalar_one())

        waiting = connection.execute(
            select(func.count()).select_from(quarantine).where(quarantine.c.done_at.is_(None))
        ).scalar_one()
        settled = func.count(downlink.c.verdict)
        queues = connection.execute(
            select(downlink.c.vehicle, func.count().label("all"), settled.label("settled"))
            .group_by(downlink.c.vehicle)
            .order_by(downlink.c.vehicle)
        ).all()
        return HospitalStatus(
            hospital=hospital.settings.id,
            name=hospital.settings.name,
            epoch=hospital.log.current(),
            ports=ports_of(hospital.folder, hospital.settings),
            pids=pids,
            entries=count(entries),
            blobs=count(blobs),
            quarantined=waiting,
            alarms=count(alarms),
            standing=alarms_now,
            downlink=[DownlinkCount(row.vehicle, row.all - row.settled, row.settled) for row in queues],
            vehicles=statements(connection),
        )
