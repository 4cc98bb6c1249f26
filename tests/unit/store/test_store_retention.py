"""What was received stays for the retention, what was not stays for ever; the spool is asked again by time."""

from datetime import timedelta
from hashlib import sha256

import msgspec
import pytest

from clinic_records.errors import NotFound, StoreError
from clinic_records.ids import BlobHash
from clinic_records.record import Kind, Lane
from sync.ports import Verdict
from tests.unit.store.conftest import NOW, Box
from vehicle_agent.store.outbox import rows_where
from vehicle_agent.store.outgoing import INLINE_LIMIT, Spooled
from vehicle_agent.store.quarantine import quarantine
from vehicle_agent.store.raw_retention import ClearedRaw, clear_raw
from vehicle_agent.store.retention import LEAST_DAYS, DiskBudget, keep_days, look_at_disk, must_stay_since
from vehicle_agent.store.sealer import Sealer


def _item(seq: int, content: bytes = b"") -> Spooled:
    data = content or f"sealed {seq}".encode()
    return Spooled(1, seq, Lane.P2, sha256(data).hexdigest(), len(data), data=data)


def _heard(box: Box, days: int = 30) -> None:
    """The hospital spoke now, and asked for so many days."""
    state = msgspec.structs.replace(box.spool.session.load(), peer_time=box.clock.now(), keep_days=days)
    box.spool.session.save(state)


def _clear(box: Box, wanted: int = LEAST_DAYS) -> int:
    before = must_stay_since(box.spool, box.clock.now(), wanted, is_clock_doubtful=box.clock.is_doubtful)
    return 0 if before is None else box.spool.prune(before)


def test_only_what_was_received_is_cleared_and_never_early(box: Box) -> None:
    up = box.spool.up
    items = [_item(1, b"x" * (INLINE_LIMIT + 1)), _item(2), _item(3), _item(4)]
    up.add(items)
    for item, verdict in zip(items, (Verdict.APPLIED, Verdict.HELD, Verdict.REFUSED), strict=False):
        up.settle(box.hospital.receipt(item.wire_sha256, verdict))
    box.clock.move(days=30)
    _heard(box)
    assert _clear(box) == 0
    box.clock.move(days=1)
    _heard(box)
    assert _clear(box) == 1
    with pytest.raises(NotFound):
        up.read(items[0].wire_sha256, 0, 1)
    assert not (up.wire_folder / items[0].wire_sha256).exists()
    for item in items[1:]:
        assert up.read(item.wire_sha256, 0, 1)
    counts = up.counts()[Lane.P2]
    assert (counts.received, counts.held, counts.refused, counts.queued) == (1, 1, 1, 1), "counts stay"


@pytest.mark.parametrize(("wanted", "announced", "days"), [(30, 30, 30), (45, 30, 45), (30, 90, 90), (5, 5, 30)])
def test_the_longest_wish_counts_and_never_less_than_thirty_days(wanted: int, announced: int, days: int) -> None:
    assert keep_days(wanted, announced) == days


def test_the_hospitals_horizon_is_kept(box: Box) -> None:
    box.spool.up.add([_item(1)])
    box.spool.up.settle(box.hospital.receipt(_item(1).wire_sha256))
    box.clock.move(days=60)
    _heard(box, days=90)
    assert _clear(box) == 0
    box.clock.move(days=31)
    _heard(box, days=90)
    assert _clear(box) == 1


def test_a_clock_that_jumped_ahead_or_is_in_doubt_clears_nothing(box: Box) -> None:
    box.spool.up.add([_item(1)])
    box.spool.up.settle(box.hospital.receipt(_item(1).wire_sha256))
    assert _clear(box) == 0, "the hospital has never been heard"
    _heard(box)
    box.clock.move(days=365 * 20)
    assert _clear(box) == 0, "only the hospital's own time says that twenty years have passed"
    _heard(box)
    box.clock.is_doubtful = True
    assert _clear(box) == 0
    box.clock.is_doubtful = False
    assert _clear(box) == 1


