"""What becomes of a reading: bound or waiting, once, its bytes in the right lane; and what a person decides."""

from datetime import datetime, timedelta
from functools import partial

import msgspec
import pytest

from clinic_records.care import Encounter, EncounterStatus, Recording, RecordingStatus
from clinic_records.clock import Stamp
from clinic_records.errors import Conflict, NotFound, RefusedInput
from clinic_records.ids import EncounterId, RecordId
from clinic_records.quantity import quantity
from clinic_records.reading import Channel, Code, Numeric, Subject, Waveform
from clinic_records.record import Kind, Lane
from tests.unit.visits.visits_world import ECG, NURSE, SCAN, Clinic, arm, open_stop, register, see
from vehicle_agent.store.driver import Connection
from vehicle_agent.store.outbox import rows_where
from vehicle_agent.store.quarantine import list_quarantine
from vehicle_agent.store.records import history, list_current
from vehicle_agent.visits import decisions, look
from vehicle_agent.visits.armed import disarm_device, finish_encounter
from vehicle_agent.visits.kept import worklist
from vehicle_agent.visits.recorder import Kept
from vehicle_agent.visits.roster import Roster
from vehicle_agent.visits.versions import get, put


@pytest.fixture
def encounter(clinic: Clinic) -> Encounter:
    open_stop(clinic)
    return see(clinic, register(clinic))


def lanes(clinic: Clinic, kind: Kind) -> list[Lane]:
    rows = clinic.store.read(lambda conn: rows_where(conn, "kind = ?", (kind.value,)))
    return [row.lane for row in sorted(rows, key=lambda row: row.seq)]


def test_bound_while_armed_and_unbound_after_finish(clinic: Clinic, encounter: Encounter) -> None:
    arm(clinic, ECG, encounter)
    clinic.wait(minutes=14)
    bound = clinic.keep(clinic.reading()).recording
    clinic.wait(minutes=14)  # the reading was a sign of use
    again = clinic.keep(clinic.reading()).recording
    assert bound.binding is not None
    assert again.binding is not None
    assert (bound.binding.encounter, bound.binding.rule) == (encounter.id, "armed")
    clinic.store.write(lambda conn: finish_encounter(conn, encounter.id, clinic.act()))
    clinic.wait(minutes=1)
    late = clinic.keep(clinic.reading())
    assert (late.recording.status, late.recording.unbound_reason) == (RecordingStatus.UNBOUND, "not-armed")
    assert late.topics == ("unbound",)
    tray = clinic.store.read(lambda conn: look.unbound(conn, look.Scene(Roster(()), clinic.now)))
    assert [view.recording.id for view in tray] == [late.recording.id]
    assert tray[0].reason_zh
    view = clinic.store.read(lambda conn: look.encounter(conn, encounter.id, look.Scene(Roster(()), clinic.now)))
    assert [one.recording.id for one in view.recordings] == [bound.id, again.id]
    assert view.recordings[0].way == "queued"


def test_disarming_and_arming_for_another(clinic: Clinic, encounter: Encounter) -> None:
    other = see(clinic, register(clinic, name="李国强"))
    arm(clinic, ECG, encounter)
    clinic.wait(seconds=10)
    arm(clinic, ECG, other)
    clinic.wait(seconds=10)
    found = clinic.keep(clinic.reading()).recording
    assert found.binding is not None
    assert found.binding.encounter == other.id
    clinic.wait(seconds=10)
    clinic.store.write(lambda conn: disarm_device(conn, ECG.id, clinic.act()))
    assert clinic.keep(clinic.reading()).recording.binding is None


