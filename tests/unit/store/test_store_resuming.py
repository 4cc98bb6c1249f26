"""Sync rule 6, second half: a restored box gets its own newer records back and changes nothing older before."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from clinic_records.care import Encounter, EncounterStatus
from clinic_records.clock import Origin
from clinic_records.errors import BadFrame, Conflict, NotFound, RefusedInput
from clinic_records.ids import EncounterId, IdFactory, PatientId, RecordId, StopId
from clinic_records.people import Author, Role
from clinic_records.record import Kind, Lane, Record, encode_payload
from clinic_records.resumption import OwnRecord, OwnRecords, Resumed, StreamEnd
from cloud_hospital.alarms import standing
from cloud_hospital.downlink import queue_for_vehicle
from cloud_hospital.downlinks import own_records
from cloud_hospital.downlinks.own_records import give_back, queue_own_records
from cloud_hospital.hospital import Hospital, init_hospital, open_hospital
from cloud_hospital.intake.outbound import VehicleOutbound
from cloud_hospital.settings import HospitalSettings
from cloud_hospital.vehicles import enrol
from sync.abilities import OURS
from sync.ports import Receipt, SessionState, Verdict
from sync.seal import open_wire, seal
from tests.unit.hospital.conftest import deliver
from tests.unit.store.conftest import NOW, NURSE, Box
from vehicle_agent.alarms import resuming_alarm
from vehicle_agent.explain import explain
from vehicle_agent.store.asking_back import ask_back
from vehicle_agent.store.folder import VehicleFolder
from vehicle_agent.store.merge.rule import Merging
from vehicle_agent.store.merge.table import merge
from vehicle_agent.store.outbox import rows_where
from vehicle_agent.store.records import current, list_current
from vehicle_agent.store.resuming import Resuming

MERGING = Merging("V01", NOW, IdFactory().new)
OPERATOR = Author("o001", "赵运维", Role.OPERATOR)
NEW = 900
OPEN = SessionState(incarnation=NEW, peer=OURS)


def encounter(id_: str, reason: str = "") -> bytes:
    status = EncounterStatus.IN_PROGRESS
    return encode_payload(Encounter(EncounterId(id_), PatientId("p1"), StopId("s1"), status, NOW, NURSE, reason))


class County:
    """A vehicle's box, its hospital, and the backup of the night before."""

    def __init__(self, root: Path, hospital: Hospital) -> None:
        self.hospital = hospital
        self.box = Box(VehicleFolder(root / "V01"))
        enrol(hospital, self.box.keys.request("V01"))
        self.backup = root / "backup"

    def put(self, id_: str, expected: int = 0, *, lane: Lane = Lane.P2, **more: object) -> Record:
        payload = encounter(id_, str(expected))
        return self.box.put(id_, payload=payload, expected=expected, lane=lane, **more)  # type: ignore[arg-type]

    def send(self, record: Record) -> Receipt:
        wire = seal(record, keys=self.box.keys.sign, recipient=self.hospital.keys.announced.public, created_ms=0)
        return deliver(self.hospital, "V01", wire)

    def back_up(self) -> None:
        self.box.close()
        shutil.copytree(self.box.folder.root, self.backup)
        self.box.restart()

    def restore(self) -> None:
        self.box.close()
        shutil.rmtree(self.box.folder.root)
        shutil.copytree(self.backup, self.box.folder.root)
        self.box.restart()
        self.box.store.adopt_incarnation(NEW)

    def ask(self, session: SessionState = OPEN) -> Resuming | None:
        return ask_back(self.box.store, session, IdFactory().new(), NOW)

    def asked(self) -> Record:
        (record,) = self.box.store.read(lambda conn: list_current(conn, Kind.RESUMED))
        return record

    def came_down(self) -> list[Record]:
        outbound, keys = VehicleOutbound(self.hospital, "V01"), {self.box.keys.box.key_id: self.box.keys.box}
        found = []
        for item in outbound.waiting(Lane.P2, -1, 1000):
            data = outbound.read(item.wire_sha256, 0, item.size)
            opened = open_wire(data, origin=self.hospital.keys.sign.public, recipients=keys).record()
            found += [opened] * (opened.kind is Kind.OWN_RECORDS)
        return found

    def merge(self, record: Record) -> tuple[str, ...]:
        return self.box.store.write(lambda conn: merge(conn, record, MERGING))

    def current(self, id_: str) -> Record | None:
        return self.box.store.read(lambda conn: current(conn, Kind.ENCOUNTER, id_))


