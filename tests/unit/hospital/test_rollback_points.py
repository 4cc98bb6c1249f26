"""Hazard 3: the hospital's database is put back to any raw copy of itself, again and again, with traffic both ways.

Real stores on both sides. Keys, epoch log and files lie outside the database and stay. CI restores four times;
`ROLLBACK_POINTS=100 pytest tests/unit/hospital/test_rollback_points.py` is the long form: ten histories of ten points.
"""

import os
import random
import secrets
import shutil
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy import select

from clinic_records.clock import SystemClock
from clinic_records.consult import Seen
from clinic_records.ids import IdFactory, RecordId, VehicleId
from clinic_records.record import Kind, Lane
from cloud_hospital.api.proof import prove
from cloud_hospital.downlinks.issue import issue_message
from cloud_hospital.hospital import Hospital, init_hospital, open_hospital
from cloud_hospital.intake.worker import Intake
from cloud_hospital.settings import HospitalSettings
from cloud_hospital.store.engine import reading
from cloud_hospital.store.tables import alarms, downlink, issued
from cloud_hospital.vehicles import enrol
from sync.courier import PinnedHospital, VehicleCourier
from sync.keys import OriginPublic
from sync.topics import CREDIT, Topic, Way
from tests.unit.hospital.conftest import AT, NURSE, a_visit
from vehicle_agent.store.derive import database_key, new_data_key
from vehicle_agent.store.folder import VehicleFolder
from vehicle_agent.store.giving_back import give_back
from vehicle_agent.store.keys import DeviceKeys
from vehicle_agent.store.records import put_record
from vehicle_agent.store.sealer import Sealer
from vehicle_agent.store.spool import Spool
from vehicle_agent.store.store import Store

POINTS: Final = int(os.environ.get("ROLLBACK_POINTS", "4"))
IN_ONE: Final = 10
"""Restorations of one history: each makes the vehicle offer all of it again."""
SEED: Final = 20261123


class Vehicle:
    """A box with its real store and spool, and a courier that talks without a broker."""

    def __init__(self, root: Path, hospital: Hospital) -> None:
        folder, self.clock = VehicleFolder(root), SystemClock()
        folder.create()
        self.keys = DeviceKeys.create(folder.device_key)
        granted = enrol(hospital, self.keys.request("V01"))
        self.store = Store.open(folder.database, folder.blobs, database_key(new_data_key()), vehicle="V01")
        self.spool = Spool(folder.spool, keys=self.keys, hospital=granted, clock=self.clock)
        self.sealer = Sealer(self.store, self.spool, keys=self.keys, clock=self.clock)
        self.made: dict[str, str] = {}
        self.old_receipts: list[bytes] = []
        self.courier = VehicleCourier(
            VehicleId("V01"),
            keys=self.keys.sign,
            hospital=PinnedHospital(granted.hospital_id, OriginPublic(granted.sign_public)),
            outbound=self.spool.up,
            inbound=self.spool.down,
            sessions=self.spool.session,
            clock=self.clock,
            random_bytes=secrets.token_bytes,
            on_new_epoch=self.spool.down.note_new_epoch,
        )

    def close(self) -> None:
        self.store.close()
        self.spool.close()

    def see_a_patient(self) -> None:
        patient = a_visit().patient

        def job(conn: object) -> str:
            made = put_record(
                conn,  # type: ignore[arg-type]  # the writer's own
                record_id=patient.id,
                kind=Kind.PATIENT,
                lane=Lane.P2,
                payload=patient,
                author=NURSE,
                recorded_at=AT,
            )
            return made.sha256

        self.made[patient.id] = self.store.write(job)

    @property
    def waits(self) -> bool:
        return any(self.spool.up.waiting(lane, -1, 1) for lane in Lane)

    def talk(self, hospital: Hospital, *, rounds: int = 4) -> None:
        """Connections, until nothing waits at either side."""
        for _ in range(rounds):
            self._connection(hospital)
            self.sealer.merge_receipts()
            for item in self.spool.down.to_give_back(100):
                give_back(self.store, self.spool.down, item, self.clock.now())
                self.spool.down.given_back(item)
            if not self.waits and not self._down_waits(hospital):
                return

    def _down_waits(self, hospital: Hospital) -> bool:
        with reading(hospital.engine) as connection:
            return connection.execute(select(downlink.c.n).where(downlink.c.verdict.is_(None))).first() is not None

    def _connection(self, hospital: Hospital) -> None:
        intake, courier = Intake(hospital), self.courier
        station, idle = intake.station, 0
        station.on_connected(self.clock.monotonic_s())
        courier.on_connected(self.clock.monotonic_s())
        for payload in self.old_receipts:  # a broker that says everything again
            courier.on_message(Topic(VehicleId("V01"), Way.DOWN, CREDIT), payload, self.clock.monotonic_s())
        while idle < 3:
            now = self.clock.monotonic_s()
            up, down = courier.poll(now), station.poll(now)
            for said in up:
                station.on_message(said.topic, said.payload, now)
            for said in down:
                if said.topic.way is Way.DOWN:
                    if said.topic.channel == CREDIT:
                        self.old_receipts = [*self.old_receipts[-20:], said.payload]
                    courier.on_message(said.topic, said.payload, now)
            idle = 0 if up or down or station.has_work else idle + 1
            intake.look()
        courier.on_disconnected()
        station.on_disconnected()


