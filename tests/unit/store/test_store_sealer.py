"""From outbox rows to the spool and back, over every window a crash can open."""

import os
import pickle
import shutil
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from clinic_records.ids import BlobHash
from clinic_records.record import Kind, Lane
from sync.ports import Verdict
from sync.seal import Opened, open_wire
from tests.unit.store.conftest import NOW, NURSE, Box
from vehicle_agent.store.driver import Connection
from vehicle_agent.store.outbox import outbox_states, raise_lane, rows_where
from vehicle_agent.store.records import put_record
from vehicle_agent.store.seal_job import SealedBlob, seal_blob
from vehicle_agent.store.sealer import AT_COMMIT


def _open(box: Box, wire_sha256: str) -> Opened:
    (size,) = [
        item.size for lane in Lane for item in box.spool.up.waiting(lane, -1, 999) if item.wire_sha256 == wire_sha256
    ]
    wire = box.spool.up.read(wire_sha256, 0, size)
    private = box.hospital.private
    return open_wire(wire, origin=box.keys.sign.public, recipients={private.key_id: private})


def _states(box: Box) -> dict[str, str]:
    return {row.id: row.state for row in box.store.read(lambda conn: rows_where(conn, "1"))}


def test_what_is_saved_is_in_the_spool_before_save_is_answered(box: Box) -> None:
    box.sealer()
    blob = box.store.blobs.keep(b"ecg samples" * 5000)
    recording = box.put("r1", kind=Kind.RECORDING, lane=Lane.P3, payload=b'{"status":"bound"}', blobs=(blob.sha256,))
    opened = [_open(box, wire) for wire in box.wires()]
    assert opened[0].record() == recording
    assert opened[1].payload == b"ecg samples" * 5000
    assert (opened[1].header.kind, opened[1].header.id, opened[1].header.author) == ("blob", blob.sha256, NURSE)
    assert [each.outer.seq for each in opened] == [1, 2]
    assert b"bound" not in box.spool.up.read(box.wires()[0], 0, 10_000)
    box.store.write(lambda _: None)
    assert _states(box) == {"r1": "spooled", blob.sha256: "spooled"}


def test_the_first_of_many_is_told_of_while_the_rest_is_sealed(box: Box) -> None:
    told: list[int] = []
    box.sealer(on_spooled=lambda: told.append(len(box.wires())))

    def save_many(conn: Connection) -> None:
        for number in range(40):
            put_record(
                conn, record_id=f"e{number}", kind=Kind.ENCOUNTER, lane=Lane.P2, payload=b"{}", author=NURSE,
                recorded_at=NOW,
            )  # fmt: skip

    box.store.write(save_many)
    assert told == [16, 32, 40]


def test_the_order_within_one_commit_is_by_lane_and_number(box: Box) -> None:
    for name, lane in (("a", Lane.P3), ("b", Lane.P0), ("c", Lane.P3), ("d", Lane.P1)):
        box.put(name, lane=lane)
    box.sealer().reconcile()
    assert [_open(box, wire).header.id for wire in box.wires()] == ["b", "d", "a", "c"]


def test_a_crash_between_commit_and_spool_loses_nothing(box: Box) -> None:
    blob = box.store.blobs.keep(b"curve")
    box.put("r1", kind=Kind.RECORDING, blobs=(blob.sha256,))
    assert box.wires() == []
    box.restart()
    sealer = box.sealer()
    assert sealer.reconcile() == 2
    assert sorted(_open(box, wire).header.id for wire in box.wires()) == sorted(["r1", blob.sha256])
    assert sealer.reconcile() == 0
    assert len(box.wires()) == 2


def test_a_crash_between_spool_and_mark_makes_no_second_envelope(box: Box) -> None:
    box.sealer()
    box.put("e1")
    (wire,) = box.wires()
    box.store.write(
        lambda conn: conn.execute("UPDATE outbox SET state = 'queued', wire_sha256 = NULL, spooled_lane = NULL")
    )
    box.store.write(lambda _: None)
    box.restart()
    box.sealer().reconcile()
    assert box.wires() == [wire]
    assert _states(box) == {"e1": "spooled"}


