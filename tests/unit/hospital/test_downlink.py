"""The way down, sessions and strangers: queues that end by the vehicle's receipt only."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from sqlalchemy import insert, select
from typer.testing import CliRunner

from clinic_records.clock import CHINA
from clinic_records.errors import AccessError, Conflict, NotFound
from clinic_records.ids import VehicleId
from clinic_records.record import Kind, Lane
from cloud_hospital.downlink import queue_for_vehicle, queue_schedules
from cloud_hospital.hospital import Hospital
from cloud_hospital.intake import strangers
from cloud_hospital.intake.outbound import VehicleOutbound
from cloud_hospital.intake.sessions import VehicleSessions
from cloud_hospital.intake.strangers import keep_stranger
from cloud_hospital.intake.worker import Intake
from cloud_hospital.starts import begin_start
from cloud_hospital.store.engine import reading, writing
from cloud_hospital.store.news import tail
from cloud_hospital.store.tables import alarms, downlink, feed_epochs, quarantine
from cloud_hospital.vehicles import active_vehicles, enrol, revoke
from commands.hospital import app
from schedules.folder import PlanFolder
from schedules.publish import make_version
from sync.frames import Items, encode
from sync.ports import Receipt, SessionState, Verdict, WireItem
from sync.seal import open_wire
from sync.topics import Topic, Way
from tests.unit.hospital.conftest import Box, Clinic, a_visit


def receipt(item: WireItem, verdict: Verdict) -> Receipt:
    return Receipt(item.wire_sha256, verdict, "e", 1, datetime(2026, 11, 23, tzinfo=UTC))


def publish(hospital: Hospital, number: int, last_in_days: int = 30) -> bytes:
    """Keep a version whose last day is that many days from today; its bytes."""
    last = hospital.now().astimezone(CHINA).date() + timedelta(last_in_days)
    first = last - timedelta(60)
    version = make_version((), version=number, effective_from=first, first=first, last=last)
    return PlanFolder(hospital.folder.root).add(version)


def revisions_down(hospital: Hospital, box: Box) -> list[int]:
    """The schedule versions that wait for this box and that it can open."""
    outbound, keys = VehicleOutbound(hospital, box.vehicle), {box.private.key_id: box.private}
    data = [outbound.read(each.wire_sha256, 0, 100_000) for each in outbound.waiting(Lane.P2, 0, 10)]
    return [open_wire(each, origin=hospital.keys.sign.public, recipients=keys).header.revision for each in data]


def test_a_vehicle_enrolled_late_or_with_another_box_gets_every_version_not_over(clinic: Clinic) -> None:
    hospital, late, new_box = clinic.hospital, Box("V03"), Box("V03")
    for number, last_in_days in ((1, -1), (2, 0), (3, 30)):
        publish(hospital, number, last_in_days)
    enrol(hospital, late.request())
    assert queue_schedules(hospital, ["V03"]) == [2, 3]
    assert revisions_down(hospital, late) == [2, 3]
    enrol(hospital, late.request())
    queue_schedules(hospital, ["V03"])
    assert revisions_down(hospital, late) == [2, 3]
    enrol(hospital, new_box.request(), replace=True)
    queue_schedules(hospital, ["V03"])
    assert revisions_down(hospital, new_box) == [2, 3]


def test_a_schedule_waits_for_every_vehicle_and_is_sealed_to_each(clinic: Clinic) -> None:
    other = Box("V02")
    enrol(clinic.hospital, other.request())
    first_payload = publish(clinic.hospital, 1)
    assert queue_schedules(clinic.hospital, active_vehicles(clinic.hospital)) == [1]
    assert queue_schedules(clinic.hospital, active_vehicles(clinic.hospital)) == [1]
    outbound = VehicleOutbound(clinic.hospital, "V01")
    (item,) = outbound.waiting(Lane.P2, 0, 10)
    first = outbound.read(item.wire_sha256, 0, 10_000)
    assert len(first) == item.size
    private = clinic.box.private
    opened = open_wire(first, origin=clinic.hospital.keys.sign.public, recipients={private.key_id: private})
    assert (opened.header.kind, opened.header.revision, opened.payload) == (Kind.SCHEDULE, 1, first_payload)
    publish(clinic.hospital, 2)
    assert queue_schedules(clinic.hospital, active_vehicles(clinic.hospital)) == [1, 2]
    assert [each.order for each in outbound.waiting(Lane.P2, item.order, 10)] == [item.order + 2]
    keys = {private.key_id: private}
    data = [outbound.read(each.wire_sha256, 0, 10_000) for each in outbound.waiting(Lane.P2, 0, 10)]
    ids = {open_wire(each, origin=clinic.hospital.keys.sign.public, recipients=keys).header.id for each in data}
    assert len(ids) == 1


def test_only_the_vehicles_answer_ends_a_row(clinic: Clinic) -> None:
    queue_for_vehicle(clinic.hospital, "V01", clinic.box.record(Kind.SCHEDULE, b"{}", "s1"))
    outbound = VehicleOutbound(clinic.hospital, "V01")
    (item,) = outbound.waiting(Lane.P2, 0, 10)
    assert outbound.settle(receipt(item, Verdict.REFUSED))
    assert outbound.waiting(Lane.P2, 0, 10) == [item]
    assert outbound.settle(receipt(item, Verdict.APPLIED))
    assert not outbound.settle(receipt(item, Verdict.APPLIED))
    assert outbound.waiting(Lane.P2, 0, 10) == []
    assert VehicleOutbound(clinic.hospital, "V02").settle(receipt(item, Verdict.APPLIED)) is False
    assert outbound.reopen_all() == 1
    assert outbound.waiting(Lane.P2, 0, 10) == [item]
    with pytest.raises(NotFound):
        outbound.read("0" * 64, 0, 1)


def test_nothing_is_sealed_to_the_revoked_or_unknown(clinic: Clinic) -> None:
    with pytest.raises(NotFound):
        queue_for_vehicle(clinic.hospital, "V09", clinic.box.record(Kind.SCHEDULE, b"{}", "s1"))
    with pytest.raises(NotFound):
        revoke(clinic.hospital, "V09", "stolen")
    done = CliRunner().invoke(app, ["revoke-vehicle", str(clinic.hospital.folder.root), "V01", "--why", "stolen"])
    assert done.exit_code == 0, done.output
    with pytest.raises(AccessError):
        revoke(clinic.hospital, "V01", "stolen again")
    with pytest.raises(AccessError):
        queue_for_vehicle(clinic.hospital, "V01", clinic.box.record(Kind.SCHEDULE, b"{}", "s1"))
    assert active_vehicles(clinic.hospital) == []
    with pytest.raises(AccessError):
        enrol(clinic.hospital, clinic.box.request())


def test_another_box_needs_a_word(clinic: Clinic) -> None:
    with pytest.raises(Conflict):
        enrol(clinic.hospital, Box("V01").request())
    assert enrol(clinic.hospital, Box("V01").request(), replace=True).incarnation == 2


def test_the_session_says_the_hospitals_own_count_and_epoch(clinic: Clinic) -> None:
    sessions = VehicleSessions(clinic.hospital, "V01")
    assert sessions.load().token == clinic.enrolment.session_token
    clinic.send(a_visit().records(clinic.box)[1])
    state = sessions.load()
    assert (state.highest_receipt_seq, state.epoch) == (1, clinic.hospital.log.current())
    sessions.save(msgspec.structs.replace(state, token="1.a", pending_token="2.b", highest_receipt_seq=0))
    assert sessions.load() == msgspec.structs.replace(state, token="1.a", pending_token="2.b")
    assert VehicleSessions(clinic.hospital, "V05").load().token == ""


def test_a_new_epoch_is_everybodys_and_outlives_the_database(clinic: Clinic) -> None:
    sessions = VehicleSessions(clinic.hospital, "V01")
    sessions.save(msgspec.structs.replace(sessions.load(), epoch="00ff00ff00ff00ff", highest_receipt_seq=0))
    assert clinic.hospital.log.current() == "00ff00ff00ff00ff"
    assert VehicleSessions(clinic.hospital, "V02").load().epoch == "00ff00ff00ff00ff"
    with reading(clinic.hospital.engine) as connection:
        assert len(connection.execute(select(feed_epochs)).all()) == 2
    assert SessionState().epoch == ""


def test_strangers_are_kept_once_and_not_without_end(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strangers, "MOST_KEPT", 12)
    for _ in range(3):
        keep_stranger(clinic.hospital, "V66", b"who am I", "not enrolled")
    for number in range(12 + 5):
        keep_stranger(clinic.hospital, "V67", b"%d" % number, "not enrolled")
    with reading(clinic.hospital.engine) as connection:
        rows = connection.execute(select(quarantine)).all()
        assert len(connection.execute(select(alarms)).all()) == 2
    assert len([row for row in rows if row.vehicle == "V66"]) == 1
    assert len(rows) == 12 + 1
    assert (clinic.hospital.folder.root / rows[0].path).read_bytes() == b"who am I"


def test_a_row_that_is_committed_behind_a_later_one_is_noticed(clinic: Clinic) -> None:
    """On PostgreSQL a number is taken before the commit; another's later number may be seen first (sync rule 9)."""
    hospital, record = clinic.hospital, a_visit().records(clinic.box)[0]
    mark: list[tuple[int, int]] = []
    for number in (7, 5, 6):
        row = {"n": number, "at": 0, "vehicle": "V01", "code": record.id, "detail": ""}
        with writing(hospital.engine) as connection:
            connection.execute(insert(alarms).values(row))
        with reading(hospital.engine) as connection:
            mark.append(tail(connection, alarms.c.n))
            assert tail(connection, alarms.c.n) == mark[-1]
    assert len(set(mark)) == 3