def test_what_was_measured_while_the_device_waited_for_another_person_does_not_bind(
    clinic: Clinic, encounter: Encounter
) -> None:
    """H01: measured on Wang, sent only after the device was armed for Li; the device's clock says so."""
    other = see(clinic, register(clinic, name="李国强"))
    arm(clinic, ECG, encounter)
    clinic.wait(seconds=40)
    measured = clinic.now
    clinic.wait(seconds=20)
    clinic.store.write(lambda conn: finish_encounter(conn, encounter.id, clinic.act()))
    arm(clinic, ECG, other)
    clinic.wait(seconds=15)
    late = clinic.keep(clinic.reading(stamp=Stamp(clinic.now, measured))).recording
    assert (late.binding, late.unbound_reason) == (None, "measured-before")
    clinic.wait(seconds=15)
    own = clinic.keep(clinic.reading(stamp=Stamp(clinic.now, clinic.now))).recording
    assert own.binding is not None
    assert own.binding.encounter == other.id


def test_the_same_persons_device_armed_again_keeps_what_was_measured_before(
    clinic: Clinic, encounter: Encounter
) -> None:
    arm(clinic, ECG, encounter)
    clinic.wait(seconds=40)
    measured = clinic.now
    arm(clinic, ECG, encounter)
    clinic.wait(seconds=15)
    assert clinic.keep(clinic.reading(stamp=Stamp(clinic.now, measured))).recording.binding is not None


def test_work_on_the_encounter_does_not_prolong_a_window(clinic: Clinic, encounter: Encounter) -> None:
    """Only the device's own use does: an expired window costs one press, a prolonged one may cost a wrong chart."""
    arm(clinic, ECG, encounter)
    clinic.wait(minutes=10)
    waiting = clinic.keep(clinic.reading("ecg2")).recording
    clinic.store.write(lambda conn: decisions.bind(conn, waiting.id, encounter.id, clinic.act()))
    arm(clinic, SCAN, encounter)
    clinic.wait(minutes=6)
    assert clinic.keep(clinic.reading()).recording.unbound_reason == "not-armed"


def test_lanes_go_by_modality(clinic: Clinic) -> None:
    clinic.keep(clinic.reading())
    clinic.wait(minutes=1)
    clinic.keep(clinic.reading("us1", modality="ultrasound"))
    assert lanes(clinic, Kind.RECORDING) == [Lane.P3, Lane.P3]
    assert lanes(clinic, Kind.BLOB) == [Lane.P3, Lane.P4]


def test_the_same_delivery_again_changes_nothing(clinic: Clinic) -> None:
    reading = clinic.reading(source_id="1.2.3")
    first = clinic.keep(reading)
    again = clinic.keep(reading)
    assert (again.recording, again.is_new, again.topics) == (first.recording, False, ())
    assert len(clinic.store.read(lambda conn: list_current(conn, Kind.RECORDING))) == 1


def test_other_bytes_under_a_known_id_are_set_aside(clinic: Clinic) -> None:
    first = clinic.keep(clinic.reading(source_id="1.2.3"))
    other = clinic.reading(source_id="1.2.3")
    assert clinic.keep(other).recording == first.recording
    aside = clinic.store.read(list_quarantine)
    assert [item.blob for item in aside] == [other.raw.sha256]
    assert clinic.keep(clinic.reading("ecg2", source_id="1.2.3")).is_new


def test_a_memory_told_in_another_dialogue_is_known_and_no_alarm(clinic: Clinic) -> None:
    """A device that replays its store at each connection wraps the same value into other bytes every time."""
    taken = Stamp(clinic.now, clinic.now - timedelta(days=3), 0)

    def told(content: bytes, stamp: Stamp) -> Kept:
        return clinic.keep(clinic.reading(data=content, source_id="m7", from_memory=True, stamp=stamp))

    first = told(b"dialogue 1", taken)
    clinic.wait(minutes=5)
    again = told(b"dialogue 2", msgspec.structs.replace(taken, vehicle_time=clinic.now))
    assert (again.is_new, again.recording.id) == (False, first.recording.id)
    assert clinic.store.read(list_quarantine) == []
    told(b"dialogue 3", msgspec.structs.replace(taken, device_time=clinic.now))
    assert len(clinic.store.read(list_quarantine)) == 1


