"""A day at the desk's jobs, on a real encrypted store: stop, people, encounters, readings, decisions, the closing."""

from datetime import date, time
from functools import partial

import msgspec
import pytest

from clinic_records.care import EncounterStatus, StopStatus
from clinic_records.errors import Conflict, RefusedInput
from clinic_records.ids import sha256_hex
from clinic_records.people import Allergies, AllergyState, IdentityCheck, PatientStatus, Sex
from clinic_records.record import DayClosed, Kind, Lane
from tests.unit.visits.visits_world import Clinic, close_stop, open_stop, publish, register, see, visit
from vehicle_agent.store.outbox import rows_where
from vehicle_agent.store.records import list_current
from vehicle_agent.visits import look, patients
from vehicle_agent.visits.armed import finish_encounter


def test_the_stop_comes_from_the_highest_version(clinic: Clinic) -> None:
    publish(clinic, 1, visit("old", time(8)))
    publish(clinic, 2, visit("late", time(14)), visit("early", time(8, 30)), visit("other", time(7), "V02"))
    view = clinic.store.read(lambda conn: look.today(conn, "V01", clinic.now))
    assert view.stop is not None
    assert (view.stop.id, view.stop.status, view.schedule_version) == ("early", StopStatus.PLANNED, 2)
    opened = open_stop(clinic)
    assert (opened.visit_id, opened.status, opened.ordinal) == ("early", StopStatus.OPEN, 4)
    assert opened.id != "early", "another vehicle may have a stop of the same visit"
    assert open_stop(clinic) == opened
    close_stop(clinic)
    assert open_stop(clinic).visit_id == "late"


def test_next_months_version_does_not_hide_this_months(clinic: Clinic) -> None:
    publish(clinic, 2, visit("now", time(8)))
    publish(clinic, 5, visit("then", time(8)), effective_from=date(2026, 12, 1))
    view = clinic.store.read(lambda conn: look.today(conn, "V01", clinic.now))
    assert view.stop is not None
    assert (view.stop.id, view.schedule_version) == ("now", 2)


def test_without_a_schedule_the_stop_is_unscheduled(clinic: Clinic) -> None:
    assert clinic.store.read(lambda conn: look.today(conn, "V01", clinic.now)).stop is None
    stop = open_stop(clinic)
    assert stop.status is StopStatus.OPEN
    assert (stop.point_id, stop.point_name) == ("", ""), "the words for it belong to the pages"
    assert (stop.schedule_version, stop.day) == (0, date(2026, 11, 23))


def test_registering(clinic: Clinic) -> None:
    patient = register(clinic)
    assert patient.name == "王 秀英"
    assert patient.status is PatientStatus.DECLARED
    for text, hits in (("秀英", 1), ("8000", 1), ("000", 0), ("", 1), ("李", 0)):
        assert len(clinic.store.read(partial(patients.search, text=text))) == hits, text


def test_a_card_gives_the_birth_date_and_verifies(clinic: Clinic) -> None:
    number = "11010519491231002X"
    patient = register(clinic, resident_id=number, birth_date=None, identity_check=IdentityCheck.CARD)
    assert (patient.birth_date, patient.status) == (date(1949, 12, 31), PatientStatus.VERIFIED)
    with pytest.raises(Conflict):
        register(clinic, resident_id=number, birth_date=None)


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "  "},
        {"birth_date": date(2027, 1, 1)},
        {"resident_id": "110105194912310021"},
        {"resident_id": "11010519491231002X"},
        {"resident_id": "11010519491231002X", "birth_date": None, "sex": Sex.MALE},
        {"allergies": Allergies(AllergyState.KNOWN)},
    ],
)
def test_a_form_with_a_mistake_is_refused(clinic: Clinic, changes: dict[str, object]) -> None:
    with pytest.raises(RefusedInput):
        register(clinic, **changes)
    assert clinic.store.read(lambda conn: list_current(conn, Kind.PATIENT)) == []


def test_an_encounter_needs_an_open_stop_and_is_one_for_each_person(clinic: Clinic) -> None:
    patient = register(clinic)
    with pytest.raises(Conflict):
        see(clinic, patient)
    open_stop(clinic)
    see(clinic, patient)
    with pytest.raises(Conflict):
        see(clinic, patient)


def test_the_day_closes_only_when_every_encounter_is_over(clinic: Clinic) -> None:
    with pytest.raises(Conflict):
        close_stop(clinic)
    stop = open_stop(clinic)
    encounter = see(clinic, register(clinic))
    with pytest.raises(Conflict):
        close_stop(clinic)
    clinic.store.write(lambda conn: finish_encounter(conn, encounter.id, clinic.act()))
    assert close_stop(clinic).status is StopStatus.CLOSED
    records = clinic.store.read(lambda conn: list_current(conn, Kind.DAY_CLOSED))
    closed = msgspec.json.decode(records[0].payload, type=DayClosed)
    rows = clinic.store.read(lambda conn: rows_where(conn, "1 = 1"))
    rows.sort(key=lambda row: row.seq)
    assert (closed.stop, closed.vehicle, closed.last_seq) == (stop.id, "V01", len(rows) - 1)
    assert closed.counts == {"stop": 2, "patient": 1, "encounter": 2}
    assert closed.root == sha256_hex("".join(row.sha256 for row in rows[:-1]).encode())
    assert records[0].lane is Lane.P1


def test_finishing_twice_is_harmless(clinic: Clinic) -> None:
    open_stop(clinic)
    encounter = see(clinic, register(clinic))
    first = clinic.store.write(lambda conn: finish_encounter(conn, encounter.id, clinic.act()))
    clinic.wait(minutes=1)
    assert clinic.store.write(lambda conn: finish_encounter(conn, encounter.id, clinic.act())) == first
    assert first.status is EncounterStatus.FINISHED
