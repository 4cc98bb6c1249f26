"""The mark a device's log leaves on a reading: of the moment it arrived, and never in front of a graver reason."""

from datetime import datetime

import pytest

from clinic_records.care import Encounter, Recording
from clinic_records.clock import Stamp
from clinic_records.ids import DeviceId, RecordId
from clinic_records.quality import QualityKind, QualityMark
from clinic_records.quantity import quantity
from clinic_records.reading import Subject
from tests.unit.visits.visits_world import Clinic, arm, open_stop, register, see
from vehicle_agent.visits import decisions
from vehicle_agent.visits.quality import NewQuality, keep_entry
from vehicle_agent.visits.roster import Device

BLOW = Device(DeviceId("sp1"), "spirometer-sp80b", "肺功能仪", "Spirometer", "spirometry", "sp80b", url="loop:")
NOBODY = Subject()


@pytest.fixture
def encounter(clinic: Clinic) -> Encounter:
    open_stop(clinic)
    return see(clinic, register(clinic))


def calibrate(clinic: Clinic, litres: str) -> None:
    form = NewQuality(QualityKind.CALIBRATION, measured=(quantity(litres, "L"),) * 3)
    new_id = RecordId(clinic.ids.new())
    clinic.store.write(lambda conn: keep_entry(conn, BLOW, form, new_id, clinic.act()))


def blow(clinic: Clinic, arrived: datetime | None = None, subject: Subject = NOBODY) -> Recording:
    stamp = Stamp(arrived or clinic.now)
    return clinic.keep(clinic.reading("sp1", modality="spirometry", stamp=stamp, subject=subject)).recording


def test_a_control_after_the_reading_arrived_says_nothing_of_it(clinic: Clinic, encounter: Encounter) -> None:
    """H18: it waited in the sealed inbox until somebody had logged in, and the syringe came before intake did."""
    arm(clinic, BLOW, encounter)
    arrived = clinic.now
    clinic.wait(minutes=5)
    calibrate(clinic, "3.00")
    clinic.wait(minutes=1)
    assert blow(clinic, arrived).quality is QualityMark.MISSING
    assert blow(clinic).quality is None


def test_a_reading_of_yesterday_is_judged_by_yesterdays_control(clinic: Clinic) -> None:
    calibrate(clinic, "3.00")
    clinic.wait(minutes=1)
    arrived = clinic.now
    clinic.wait(days=1)
    assert blow(clinic, arrived).quality is None
    calibrate(clinic, "2.00")
    clinic.wait(minutes=1)
    assert blow(clinic, arrived).quality is None
    assert blow(clinic).quality is QualityMark.FAILED


def test_a_failed_control_does_not_hide_that_the_reading_names_another_person(
    clinic: Clinic, encounter: Encounter
) -> None:
    """H01: who binds it must read whose it is; and the mark is not gone with the binding."""
    calibrate(clinic, "2.00")
    arm(clinic, BLOW, encounter)
    clinic.wait(minutes=1)
    found = blow(clinic, subject=Subject(patient_id="somebody"))
    assert (found.unbound_reason, found.quality) == ("other-patient", QualityMark.FAILED)
    bound = clinic.store.write(lambda conn: decisions.bind(conn, found.id, encounter.id, clinic.act()))
    assert bound.released is None
    clinic.wait(minutes=1)
    own = blow(clinic)
    assert (own.binding, own.unbound_reason) == (None, "quality")
