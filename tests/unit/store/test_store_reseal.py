"""What the hospital refused for how it was sealed is sealed anew, plain, once (sync rule 13); the rest is named."""

import os
from pathlib import Path

import pytest

from clinic_records.record import Kind, Lane
from sync.envelope import Codec
from sync.ports import Verdict
from sync.seal import open_wire
from tests.unit.store.conftest import NOW, Box
from vehicle_agent.store.outbox import rows_where
from vehicle_agent.store.seal_job import seal_blob
from vehicle_agent.store.sealer import AT_COMMIT, Sealer


def refuse(box: Box, sealer: Sealer, reason: str) -> str:
    """The one envelope that waits is refused; its name."""
    (wire,) = box.wires()
    receipt = box.hospital.receipt(wire, Verdict.REFUSED)
    assert box.spool.up.settle(type(receipt)(wire, Verdict.REFUSED, "e1", receipt.receipt_seq, NOW, reason=reason))
    sealer.merge_receipts()
    return wire


def states(box: Box) -> list[str]:
    return [row.state for row in box.store.read(lambda conn: rows_where(conn, "1"))]


@pytest.mark.parametrize("reason", ["codec", "wire-hash", "recipient"])
def test_a_refused_record_is_sealed_anew_and_plain(box: Box, reason: str) -> None:
    sealer = box.sealer()
    record = box.put("e1", payload=b'{"note":"' + b"a" * 4000 + b'"}', lane=Lane.P1)
    old = refuse(box, sealer, reason)
    assert sealer.reseal() == 1
    (new,) = box.wires(Lane.P1)
    assert new != old
    data = box.spool.up.read(new, 0, 10**6)
    opened = open_wire(
        data, origin=box.keys.sign.public, recipients={box.hospital.private.key_id: box.hospital.private}
    )
    assert (opened.header.codec, opened.payload, opened.outer.seq) == (Codec.RAW, record.payload, record.origin.seq)
    assert states(box) == ["spooled"]
    box.spool.up.settle(box.hospital.receipt(new))
    sealer.merge_receipts()
    assert states(box) == ["received"]
    assert sealer.refused() == {}


def test_it_is_tried_once_and_then_named(box: Box) -> None:
    sealer = box.sealer()
    box.put("e1")
    refuse(box, sealer, "codec")
    assert sealer.reseal() == 1
    refuse(box, sealer, "codec")
    assert sealer.reseal() == 0
    assert box.sealer().reseal() == 0
    assert sealer.refused() == {"codec": 1}
    assert states(box) == ["refused"]


def test_what_sealing_cannot_mend_is_left_and_named(box: Box) -> None:
    sealer = box.sealer()
    box.put("e1")
    old = refuse(box, sealer, "origin-unknown")
    assert sealer.reseal() == 0
    assert box.wires() == [old]
    assert sealer.refused() == {"origin-unknown": 1}


def test_a_big_blob_is_sealed_anew_by_a_child(box: Box) -> None:
    blob = box.store.blobs.keep(os.urandom(AT_COMMIT + 1))
    sealer = box.sealer()
    record = box.put("r1", kind=Kind.RECORDING, blobs=(blob.sha256,), blob_lane=Lane.P4)
    box.spool.up.settle(box.hospital.receipt(box.wires(Lane.P2)[0]))
    sealer.finish(*((job, seal_blob(job)) for job in sealer.jobs()).__next__())
    old = refuse(box, sealer, "wire-hash")
    assert sealer.reseal() == 0
    (job,) = sealer.jobs()
    assert job.is_plain
    sealer.finish(job, seal_blob(job))
    assert sealer.jobs() == []
    (new,) = box.wires(Lane.P4)
    assert new != old
    assert [path.name for path in box.spool.up.wire_folder.iterdir()] == [new]
    assert record.origin.seq == 1


def test_a_crash_after_the_spool_took_it_ends_with_the_same_envelope(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    sealer = box.sealer()
    box.put("e1")
    refuse(box, sealer, "codec")

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("vehicle_agent.store.sealer.mark_resealed", die)
        with pytest.raises(BaseException):  # noqa: B017  whatever carries it through the writer
            sealer.reseal()
    (new,) = box.wires()
    box.restart()
    sealer = box.sealer()
    sealer.reconcile()
    sealer.reseal()
    assert box.wires() == [new]
    assert states(box) == ["spooled"]
    assert Path(box.folder.spool).exists()