def test_none_of_a_dump_stays_bound(clinic: Clinic, encounter: Encounter) -> None:
    arm(clinic, ECG, encounter)
    clinic.wait(seconds=30)
    kept = []
    for _ in range(5):
        kept.append(clinic.keep(clinic.reading()).recording)
        clinic.wait(milliseconds=400)
    now = [clinic.store.read(partial(get, what=Recording, thing_id=one.id)).thing for one in kept]
    assert [one.status for one in now] == [RecordingStatus.UNBOUND] * 5
    assert {one.unbound_reason for one in now} == {"burst"}
    assert len(clinic.store.read(lambda conn: history(conn, Kind.RECORDING, kept[0].id))) == 2


def test_a_worklist_order_binds_a_series_however_quick(clinic: Clinic, encounter: Encounter) -> None:
    arm(clinic, SCAN, encounter)
    items = clinic.store.read(lambda conn: worklist(conn, {SCAN.id: "US1"}))
    assert [(item.device_ae, item.modality, item.name) for item in items] == [("US1", "US", "王 秀英")]
    subject = Subject(accession=items[0].accession, study=items[0].study_uid, patient_id=items[0].patient_id)
    for _ in range(3):
        found = clinic.keep(clinic.reading("us1", modality="ultrasound", subject=subject)).recording
        assert found.binding is not None
        assert (found.binding.encounter, found.binding.rule) == (encounter.id, "worklist")
    clinic.store.write(lambda conn: finish_encounter(conn, encounter.id, clinic.act()))
    assert clinic.store.read(lambda conn: worklist(conn, {SCAN.id: "US1"})) == []
    by_study = clinic.reading("us1", modality="ultrasound", subject=Subject(study=items[0].study_uid))
    assert clinic.keep(by_study).recording.binding is not None


def test_a_device_clock_of_2021_does_not_bind(clinic: Clinic, encounter: Encounter) -> None:
    arm(clinic, ECG, encounter)
    stamp = Stamp(vehicle_time=clinic.now, device_time=clinic.now.replace(year=2021))
    assert clinic.keep(clinic.reading(stamp=stamp)).recording.unbound_reason == "measured-before"


def test_a_person_binds_rejects_and_changes_their_mind(clinic: Clinic, encounter: Encounter) -> None:
    waiting = clinic.keep(clinic.reading()).recording
    with pytest.raises(RefusedInput):
        clinic.store.write(lambda conn: decisions.reject(conn, waiting.id, " ", clinic.act()))
    rejected = clinic.store.write(lambda conn: decisions.reject(conn, waiting.id, "试机", clinic.act()))
    assert (rejected.status, rejected.unbound_reason) == (RecordingStatus.REJECTED, "试机")
    bound = clinic.store.write(lambda conn: decisions.bind(conn, waiting.id, encounter.id, clinic.act()))
    assert bound.binding is not None
    assert (bound.binding.rule, bound.binding.by, bound.unbound_reason) == ("person", NURSE, "")
    assert len(clinic.store.read(lambda conn: history(conn, Kind.RECORDING, waiting.id))) == 3
    with pytest.raises(NotFound):
        clinic.store.write(lambda conn: decisions.bind(conn, waiting.id, EncounterId("none"), clinic.act()))
    with pytest.raises(NotFound):
        clinic.store.write(lambda conn: decisions.bind(conn, RecordId("none"), encounter.id, clinic.act()))


