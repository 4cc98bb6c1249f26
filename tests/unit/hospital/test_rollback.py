"""A hospital restored from an old backup notices, begins a new epoch, and gets everything again (sync rule 3)."""

import secrets
import shutil
import time
from pathlib import Path

from sqlalchemy import select

from clinic_records.clock import SystemClock
from clinic_records.ids import VehicleId
from cloud_hospital.api.proof import prove
from cloud_hospital.hospital import Hospital, init_hospital, open_hospital
from cloud_hospital.intake.sessions import VehicleSessions
from cloud_hospital.intake.worker import Intake
from cloud_hospital.settings import HospitalSettings
from cloud_hospital.starts import begin_start
from cloud_hospital.store.engine import reading
from cloud_hospital.store.tables import alarms
from cloud_hospital.vehicles import enrol
from sync.courier import PinnedHospital, VehicleCourier
from sync.frames import Greet, decode
from sync.keys import RecipientKey
from sync.memory_stores import MemoryInbound, MemoryOutbound, MemorySessions
from sync.ports import SessionState
from sync.topics import Publish, Way
from tests.unit.hospital.conftest import Box, a_visit


class Talker:
    """A vehicle's courier that talks with a hospital's station without a broker."""

    def __init__(self, hospital: Hospital) -> None:
        self.box = Box("V01")
        granted = enrol(hospital, self.box.request())
        self.recipient = RecipientKey(granted.hpke_public)
        self.outbound, self.sessions = MemoryOutbound(), MemorySessions()
        self.sessions.state = SessionState(token=granted.session_token, incarnation=granted.incarnation)
        self.courier = VehicleCourier(
            VehicleId("V01"),
            keys=self.box.keys,
            hospital=PinnedHospital(granted.hospital_id, hospital.keys.sign.public),
            outbound=self.outbound,
            inbound=MemoryInbound(MemorySessions()),
            sessions=self.sessions,
            clock=SystemClock(),
            random_bytes=secrets.token_bytes,
        )

    def add_visit(self) -> None:
        for record in a_visit().records(self.box):
            data = self.box.seal(record, self.recipient).data
            assert data is not None
            self.outbound.add(data, record.lane)
        self.courier.notify()

    def talk(self, hospital: Hospital) -> None:
        """One connection, until nothing is left to say."""
        intake = Intake(hospital)
        station, courier = intake.station, self.courier
        station.on_connected(time.monotonic())
        courier.on_connected(time.monotonic())
        for _ in range(400):
            now = time.monotonic()
            up, down = courier.poll(now), station.poll(now)
            for said in up:
                station.on_message(said.topic, said.payload, now)
            for said in down:
                if said.topic.way is Way.DOWN:
                    courier.on_message(said.topic, said.payload, now)
            intake.look()
            if not (up or down or self.outbound.open):
                break
        courier.on_disconnected()
        station.on_disconnected()


def test_everything_comes_again_after_a_restore(tmp_path: Path) -> None:
    folder, backup = tmp_path / "hospital", tmp_path / "backup.db"
    init_hospital(folder, HospitalSettings(web_port=0, broker_port=0))
    with open_hospital(folder) as hospital:
        vehicle = Talker(hospital)
        vehicle.add_visit()
        vehicle.talk(hospital)
        assert vehicle.outbound.open == frozenset()
        assert len(prove(hospital).entries) == 5
        epoch = hospital.log.current()
    shutil.copy(folder / "hospital.db", backup)
    with open_hospital(folder) as hospital:
        vehicle.add_visit()
        vehicle.talk(hospital)
        assert len(prove(hospital).entries) == 10
    for name in ("hospital.db-wal", "hospital.db-shm"):
        (folder / name).unlink(missing_ok=True)
    shutil.copy(backup, folder / "hospital.db")
    with open_hospital(folder) as hospital:
        assert len(prove(hospital).entries) == 5
        vehicle.talk(hospital)
        assert hospital.log.current() != epoch
        vehicle.talk(hospital)
        assert vehicle.outbound.open == frozenset()
        assert len(prove(hospital).entries) == 10
        with reading(hospital.engine) as connection:
            assert [row.code for row in connection.execute(select(alarms))] == ["rolled-back"]


def test_a_session_of_an_earlier_start_does_not_stand(tmp_path: Path) -> None:
    """A backup taken in the middle of a session has it; to go on in it would give lost receipts' numbers out again."""
    init_hospital(tmp_path, HospitalSettings(web_port=0, broker_port=0))
    with open_hospital(tmp_path) as hospital:
        begin_start(hospital.folder)
        Talker(hospital).talk(hospital)
        sessions = VehicleSessions(hospital, "V01")
        assert sessions.standing() is not None
        begin_start(hospital.folder)
        assert sessions.standing() is None


def test_a_start_calls_vehicles_whose_sessions_do_not_stand(tmp_path: Path) -> None:
    init_hospital(tmp_path, HospitalSettings(web_port=0, broker_port=0))
    with open_hospital(tmp_path) as hospital:
        Talker(hospital).talk(hospital)
        called: list[list[Publish]] = []
        for is_whole in (False, True):
            if is_whole:
                begin_start(hospital.folder)
            intake = Intake(hospital)
            intake.sweep()
            called.append(intake.station.poll(0.0))
        assert called[0] == [], "a worker alone leaves them in peace"
        assert [decode(each.payload) for each in called[1]] == [Greet()]
