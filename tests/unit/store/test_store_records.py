"""Records and outbox rows: one transaction, dense numbers, append-only."""

import hashlib
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_records.clock import Origin
from clinic_records.errors import Conflict, NotFound, RefusedInput, StoreError
from clinic_records.ids import BlobHash, PatientId, RecordId
from clinic_records.people import Patient, Sex
from clinic_records.record import Kind, Lane, Record, encode_payload
from tests.unit.store.conftest import NOW, NURSE, Box
from vehicle_agent.store.audit import add_entry, list_entries
from vehicle_agent.store.database import open_database
from vehicle_agent.store.derive import database_key
from vehicle_agent.store.migrations import migrate
from vehicle_agent.store.outbox import begin_incarnation, day_figures, outbox_states, raise_lane, rows_where
from vehicle_agent.store.quarantine import close_quarantine, list_quarantine, quarantine
from vehicle_agent.store.records import current, get_version, history, list_current, put_foreign, put_record
from vehicle_agent.store.store import Store


def test_versions_follow_each_other_by_revision_and_hash(box: Box) -> None:
    first = box.put("e1", payload=b'{"status":"arrived"}')
    second = box.put("e1", payload=b'{"status":"finished"}', expected=1)
    assert (first.revision, second.revision, second.prev_hash) == (1, 2, first.sha256)
    assert box.store.read(lambda conn: current(conn, Kind.ENCOUNTER, "e1")) == second
    assert box.store.read(lambda conn: history(conn, Kind.ENCOUNTER, "e1")) == [first, second]
    assert box.store.read(lambda conn: get_version(conn, Kind.ENCOUNTER, "e1", 1)) == first
    with pytest.raises(NotFound, match="revision 3"):
        box.store.read(lambda conn: get_version(conn, Kind.ENCOUNTER, "e1", 3))


@pytest.mark.parametrize("expected", [0, 2, 7])
def test_a_change_of_a_stale_version_is_a_conflict_and_uses_no_number(box: Box, expected: int) -> None:
    box.put("e1")
    with pytest.raises(Conflict, match="current revision is 1"):
        box.put("e1", expected=expected)
    assert box.put("e2").origin == Origin("V01", 1, 2)


def test_numbers_are_dense_over_failures_and_restarts(box: Box) -> None:
    blob = box.store.blobs.keep(b"curve")
    box.put("r1", kind=Kind.RECORDING, lane=Lane.P3, blobs=(blob.sha256,))
    for _ in range(3):
        with pytest.raises(Conflict):
            box.put("r1", kind=Kind.RECORDING)
    with pytest.raises(NotFound, match="never kept"):
        box.put("r2", kind=Kind.RECORDING, blobs=(BlobHash("0" * 64),))
    box.restart()
    box.put("r3", kind=Kind.RECORDING, blobs=(blob.sha256,))
    rows = box.store.read(lambda conn: rows_where(conn, "1"))
    assert sorted(row.seq for row in rows) == [1, 2, 3]
    assert [row.id for row in rows if row.kind is Kind.BLOB] == [blob.sha256]


def test_a_new_incarnation_counts_from_one_and_an_old_one_never_returns(box: Box) -> None:
    box.put("e1")
    box.store.close()
    key = database_key(box.data_key)
    for granted, expected in ((2, 2), (1, 2)):
        store = Store.open(box.folder.database, box.folder.blobs, key, vehicle="V01", incarnation=granted)
        assert store.incarnation == expected
        store.close()
    box.store = box.open_store()
    assert box.put("e2").origin == Origin("V01", 2, 1)


