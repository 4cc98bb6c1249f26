"""Sync rule 8, the hidden tail: a vehicle that dies before it closes the day leaves "unknown", never "complete"."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from clinic_records.ids import EncounterId, IdFactory, PatientId, StopId
from clinic_records.people import Author, Role
from clinic_records.record import Lane
from cloud_hospital.feed.completeness import VehicleStatement, statements
from cloud_hospital.hospital import Hospital
from cloud_hospital.intake.inbound import VehicleInbound
from cloud_hospital.store.engine import reading
from cloud_hospital.vehicles import enrol
from sync.enrolment import Enrolment, EnrolmentRequest, sign
from tests.unit.visits.visits_world import villager
from vehicle_agent.store.audit import add_entry
from vehicle_agent.store.derive import database_key, new_data_key
from vehicle_agent.store.folder import VehicleFolder
from vehicle_agent.store.keys import DeviceKeys
from vehicle_agent.store.sealer import Sealer
from vehicle_agent.store.spool import Spool
from vehicle_agent.store.store import Store
from vehicle_agent.visits import encounters, patients, stops
from vehicle_agent.visits.versions import Act

NURSE = Author("n001", "张护士", Role.NURSE)


@dataclass
class Vehicle:
    """A real store, sealer and spool, driven to a hospital without a link between."""

    hospital: Hospital
    folder: VehicleFolder
    keys: DeviceKeys
    enrolment: Enrolment
    key: bytes
    now: datetime = datetime(2026, 11, 23, 1, tzinfo=UTC)

    def __post_init__(self) -> None:
        self.ids = IdFactory()
        self.start()

    def start(self) -> None:
        self.store = Store.open(self.folder.database, self.folder.blobs, self.key, vehicle="V01")
        self.spool = Spool(self.folder.spool, keys=self.keys, hospital=self.enrolment)
        self.sealer = Sealer(self.store, self.spool, keys=self.keys)

    def die(self) -> None:
        self.store.close()
        self.spool.close()

    def act(self) -> Act:
        self.now += timedelta(minutes=1)
        return Act(NURSE, self.now)

    def see_somebody(self) -> EncounterId:
        act, patient, encounter = self.act(), PatientId(self.ids.new()), EncounterId(self.ids.new())
        self.store.write(lambda conn: patients.register(conn, villager(name=f"王{patient[-4:]}"), patient, act))
        self.store.write(
            lambda conn: encounters.open_encounter(conn, patient, "咳嗽", encounter, NURSE, act.now)
        )  # fmt: skip
        self.store.write(lambda conn: encounters.finish(conn, encounter, act))
        return encounter

    def sync(self) -> None:
        """Everything waiting reaches the hospital and is settled."""
        self.sealer.reconcile()
        inbound = VehicleInbound(self.hospital, "V01")
        for lane in Lane:
            for item in self.spool.up.waiting(lane, -1, 1000):
                inbound.write(
                    item.wire_sha256, item.size, lane, 0, self.spool.up.read(item.wire_sha256, 0, item.size)
                )  # fmt: skip
                self.spool.up.settle(inbound.accept(item.wire_sha256))
        self.sealer.merge_receipts()


@pytest.fixture
def vehicle(hospital: Hospital, tmp_path: Path) -> Iterator[Vehicle]:
    folder = VehicleFolder(tmp_path / "V01")
    folder.create()
    keys = DeviceKeys.create(folder.device_key)
    request = sign(EnrolmentRequest("V01", keys.sign.public.raw, keys.box.public.raw), keys.sign)
    made = Vehicle(hospital, folder, keys, enrol(hospital, request), database_key(new_data_key()))
    made.store.write(lambda conn: add_entry(conn, "login", b"n001", made.now))
    made.store.write(lambda conn: stops.open_stop(conn, "V01", StopId(made.ids.new()), made.act()))
    yield made
    made.die()


def said(hospital: Hospital) -> VehicleStatement:
    with reading(hospital.engine) as connection:
        return statements(connection)[0]


def test_killed_before_close_the_statement_says_unknown(vehicle: Vehicle, hospital: Hospital) -> None:
    vehicle.see_somebody()
    vehicle.sync()
    vehicle.see_somebody()  # nobody hears of it
    vehicle.die()
    found = said(hospital)
    assert (found.missing_seqs, found.is_day_closed) == (0, False), "no gap shows"
    assert found.encounters_outstanding is None
    assert not found.is_complete
    vehicle.start()
    vehicle.sync()
    assert not said(hospital).is_complete
    vehicle.store.write(lambda conn: stops.close_stop(conn, "V01", vehicle.ids.new(), vehicle.act()))
    vehicle.sync()
    found = said(hospital)
    assert (found.is_complete, found.encounters_outstanding, found.is_root_true) == (True, 0, True)


def test_a_late_record_opens_the_day_until_it_is_said_again(vehicle: Vehicle, hospital: Hospital) -> None:
    vehicle.see_somebody()
    vehicle.store.write(lambda conn: stops.close_stop(conn, "V01", vehicle.ids.new(), vehicle.act()))
    vehicle.sync()
    assert said(hospital).is_complete

    def again() -> bool:
        return vehicle.store.write(lambda conn: stops.close_again(conn, "V01", vehicle.ids.new(), vehicle.act()))

    assert not again(), "nothing was recorded since"
    act, patient = vehicle.act(), PatientId(vehicle.ids.new())
    vehicle.store.write(lambda conn: patients.register(conn, villager(), patient, act))
    vehicle.sync()
    assert not said(hospital).is_complete
    assert again()
    assert not again()
    vehicle.sync()
    assert said(hospital).is_complete
    vehicle.store.write(lambda conn: stops.open_stop(conn, "V01", StopId(vehicle.ids.new()), vehicle.act()))
    assert not again(), "a stop is open: its own end will say it"