def test_what_was_sealed_since_a_time_is_offered_again(box: Box) -> None:
    up = box.spool.up
    up.add([_item(1)])
    box.clock.move(hours=2)
    up.add([_item(2), _item(3), _item(4)])
    for seq in (1, 2, 3):
        up.settle(box.hospital.receipt(_item(seq).wire_sha256))
    before = len(up.journal(0, 100))
    assert up.reopen_since(NOW + timedelta(hours=1)) == 2
    waiting = [item.wire_sha256 for item in up.waiting(Lane.P2, -1, 10)]
    assert waiting == [_item(seq).wire_sha256 for seq in (4, 2, 3)]
    assert [entry.receipt for entry in up.journal(0, 100)[before:]] == [None, None], "the outbox hears of it"
    assert up.reopen_since(NOW + timedelta(hours=1)) == 0
    up.settle(box.hospital.receipt(_item(2).wire_sha256, Verdict.DUPLICATE))
    assert up.counts()[Lane.P2].received == 2


def test_the_disk_is_looked_at(box: Box) -> None:
    found = look_at_disk(box.folder.root, DiskBudget(tight=0, low=0))
    assert 0 < found.free <= found.total


def _raw(
    box: Box,
    sealer: Sealer,
    content: bytes,
    name: str,
    status: str = "bound",
    verdict: Verdict | None = Verdict.APPLIED,
) -> str:
    """A recording with its raw bytes, sealed, and answered so by the hospital."""
    blob = box.store.blobs.keep(content)
    payload = f'{{"status":"{status}","reading":{{"raw":{{"sha256":"{blob.sha256}"}}}}}}'.encode()
    box.put(name, kind=Kind.RECORDING, payload=payload, blobs=(blob.sha256,))
    (row,) = box.store.read(lambda conn: rows_where(conn, "id = ?", (blob.sha256,)))
    found = box.spool.up.find(row.incarnation, row.seq)
    assert found is not None
    if verdict is not None:
        box.spool.up.settle(box.hospital.receipt(found[0], verdict))
        sealer.merge_receipts()
    return blob.sha256


def test_raw_bytes_go_with_the_retention_and_only_what_nobody_needs(box: Box) -> None:
    sealer = box.sealer()
    old = _raw(box, sealer, b"an old curve", "r1")
    kept = {
        "unbound": _raw(box, sealer, b"waits for its person", "r2", status="unbound"),
        "not sent": _raw(box, sealer, b"not received", "r3", verdict=None),
        "held": _raw(box, sealer, b"held", "r4", verdict=Verdict.HELD),
        "set aside": _raw(box, sealer, b"set aside", "r5"),
    }
    aside = BlobHash(kept["set aside"])
    box.store.write(lambda conn: quarantine(conn, at=NOW, source="E2", reason="?", blob=aside))
    assert clear_raw(box.store, NOW) == ClearedRaw(), "not yet old enough"
    assert clear_raw(box.store, NOW + timedelta(seconds=1)) == ClearedRaw(1, len(b"an old curve"))
    with pytest.raises(NotFound) as caught:
        box.store.blobs.read(BlobHash(old))
    assert "医院" in caught.value.hint.zh
    for name, blob in kept.items():
        assert box.store.blobs.read(BlobHash(blob)), name
    assert clear_raw(box.store, NOW + timedelta(days=999)) == ClearedRaw()


def test_a_recording_whose_bytes_are_gone_still_gets_its_next_version(box: Box) -> None:
    sealer = box.sealer()
    old = BlobHash(_raw(box, sealer, b"an old curve", "r1"))
    clear_raw(box.store, NOW + timedelta(seconds=1))
    payload = f'{{"status":"validated","reading":{{"raw":{{"sha256":"{old}"}}}}}}'.encode()
    assert box.put("r1", kind=Kind.RECORDING, payload=payload, expected=1, blobs=(old,)).revision == 2
    new = box.store.blobs.keep(b"an old curve")
    assert box.store.blobs.read(new.sha256) == b"an old curve", "the device gave it once more"


def test_a_crash_between_file_and_row_is_finished_the_next_time(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    sealer = box.sealer()
    old = BlobHash(_raw(box, sealer, b"an old curve", "r1"))

    def refused(*_: object) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr("vehicle_agent.store.blobs._delete", refused)
    with pytest.raises(StoreError):
        clear_raw(box.store, NOW + timedelta(seconds=1))
    monkeypatch.undo()
    assert clear_raw(box.store, NOW + timedelta(seconds=1)).blobs == 1
    with pytest.raises(NotFound, match="not on this vehicle") as told:
        box.store.blobs.read(old)
    assert "保存期" in told.value.hint.zh
