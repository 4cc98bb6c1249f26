"""The vehicle's own readings bind to nobody and wait for nobody; equal numbers of two people are two measurements."""

from datetime import timedelta

import pytest

from clinic_records.care import RECORDING_MOVES, RecordingStatus
from clinic_records.clock import Stamp
from clinic_records.errors import Conflict
from clinic_records.ids import EncounterId
from clinic_records.quantity import quantity
from clinic_records.reading import Code, Numeric
from clinic_records.record import Lane
from devices.catalog import catalog
from tests.unit.visits.visits_world import ECG, Clinic, arm, open_stop, register, see
from vehicle_agent.settings import DeviceSettings
from vehicle_agent.store.outbox import rows_where
from vehicle_agent.visits import look
from vehicle_agent.visits.decisions import bind
from vehicle_agent.visits.recorder import of_the_vehicle
from vehicle_agent.visits.roster import Roster, device_from

FRIDGE = DeviceSettings(id="fridge1", key="fridge-xy-md02", url="loop:")
GPS = DeviceSettings(id="gps1", key="position-nmea", url="loop:")
CARD = DeviceSettings(id="card1", key="id-card-reader", url="loop:")
TEMPERATURE = Numeric(Code("local", "storage-temperature", "Storage temperature"), quantity("4.2", "Cel"))


def test_the_catalog_says_which_readings_are_the_vehicles() -> None:
    assert of_the_vehicle() == {"position", "cold-chain"}
    others = {row.modality for row in catalog().values() if row.subject != "vehicle"}
    assert not others & of_the_vehicle()


@pytest.mark.parametrize("modality", ["position", "cold-chain"])
def test_a_reading_of_the_vehicle_travels_and_lands_in_no_tray(clinic: Clinic, modality: str) -> None:
    kept = clinic.keep(clinic.reading("fridge1", modality=modality, numerics=(TEMPERATURE,)))
    assert (kept.recording.status, kept.recording.binding, kept.topics) == (RecordingStatus.VEHICLE, None, ())
    scene = look.Scene(Roster(()), clinic.now)
    assert clinic.store.read(lambda conn: look.unbound(conn, scene)) == []
    rows = clinic.store.read(lambda conn: rows_where(conn, "id = ?", (kept.recording.id,)))
    assert [row.lane for row in rows] == [Lane.P3]


def test_nothing_makes_it_a_patients(clinic: Clinic) -> None:
    open_stop(clinic)
    encounter = see(clinic, register(clinic))
    arm(clinic, ECG, encounter)
    kept = clinic.keep(clinic.reading("ecg1", modality="position"))
    assert kept.recording.status is RecordingStatus.VEHICLE
    assert RecordingStatus.VEHICLE not in RECORDING_MOVES
    with pytest.raises(Conflict):
        clinic.store.write(lambda conn: bind(conn, kept.recording.id, EncounterId(encounter.id), clinic.act()))
    for settings in (FRIDGE, GPS, CARD):
        device = device_from(settings)
        with pytest.raises(Conflict, match="no patients"):
            arm(clinic, device, encounter)


def test_two_of_them_in_a_second_are_no_burst(clinic: Clinic) -> None:
    for _ in range(2):
        assert clinic.keep(clinic.reading("gps1", modality="position")).recording.status is RecordingStatus.VEHICLE
        clinic.wait(seconds=1)


def test_the_pages_see_the_last_one_and_offer_no_arming(clinic: Clinic) -> None:
    scene = look.Scene(Roster((FRIDGE, GPS, CARD)), clinic.now)
    assert clinic.store.read(lambda conn: look.instruments(conn, scene)) == []
    clinic.keep(clinic.reading("fridge1", modality="cold-chain"))
    clinic.wait(minutes=10)
    newest = clinic.keep(clinic.reading("fridge1", modality="cold-chain")).recording
    shown = clinic.store.read(lambda conn: look.instruments(conn, scene))
    assert [one.recording.id for one in shown] == [newest.id]
    open_stop(clinic)
    encounter = see(clinic, register(clinic))
    assert clinic.store.read(lambda conn: look.encounter(conn, encounter.id, scene)).devices == []


def test_two_people_may_weigh_the_same(clinic: Clinic) -> None:
    weight = Numeric(Code("loinc", "29463-7", "Body weight"), quantity("65.3", "kg"))
    first = clinic.keep(clinic.reading("scale1", b"65.3 kg", modality="body", numerics=(weight,)))
    again = clinic.keep(clinic.reading("scale1", b"65.3 kg", modality="body", numerics=(weight,)))
    assert not again.is_new
    clinic.wait(minutes=4)
    other = clinic.keep(clinic.reading("scale1", b"65.3 kg", modality="body", numerics=(weight,)))
    assert other.is_new
    assert other.recording.id != first.recording.id


def test_a_memory_sent_at_each_connection_is_kept_once(clinic: Clinic) -> None:
    for is_new in (True, False):
        reading = clinic.reading("meter1", b"36.6 Cel", modality="temperature", from_memory=True)
        assert clinic.keep(reading).is_new is is_new
        clinic.wait(hours=2)


def test_a_result_with_its_own_time_is_the_same_whenever_it_comes(clinic: Clinic) -> None:
    for minutes, is_new in ((0, True), (5, False)):
        stamp = Stamp(clinic.now + timedelta(minutes=minutes), device_time=clinic.now)
        assert clinic.keep(clinic.reading("meter1", b"7.1", modality="glucose", stamp=stamp)).is_new is is_new