@pytest.fixture
def county(tmp_path: Path) -> Iterator[County]:
    init_hospital(tmp_path / "hospital", HospitalSettings(web_port=0, broker_port=0))
    with open_hospital(tmp_path / "hospital") as hospital:
        made = County(tmp_path, hospital)
        yield made
        made.box.close()


def restored(county: County) -> tuple[Record, Record]:
    """`e1` was changed and `e2` made after the backup; both versions that the box has lost."""
    county.send(county.put("e1"))
    county.back_up()
    blob = county.box.store.blobs.keep(b"an ecg of the lost day")
    lost = county.put("e1", 1), county.put("e2", blobs=(blob.sha256,))
    for record in lost:
        assert county.send(record).verdict is Verdict.APPLIED
    county.restore()
    return lost


def test_what_is_newer_than_the_backup_comes_home_and_the_chain_goes_on(county: County) -> None:
    lost = restored(county)
    state = county.ask()
    assert state is not None
    assert [alarm.code for alarm in resuming_alarm(state)] == ["resuming"]
    assert county.ask() == state, "once"
    with pytest.raises(Conflict, match="restored"):
        county.put("e1", 1)
    assert county.send(county.asked()).verdict is Verdict.APPLIED
    assert queue_own_records(county.hospital) == 0, "a thief could ask as well"
    assert [each.code for each in standing(county.hospital)] == ["asks-back"]
    assert give_back(county.hospital, "V01", OPERATOR) == 1
    assert standing(county.hospital) == []
    assert queue_own_records(county.hospital) == 0
    with pytest.raises(NotFound):
        give_back(county.hospital, "V01", OPERATOR)
    (part,) = county.came_down()
    (doubt,) = county.merge(part)
    assert "清点药品" in doubt
    assert [county.current(each.id) for each in lost] == list(lost)
    assert resuming_alarm(county.ask()) == []
    assert county.merge(part) == (), "again"
    rows = county.box.store.read(lambda conn: rows_where(conn, "incarnation = ?", (NEW,)))
    assert [row.kind for row in rows] == [Kind.RESUMED], "what came home is not sent again"
    told = county.box.store.read(lambda conn: explain(conn, county.box.spool.up, "e1"))
    assert [each.revision for each in told] == [1, 2]
    assert "发回" in told[1].steps[-1].zh
    third = county.put("e1", 2)
    assert (third.revision, third.prev_hash) == (3, lost[0].sha256)
    fourth = county.put("e2", 1, blobs=lost[1].blobs)
    assert [county.send(each).verdict for each in (third, fourth)] == [Verdict.APPLIED] * 2


def test_until_then_new_and_urgent_things_are_written(county: County) -> None:
    restored(county)
    waiting = msgspec.structs.replace(OPEN, rejoin="r1")
    assert county.ask(waiting) == Resuming(NEW), "no question before the incarnation is granted"
    assert county.box.store.read(lambda conn: list_current(conn, Kind.RESUMED)) == []
    with pytest.raises(Conflict, match="restored"):
        county.put("e1", 1)
    assert county.put("e9").origin == Origin("V01", NEW, 1)
    assert county.put("e9", 1).revision == 2
    assert county.put("e1", 1, lane=Lane.P0).revision == 2
    assert county.ask(msgspec.structs.replace(OPEN, peer=None)) == Resuming(NEW), "the hospital would not understand"


def test_a_crash_between_two_parts_loses_none(county: County, monkeypatch: pytest.MonkeyPatch) -> None:
    lost = restored(county)
    monkeypatch.setattr(own_records, "PART_BYTES", 100)
    county.ask()
    county.send(county.asked())
    calls = []

    def dying(hospital: Hospital, vehicle: str, record: Record) -> str:
        calls.append(record)
        if len(calls) == 2:
            raise OSError("killed")
        return queue_for_vehicle(hospital, vehicle, record)

    monkeypatch.setattr(f"{own_records.__name__}.queue_for_vehicle", dying)
    with pytest.raises(OSError, match="killed"):
        give_back(county.hospital, "V01", OPERATOR)
    assert queue_own_records(county.hospital) == 2
    parts = county.came_down()
    doubts = [county.merge(part) for part in parts]
    assert [bool(each) for each in doubts] == [False, True], "the medicines are counted once all is here"
    assert [county.current(each.id) for each in lost] == list(lost)