def test_a_late_row_down_wakes_the_worker(clinic: Clinic) -> None:
    hospital, box = clinic.hospital, clinic.box
    intake = Intake(hospital)
    for number, kind in ((7, "formulary"), (5, "price-list")):
        intake.look()
        row = {"n": number, "vehicle": box.vehicle, "wire_sha256": f"{number:064x}", "size": 1, "lane": "P2"}
        row |= {"kind": kind, "id": kind, "revision": 1, "sha256": f"{number:064x}", "queued_at": 0}
        with writing(hospital.engine) as connection:
            connection.execute(insert(downlink).values(row))
        assert intake.look(), number
    assert not intake.look()


def test_what_ends_sessions_wakes_the_worker(clinic: Clinic) -> None:
    """Nothing else may happen for hours, and whoever is connected and idle is to be asked to greet (sync rule 3)."""
    hospital = clinic.hospital
    intake = Intake(hospital)
    intake.look()
    assert not intake.look()
    hospital.log.begin(hospital.now(), "restored")
    assert [intake.look(), intake.look()] == [True, False]
    hospital.log.revoke(clinic.box.vehicle, hospital.now(), "stolen")
    assert [intake.look(), intake.look()] == [True, False]


def test_a_look_asks_once_for_all_sessions_that_are_believed_to_stand(clinic: Clinic) -> None:
    hospital, vehicle = clinic.hospital, VehicleId(clinic.box.vehicle)
    intake = Intake(hospital)
    sessions = VehicleSessions(hospital, vehicle)

    def bring() -> None:
        items = Items(Lane.P2, (b"no envelope",))
        intake.station.on_message(Topic(vehicle, Way.UP, Lane.P2), encode(items), 0.0)

    def greeted(session: str) -> SessionState:
        return SessionState(session=session, epoch=hospital.log.current(), key_number=hospital.keys.number)

    sessions.save(greeted("s1"))
    bring()
    assert intake.station.known == {vehicle}
    intake.look()
    assert intake.station.known == {vehicle}
    for ended in (greeted("s2"), msgspec.structs.replace(greeted("s2"), is_forked=True)):
        sessions.save(greeted("s1"))
        bring()
        sessions.save(ended)
        intake.look()
        assert not intake.station.known
    sessions.save(greeted("s1"))
    bring()
    begin_start(hospital.folder)
    intake.look()
    assert not intake.station.known