def test_urgent_carries_its_person_and_pulls_its_bytes_along(clinic: Clinic, encounter: Encounter) -> None:
    waiting = clinic.keep(clinic.reading()).recording
    with pytest.raises(Conflict):
        clinic.store.write(lambda conn: decisions.mark_urgent(conn, waiting.id, clinic.act()))
    clinic.store.write(lambda conn: decisions.bind(conn, waiting.id, encounter.id, clinic.act()))
    urgent = clinic.store.write(lambda conn: decisions.mark_urgent(conn, waiting.id, clinic.act()))
    assert urgent.patient is not None
    assert (urgent.patient.name, urgent.encounter) == ("王 秀英", encounter)
    assert lanes(clinic, Kind.RECORDING)[-1] is Lane.P0
    assert lanes(clinic, Kind.BLOB) == [Lane.P0]
    assert clinic.store.write(lambda conn: decisions.mark_urgent(conn, waiting.id, clinic.act())) == urgent
    other = see(clinic, register(clinic, name="李国强"))
    moved = clinic.store.write(lambda conn: decisions.bind(conn, waiting.id, other.id, clinic.act()))
    assert moved.patient is not None
    assert moved.patient.name == "李国强"
    assert msgspec.json.decode(msgspec.json.encode(moved), type=Recording) == moved


def test_a_curve_begun_while_the_device_waited_for_another_person_does_not_bind(
    clinic: Clinic, encounter: Encounter
) -> None:
    """H01: an oximeter without a clock; it was armed for Li while Wang's finger was still in it."""
    other = see(clinic, register(clinic, name="李国强"))
    pleth = Waveform("cms50", (Channel("pleth", "1", 60.0, 1800),))
    arm(clinic, ECG, encounter)
    clinic.wait(seconds=10)
    arm(clinic, ECG, other)
    clinic.wait(seconds=25)
    late = clinic.keep(clinic.reading(content=pleth)).recording
    assert (late.binding, late.unbound_reason) == (None, "measured-before")
    clinic.wait(seconds=31)
    assert clinic.keep(clinic.reading(content=pleth)).recording.binding is not None


@pytest.mark.parametrize("hz", [1e-9, float("nan"), 0.0])
def test_a_curve_of_impossible_length_is_kept(clinic: Clinic, encounter: Encounter, hz: float) -> None:
    arm(clinic, ECG, encounter)
    found = clinic.keep(clinic.reading(content=Waveform("x", (Channel("a", "1", hz, 1 << 20),)))).recording
    assert found.unbound_reason in {"", "measured-before"}


def test_a_result_sent_again_under_a_new_header_is_known(clinic: Clinic) -> None:
    """An analyser that heard no yes writes its message anew: another time of sending, another number, other bytes."""
    potassium = Numeric(Code("loinc", "2823-3", "Potassium"), quantity("4.1", "mmol/L"))
    measured = clinic.now

    def sent(header: bytes, value: Numeric = potassium, sample: str = "S1", at: datetime | None = None) -> Kept:
        stamp = Stamp(clinic.now, at or measured)
        reading = clinic.reading(data=header, stamp=stamp, subject=Subject(accession=sample), numerics=(value,))
        clinic.wait(minutes=2)
        return clinic.keep(reading)

    first = sent(b"H1")
    again = sent(b"H2")
    assert (again.is_new, again.recording.id) == (False, first.recording.id)
    assert clinic.store.read(list_quarantine) == []
    assert sent(b"H3", msgspec.structs.replace(potassium, quantity=quantity("4.2", "mmol/L"))).is_new
    assert sent(b"H4", sample="S2").is_new
    assert sent(b"H5", at=clinic.now).is_new
    assert sent(b"H6", sample="").is_new
    assert sent(b"H7", sample="").is_new  # a device with a dead clock, two people, the same strip


def test_the_order_of_an_encounter_entered_in_error_binds_nothing(clinic: Clinic, encounter: Encounter) -> None:
    arm(clinic, SCAN, encounter)
    (item,) = clinic.store.read(lambda conn: worklist(conn, {SCAN.id: "US1"}))

    def cancel(conn: Connection) -> None:
        version = get(conn, Encounter, encounter.id)
        void = msgspec.structs.replace(version.thing, status=EncounterStatus.ENTERED_IN_ERROR)
        put(conn, void, clinic.act(), before=version.record)

    clinic.store.write(cancel)
    late = clinic.reading("us1", modality="ultrasound", subject=Subject(accession=item.accession))
    found = clinic.keep(late).recording
    assert (found.binding, found.unbound_reason) == (None, "not-our-order")