def test_a_new_disk_gets_the_last_weeks_and_a_first_life_asks_nothing(county: County) -> None:
    assert county.ask() is None
    made = [county.put("e1"), county.put("e2")]
    for record in made:
        assert county.send(record).verdict is Verdict.APPLIED
    county.box.close()
    shutil.rmtree(county.box.folder.root)
    county.box = Box(VehicleFolder(county.box.folder.root))
    granted = enrol(county.hospital, county.box.keys.request("V01"), replace=True)
    county.box.store.adopt_incarnation(granted.incarnation)
    assert county.ask() is not None
    county.send(county.asked())
    assert queue_own_records(county.hospital) == 1, "whoever enrolled it let it ask"
    again = Resumed(RecordId("another"), granted.incarnation, (StreamEnd(1, 0),))
    county.send(county.box.put("another", kind=Kind.RESUMED, payload=again, lane=Lane.P1))
    assert queue_own_records(county.hospital) == 0, "once: whoever steals the box later gets nothing"
    (part,) = county.came_down()
    county.merge(part)
    assert [county.current(each.id) for each in made] == made


def part_of(*records: OwnRecord, vehicle: str = "V01") -> Record:
    thing = OwnRecords(vehicle, RecordId("r1"), 1, 1, records)
    return Record(RecordId("a"), 1, Kind.OWN_RECORDS, Lane.P2, encode_payload(thing), Origin("H01", 1, 1), None, NOW)


def own(**changes: object) -> OwnRecord:
    made = OwnRecord(Kind.ENCOUNTER, RecordId("e1"), 1, Lane.P2, encounter("e1").decode(), Origin("V01", 1, 5), NOW)
    return msgspec.structs.replace(made, **changes)


@pytest.mark.parametrize(
    "wrong",
    [
        own(origin=Origin("V02", 1, 5)),
        own(revision=0),
        own(kind=Kind.BLOB, payload="x"),
        own(kind=Kind.FORMULARY, payload='{"medicines":[]}'),
        own(payload='{"id":"e1"}'),
    ],
    ids=["another's", "no revision", "raw bytes", "the hospital's", "not of its kind"],
)
def test_what_is_no_record_of_ours_is_not_taken(box: Box, wrong: OwnRecord) -> None:
    with pytest.raises(BadFrame):
        box.store.write(lambda conn: merge(conn, part_of(own(id=RecordId("e0")), wrong), MERGING))
    assert box.store.read(lambda conn: list_current(conn, Kind.ENCOUNTER)) == [], "nothing of it"
    with pytest.raises(RefusedInput, match="V02"):
        box.store.write(lambda conn: merge(conn, part_of(own(), vehicle="V02"), MERGING))


def test_another_content_here_stays_and_is_told(box: Box) -> None:
    ours = box.put("e1")
    (doubt,) = box.store.write(lambda conn: merge(conn, part_of(own()), MERGING))
    assert "two contents" in doubt
    assert box.store.read(lambda conn: current(conn, Kind.ENCOUNTER, "e1")) == ours


def test_an_answer_leaves_the_spool_as_soon_as_it_is_merged(box: Box) -> None:
    """It opens with the box's key alone, which lies beside it."""
    wire = seal(part_of(own()), keys=box.hospital.sign, recipient=box.keys.box.public, created_ms=0)
    assert wire.data is not None
    box.spool.down.write(wire.wire_sha256, wire.size, wire.lane, 0, wire.data)
    assert box.spool.down.accept(wire.wire_sha256).verdict is Verdict.APPLIED
    (item,) = box.spool.down.downlink_pending()
    box.spool.down.downlink_merged(item, is_kept=False)
    assert not box.spool.down.wire(item).exists()
    assert box.spool.down.downlink_pending() == []
    box.spool.down.note_new_epoch("e2")
    assert box.spool.down.to_give_back(10) == []


def test_a_question_says_how_far_each_stream_was(county: County) -> None:
    county.put("e1")
    county.put("e2")
    county.box.store.adopt_incarnation(NEW)
    county.ask()
    asked = msgspec.json.decode(county.asked().payload, type=Resumed)
    assert [(end.incarnation, end.last_seq) for end in asked.known] == [(1, 2)]