def test_another_vehicles_database_is_refused(box: Box) -> None:
    with pytest.raises(StoreError, match="belongs to vehicle V01"):
        box.store.write(lambda conn: begin_incarnation(conn, "V02", 1))


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM records",
        "UPDATE records SET payload = x'00'",
        "UPDATE records SET sha256 = ''",
        "DELETE FROM outbox",
        "UPDATE outbox SET state = 'sent'",
    ],
)
def test_nothing_is_deleted_or_rewritten(box: Box, statement: str) -> None:
    record = box.put("e1")
    with pytest.raises(StoreError, match=r"append-only|receipt|CHECK"):
        box.store.write(lambda conn: conn.execute(statement))
    assert box.store.read(lambda conn: current(conn, Kind.ENCOUNTER, "e1")) == record


def test_lists_by_field_and_by_text(box: Box) -> None:
    for number, (name, village) in enumerate([("王小明", "上河村"), ("李丽", "下河村"), ("𠮷田", "上河村")]):
        person = Patient(PatientId(f"p{number}"), name, Sex.UNKNOWN, date(1960, 1, 1), village=village)
        box.put(f"p{number}", kind=Kind.PATIENT, payload=person)
    box.put("r1", kind=Kind.RECORDING, payload=b'{"binding":{"encounter":"e1"},"urgent":true}')
    box.put("r2", kind=Kind.RECORDING, payload=b'{"status":"unbound"}')

    def ids(kind: Kind, **terms: object) -> list[str]:
        return box.store.read(lambda conn: [each.id for each in list_current(conn, kind, **terms)])  # type: ignore[arg-type]

    assert ids(Kind.PATIENT) == ["p0", "p1", "p2"]
    assert ids(Kind.PATIENT, newest_first=True, limit=2) == ["p2", "p1"]
    assert ids(Kind.PATIENT, where={"village": "上河村"}) == ["p0", "p2"]
    assert ids(Kind.PATIENT, contains={"name": "河", "village": "下河"}) == ["p1"]
    assert ids(Kind.PATIENT, contains={"name": "𠮷"}) == ["p2"]
    assert ids(Kind.RECORDING, where={"binding.encounter": "e1", "urgent": True}) == ["r1"]
    assert ids(Kind.RECORDING, where={"binding": None}) == ["r2"]
    with pytest.raises(RefusedInput, match="not a payload field"):
        ids(Kind.PATIENT, where={"name') OR 1 --": "x"})


def test_a_foreign_record_is_kept_once_and_never_sent(box: Box) -> None:
    def schedule(revision: int, payload: bytes) -> Record:
        return Record(RecordId("s"), revision, Kind.SCHEDULE, Lane.P1, payload, Origin("H1", 1, revision), None, NOW)

    assert box.store.write(lambda conn: put_foreign(conn, schedule(2, b'{"version":2}')))
    assert not box.store.write(lambda conn: put_foreign(conn, schedule(2, b'{"version":2}')))
    assert box.store.write(lambda conn: put_foreign(conn, schedule(1, b'{"version":1}')))
    newest = box.store.read(lambda conn: current(conn, Kind.SCHEDULE, "s"))
    assert newest is not None
    assert newest.revision == 2
    with pytest.raises(Conflict, match="two contents"):
        box.store.write(lambda conn: put_foreign(conn, schedule(2, b'{"version":"another"}')))
    assert box.store.read(lambda conn: rows_where(conn, "1")) == []


def test_the_days_figures_prove_what_was_made(box: Box) -> None:
    blob = box.store.blobs.keep(b"curve")
    made = [box.put("e1"), box.put("r1", kind=Kind.RECORDING, blobs=(blob.sha256,)), box.put("e1", expected=1)]
    figures = box.store.read(day_figures)
    assert figures.last_seq == 4
    assert figures.counts == {"encounter": 2, "recording": 1, "blob": 1}
    hashes = (made[0].sha256, made[1].sha256, blob.sha256, made[2].sha256)
    assert figures.root == hashlib.sha256("".join(hashes).encode()).hexdigest()