def test_receipts_that_came_before_login_reach_the_outbox_whatever_it_knew(box: Box) -> None:
    box.sealer()
    for name in ("e1", "e2", "e3"):
        box.put(name)
    box.store.write(
        lambda conn: conn.execute("UPDATE outbox SET state = 'queued', wire_sha256 = NULL, spooled_lane = NULL")
    )
    wires = box.wires()
    box.restart()
    for wire, verdict in zip(wires, (Verdict.APPLIED, Verdict.HELD, Verdict.REFUSED), strict=True):
        assert box.spool.up.settle(box.hospital.receipt(wire, verdict))
    sealer = box.sealer()
    sealer.reconcile()
    assert _states(box) == {"e1": "received", "e2": "held", "e3": "refused"}
    assert box.wires() == [wires[2]]
    assert sealer.merge_receipts() == 0
    assert box.spool.up.reopen_all() == 3
    assert sealer.merge_receipts() == 3
    assert set(_states(box).values()) == {"spooled"}


def test_a_big_blob_is_sealed_by_a_child_process(box: Box) -> None:
    sealer = box.sealer()
    content = os.urandom(AT_COMMIT + 1)
    blob = box.store.blobs.keep(content)
    box.put("r1", kind=Kind.RECORDING, lane=Lane.P3, blobs=(blob.sha256,), blob_lane=Lane.P4)
    assert box.wires(Lane.P4) == []
    (job,) = sealer.jobs()
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        sealed = pool.submit(seal_blob, pickle.loads(pickle.dumps(job))).result(60)
    sealer.finish(job, sealed)
    assert sealer.jobs() == []
    (wire,) = box.wires(Lane.P4)
    assert _open(box, wire).payload == content
    assert box.store.read(lambda conn: outbox_states(conn, Kind.BLOB, [blob.sha256])) == {blob.sha256: "spooled"}
    Path(job.target).write_bytes(b"a second child had sealed the same row")
    sealer.finish(job, SealedBlob("b" * 64, 38))
    assert box.wires(Lane.P4) == [wire]
    assert [path.name for path in box.spool.up.wire_folder.iterdir()] == [wire]


def test_half_a_wire_file_of_a_killed_child_is_swept(box: Box) -> None:
    blob = box.store.blobs.keep(os.urandom(AT_COMMIT + 1))
    sealer = box.sealer()
    box.put("r1", kind=Kind.RECORDING, blobs=(blob.sha256,))
    (job,) = sealer.jobs()
    Path(job.target).write_bytes(b"half")
    box.restart()
    box.spool.up.sweep()
    assert list(box.spool.up.wire_folder.iterdir()) == []
    sealer = box.sealer()
    sealer.reconcile()
    assert [each.blob.sha256 for each in sealer.jobs()] == [blob.sha256]


def test_a_damaged_blob_stops_nothing_else_and_is_named(box: Box) -> None:
    sealer = box.sealer()
    small, big = box.store.blobs.keep(b"curve"), box.store.blobs.keep(os.urandom(AT_COMMIT + 1))
    for kept in (small, big):
        path = Path(box.store.blobs.locate(kept.sha256).path)
        path.write_bytes(path.read_bytes()[:-1])
    box.put("r1", kind=Kind.RECORDING, lane=Lane.P3, blobs=(small.sha256, big.sha256))
    box.put("e2")
    assert [_open(box, wire).header.id for wire in box.wires()] == ["e2", "r1"]
    (job,) = sealer.jobs()
    with pytest.raises(Exception, match="does not open"):
        seal_blob(job)
    sealer.fail(job, "damaged")
    assert sealer.jobs() == []
    assert set(sealer.failures) == {(1, 2), (1, 3)}