def copy_database(source: Path, target: Path) -> None:
    """The files as they lie there: the database and its log."""
    target.mkdir(exist_ok=True)
    for name in ("hospital.db", "hospital.db-wal", "hospital.db-shm"):
        (target / name).unlink(missing_ok=True)
        if (source / name).exists():
            shutil.copy(source / name, target / name)


def answer(hospital: Hospital) -> str:
    id_ = RecordId(IdFactory().new())
    issue_message(hospital, Kind.SEEN, Seen(id_, "patient", RecordId("p1"), NURSE, AT), to=["V01"])
    return id_


@pytest.fixture
def root(tmp_path: Path) -> Path:
    init_hospital(tmp_path / "hospital", HospitalSettings(web_port=0, broker_port=0))
    return tmp_path


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("history", range(-(-POINTS // IN_ONE)))
def test_no_raw_restore_point_loses_or_doubles_anything(root: Path, history: int) -> None:
    points = min(IN_ONE, POINTS - history * IN_ONE)
    print(f"seed {SEED}/{history}, {points} restorations of {POINTS}")
    rng, folder = random.Random(f"{SEED}/{history}"), root / "hospital"
    copies: list[Path] = []
    answers: set[str] = set()
    with open_hospital(folder) as hospital:
        vehicle = Vehicle(root / "V01", hospital)
    with closing(vehicle):
        epochs = set()
        for point in range(points):
            with open_hospital(folder) as hospital:
                for _ in range(3):
                    copies.append(root / f"copy-{len(copies)}")
                    copy_database(folder, copies[-1])  # raw, and while it is open
                    vehicle.see_a_patient()
                    answers.add(answer(hospital))
                    vehicle.talk(hospital)
                judge(hospital, vehicle, answers)
            copy_database(rng.choice(copies), folder)
            with open_hospital(folder) as hospital:
                vehicle.talk(hospital)
                judge(hospital, vehicle, answers)
                epochs.add(hospital.log.current())
            assert len(epochs) == point + 1, "a restoration that nobody noticed"


def judge(hospital: Hospital, vehicle: Vehicle, answers: set[str]) -> None:
    """Everything acknowledged is there, once, unchanged, in the hospital and in the vehicle."""
    assert not vehicle.waits
    found = [(each.id, each.sha256) for each in prove(hospital).entries if each.kind == Kind.PATIENT]
    assert sorted(found) == sorted(vehicle.made.items())
    with reading(hospital.engine) as connection:
        known = list(connection.execute(select(issued.c.id)).scalars())
        sent = connection.execute(select(downlink.c.id, downlink.c.verdict)).all()
        raised = set(connection.execute(select(alarms.c.code)).scalars())
    assert sorted(known) == sorted(answers)
    assert sorted(row.id for row in sent) == sorted(answers)
    assert {row.verdict for row in sent} <= {"applied"}
    assert raised <= {"rolled-back"}