def test_raising_moves_only_what_waits_and_never_lowers(box: Box) -> None:
    blob = box.store.blobs.keep(b"curve")
    box.put("r1", kind=Kind.RECORDING, lane=Lane.P3, blobs=(blob.sha256,), blob_lane=Lane.P4)

    def raised(lane: Lane) -> bool:
        return box.store.write(lambda conn: raise_lane(conn, Kind.BLOB, blob.sha256, lane))

    assert raised(Lane.P3)
    assert not raised(Lane.P4)
    assert not box.store.write(lambda conn: raise_lane(conn, Kind.BLOB, "0" * 64, Lane.P0))
    box.put("r1", kind=Kind.RECORDING, lane=Lane.P0, blobs=(blob.sha256,), expected=1)
    lanes = {row.id: row.lane for row in box.store.read(lambda conn: rows_where(conn, "kind = 'blob'"))}
    assert lanes == {blob.sha256: Lane.P0}
    box.store.write(lambda conn: conn.execute("UPDATE outbox SET state = 'received'"))
    assert not raised(Lane.P0)
    assert box.store.read(lambda conn: outbox_states(conn, Kind.BLOB, [blob.sha256, "x"])) == {blob.sha256: "received"}


def test_one_program_at_a_time_owns_the_store(box: Box) -> None:
    with pytest.raises(StoreError, match="another program"):
        box.open_store()
    box.put("e1")
    box.restart()
    box.put("e2")


def test_a_payload_is_bounded(box: Box) -> None:
    with pytest.raises(RefusedInput, match="payload of"):
        box.put("e1", payload=b"x" * (1024 * 1024 + 1))


def test_quarantine_keeps_raw_bytes_a_reason_and_one_task(box: Box) -> None:
    blob = box.store.blobs.keep(b"\xff garbage")

    def aside(reason: str) -> int:
        return box.store.write(
            lambda conn: quarantine(conn, at=NOW, source="ecg-1", reason=reason, blob=blob.sha256, meta=b"m")
        )

    assert aside("wrong CRC") == aside("wrong CRC") != aside("cut")
    tasks = box.store.read(list_quarantine)
    assert [(task.reason, task.is_open, task.meta) for task in tasks] == [
        ("cut", True, b"m"),
        ("wrong CRC", True, b"m"),
    ]
    assert box.store.blobs.read(tasks[0].blob) == b"\xff garbage"
    box.store.write(lambda conn: close_quarantine(conn, tasks[0].task))
    assert len(box.store.read(list_quarantine)) == 1
    assert len(box.store.read(lambda conn: list_quarantine(conn, only_open=False))) == 2
    with pytest.raises(NotFound):
        box.store.write(lambda conn: close_quarantine(conn, 99))
    with pytest.raises(NotFound, match="never kept"):
        box.store.write(lambda conn: quarantine(conn, at=NOW, source="x", reason="y", blob=BlobHash("1" * 64)))


def test_audit_entries_come_back_newest_first(box: Box) -> None:
    for entry in (b"login", b"search"):
        box.store.write(lambda conn, entry=entry: add_entry(conn, "access", entry, NOW))  # type: ignore[misc]
    assert box.store.read(lambda conn: list_entries(conn, "access")) == [(NOW, b"search"), (NOW, b"login")]


@given(payload=st.dictionaries(st.text(max_size=20), st.text(max_size=50), max_size=5))
def test_any_record_comes_back_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, payload: dict[str, str]
) -> None:
    path = tmp_path_factory.getbasetemp() / "property.db"
    conn = open_database(path, bytes(32))
    try:
        migrate(conn)
        begin_incarnation(conn, "V01", 1)
        conn.execute("BEGIN")
        written = put_record(
            conn, record_id="x", kind=Kind.PATIENT, lane=Lane.P2, payload=payload, author=NURSE, recorded_at=NOW
        )
        assert current(conn, Kind.PATIENT, "x") == written
        assert written.payload == encode_payload(payload)
        conn.execute("ROLLBACK")
    finally:
        conn.close()