def test_an_urgent_mark_moves_what_waits_already(box: Box) -> None:
    sealer = box.sealer()
    small, big = box.store.blobs.keep(b"curve"), box.store.blobs.keep(os.urandom(AT_COMMIT + 1))
    box.put("r1", kind=Kind.RECORDING, lane=Lane.P3, blobs=(small.sha256, big.sha256), blob_lane=Lane.P4)
    box.put("r1", kind=Kind.RECORDING, lane=Lane.P0, expected=1, blobs=(small.sha256, big.sha256))
    assert [_open(box, wire).header.id for wire in box.wires(Lane.P0)] == ["r1", small.sha256]
    (job,) = sealer.jobs()
    assert job.record.lane is Lane.P0
    sealer.finish(job, seal_blob(job))
    assert len(box.wires(Lane.P0)) == 3


def test_a_raise_that_a_crash_kept_from_the_spool_follows_at_the_next_unlock(box: Box) -> None:
    box.sealer()
    blob = box.store.blobs.keep(b"curve")
    box.put("r1", kind=Kind.RECORDING, lane=Lane.P3, blobs=(blob.sha256,))
    box.restart()
    box.store.write(lambda conn: raise_lane(conn, Kind.BLOB, blob.sha256, Lane.P0))
    assert box.wires(Lane.P0) == []
    box.restart()
    box.sealer().reconcile()
    assert len(box.wires(Lane.P0)) == 1


def test_a_raise_is_not_forgotten_when_the_row_is_sealed_twice(box: Box) -> None:
    box.sealer()
    box.put("e1", lane=Lane.P3)
    box.restart()
    box.store.write(lambda conn: raise_lane(conn, Kind.ENCOUNTER, "e1", Lane.P0))
    box.store.write(
        lambda conn: conn.execute("UPDATE outbox SET state = 'queued', wire_sha256 = NULL, spooled_lane = NULL")
    )
    box.restart()
    box.sealer()  # somebody saves before reconcile has run
    for name in ("e2", "e3", "e4"):
        box.put(name)
    assert len(box.wires(Lane.P0)) == 1


def test_a_raise_of_what_was_received_holds_when_the_hospital_is_rolled_back(box: Box) -> None:
    sealer = box.sealer()
    box.put("e1", lane=Lane.P3)
    box.spool.up.settle(box.hospital.receipt(box.wires()[0]))
    box.store.write(lambda conn: raise_lane(conn, Kind.ENCOUNTER, "e1", Lane.P0))
    box.spool.up.reopen_all()
    sealer.merge_receipts()
    assert len(box.wires(Lane.P0)) == 1


def test_a_spool_that_refuses_does_not_fail_the_save(box: Box) -> None:
    sealer = box.sealer()
    box.spool.close()
    record = box.put("e1")
    assert record.origin.seq == 1
    box.spool = box.open_spool()
    box.store.close()
    box.store = box.open_store()
    sealer = box.sealer()
    assert sealer.reconcile() == 1
    assert len(box.wires()) == 1


def test_unknown_blobs_have_no_state(box: Box) -> None:
    assert box.store.read(lambda conn: outbox_states(conn, Kind.BLOB, [BlobHash("0" * 64)])) == {}


@pytest.mark.parametrize("verdict", [None, Verdict.REFUSED])
def test_what_a_lost_spool_held_is_sealed_anew_and_its_receipts_count(box: Box, verdict: Verdict | None) -> None:
    sealer = box.sealer()
    for name in ("one", "two", "three"):
        box.put(name)
    first, second, _ = box.wires()
    box.spool.up.settle(box.hospital.receipt(first))
    if verdict is not None:
        box.spool.up.settle(box.hospital.receipt(second, verdict))
    sealer.merge_receipts()
    box.close()
    shutil.rmtree(box.folder.spool)
    box.store, box.spool = box.open_store(), box.open_spool()
    sealer = box.sealer()
    assert sealer.reconcile() == 2
    assert len(box.wires()) == 2, "the received one has ended"
    for wire in box.wires():
        box.spool.up.settle(box.hospital.receipt(wire))
    sealer.merge_receipts()
    rows = box.store.read(lambda conn: rows_where(conn, "1"))
    assert {row.state for row in rows} == {"received"}
    assert sealer.reconcile() == 0
