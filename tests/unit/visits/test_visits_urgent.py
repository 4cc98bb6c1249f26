"""Law 6: sent, received by the hospital, seen by a named person are three states; unseen for two minutes: phone."""

from datetime import timedelta

import pytest

from clinic_records.care import Recording
from clinic_records.clock import Origin, to_ms
from clinic_records.consult import Seen
from clinic_records.errors import NotFound
from clinic_records.ids import RecordId
from clinic_records.people import Author, Role
from clinic_records.record import Kind, Lane, Record, encode_payload
from sync.ports import Receipt, Verdict
from tests.unit.visits.visits_world import ECG, NURSE, Clinic, arm, open_stop, register, see
from vehicle_agent.store.audit import list_entries
from vehicle_agent.store.outbox import rows_where, set_verdict
from vehicle_agent.store.records import put_foreign
from vehicle_agent.visits import decisions
from vehicle_agent.visits.urgent import UNSEEN_S, phoned, urgent
from vehicle_agent.visits.views import UrgentView

DOCTOR = Author("d001", "李医生", Role.SPECIALIST)


def marked(clinic: Clinic) -> Recording:
    open_stop(clinic)
    encounter = see(clinic, register(clinic))
    arm(clinic, ECG, encounter)
    kept = clinic.keep(clinic.reading())
    return clinic.store.write(lambda conn: decisions.mark_urgent(conn, kept.recording.id, clinic.act()))


def shown(clinic: Clinic, sending: frozenset[str] = frozenset()) -> list[UrgentView]:
    return clinic.store.read(lambda conn: urgent(conn, clinic.now, sending))


def receipts(clinic: Clinic, verdict: Verdict = Verdict.APPLIED, limit: int = 100) -> None:
    """The hospital's answer to what travels in P0."""
    rows = clinic.store.read(lambda conn: rows_where(conn, "lane = ?", (Lane.P0,)))
    for number, row in enumerate(rows[:limit]):
        receipt = Receipt("a" * 63 + str(number), verdict, "e1", number + 1, clinic.now)
        clinic.store.write(
            lambda conn, row=row, receipt=receipt: set_verdict(  # type: ignore[misc]
                conn, row.incarnation, row.seq, receipt.wire_sha256, receipt
            )
        )


def say_seen(clinic: Clinic, thing: str, seconds: float = 0.0) -> None:
    at = clinic.now + timedelta(seconds=seconds)
    seen = Seen(RecordId(clinic.ids.new()), Kind.RECORDING.value, RecordId(thing), DOCTOR, at)
    record = Record(
        id=seen.id,
        revision=1,
        kind=Kind.SEEN,
        lane=Lane.P1,
        payload=encode_payload(seen),
        origin=Origin("H01", 1, to_ms(at) % 100_000),
        author=DOCTOR,
        recorded_at=at,
    )
    clinic.store.write(lambda conn: put_foreign(conn, record))


def test_an_urgent_one_goes_through_three_states(clinic: Clinic) -> None:
    recording = marked(clinic)
    (view,) = shown(clinic)
    assert (view.way, view.patient_name, view.seen_by) == ("queued", "王 秀英", "")
    receipts(clinic, limit=1)
    assert shown(clinic)[0].way == "queued", "the least far of record and raw bytes"
    receipts(clinic)
    (view,) = shown(clinic)
    assert (view.way, view.seen_at) == ("received", None)
    clinic.wait(seconds=50)
    say_seen(clinic, recording.id)
    say_seen(clinic, recording.id, seconds=20)
    (view,) = shown(clinic)
    assert (view.seen_by, view.seen_at, view.needs_call) == ("李医生", clinic.now, False)


def test_received_is_not_seen_and_after_two_minutes_the_page_says_to_phone(clinic: Clinic) -> None:
    marked(clinic)
    receipts(clinic)
    clinic.wait(seconds=UNSEEN_S - 1)
    assert not shown(clinic)[0].needs_call
    clinic.wait(seconds=1)
    assert shown(clinic)[0].needs_call


def test_a_later_version_does_not_begin_the_two_minutes_anew(clinic: Clinic) -> None:
    recording = marked(clinic)
    clinic.wait(seconds=100)
    encounter = recording.binding.encounter if recording.binding else None
    assert encounter is not None
    clinic.store.write(lambda conn: decisions.bind(conn, recording.id, encounter, clinic.act()))
    clinic.wait(seconds=30)
    assert [view.needs_call for view in shown(clinic)] == [True]


def test_who_has_phoned_is_written_down_and_ends_the_asking(clinic: Clinic) -> None:
    recording = marked(clinic)
    clinic.wait(seconds=300)
    clinic.store.write(lambda conn: phoned(conn, recording.id, " 接通，120 已派车 ", NURSE, clinic.now))
    (view,) = shown(clinic)
    assert (view.needs_call, view.phoned_by) == (False, "张护士")
    entries = clinic.store.read(lambda conn: list_entries(conn, "phoned"))
    assert b"120 \xe5\xb7\xb2\xe6\xb4\xbe\xe8\xbd\xa6" in entries[0][1]
    with pytest.raises(NotFound):
        clinic.store.write(lambda conn: phoned(conn, "nothing", "", NURSE, clinic.now))


def test_what_nobody_has_seen_stays_until_somebody_has_or_was_phoned(clinic: Clinic) -> None:
    recording = marked(clinic)
    clinic.wait(hours=72)
    (view,) = shown(clinic)
    assert (view.needs_call, view.age_s) == (True, 72 * 3600)
    clinic.store.write(lambda conn: phoned(conn, recording.id, "", NURSE, clinic.now))
    assert shown(clinic) == []


def test_it_leaves_the_page_an_hour_after_it_was_seen(clinic: Clinic) -> None:
    recording = marked(clinic)
    clinic.wait(hours=23)
    assert len(shown(clinic)) == 1
    say_seen(clinic, recording.id)
    clinic.wait(minutes=59)
    assert len(shown(clinic)) == 1
    clinic.wait(minutes=2)
    assert shown(clinic) == []


def test_what_is_not_urgent_is_not_shown(clinic: Clinic) -> None:
    clinic.keep(clinic.reading())
    assert shown(clinic) == []
