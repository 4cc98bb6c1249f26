"""The spool's way down: only the pinned hospital is believed, and nothing answered is lost."""

from collections.abc import Callable
from datetime import date, timedelta
from hashlib import sha256

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clinic_records.clock import Origin
from clinic_records.errors import NotFound, RefusedInput
from clinic_records.ids import RecordId
from clinic_records.record import Kind, Lane, Record
from schedules.publish import encode, make_version
from sync.keys import OriginKeys, RecipientKey, RecipientPrivate
from sync.ports import Receipt, Verdict
from sync.seal import seal
from tests.unit.store.conftest import NOW, Box
from vehicle_agent.store.records import current, put_foreign


def _schedule(number: int = 1, kind: Kind = Kind.SCHEDULE) -> Record:
    first, last = date(2026, 11, 1), date(2026, 12, 1)
    payload = encode(make_version((), version=number, effective_from=first, first=first, last=last))
    return Record(RecordId(f"s{number}"), 1, kind, Lane.P1, payload, Origin("H1", 1, number), None, NOW)


def _wire(
    box: Box,
    record: Record,
    *,
    by: OriginKeys | None = None,
    to: RecipientKey | None = None,
    must_understand: tuple[str, ...] = (),
) -> bytes:
    sealed = seal(
        record,
        keys=by or box.hospital.sign,
        recipient=to or box.keys.box.public,
        created_ms=1_700_000_000_000,
        must_understand=must_understand,
    )
    assert sealed.data is not None
    return sealed.data


def _take(box: Box, wire: bytes, name: str = "") -> Receipt:
    name = name or sha256(wire).hexdigest()
    box.spool.down.write(name, len(wire), Lane.P1, 0, wire)
    return box.spool.down.accept(name)


def test_a_schedule_is_answered_once_durable_and_merged_after_login(box: Box) -> None:
    wires = [_wire(box, _schedule(number)) for number in (1, 2)]
    receipts = [_take(box, wire) for wire in wires]
    assert [receipt.verdict for receipt in receipts] == [Verdict.APPLIED] * 2
    assert [receipt.receipt_seq for receipt in receipts] == [1, 2]
    assert (receipts[0].id, receipts[0].revision, receipts[0].sha256) == ("s1", 1, _schedule(1).sha256)
    box.restart()
    pending = box.spool.down.downlink_pending()
    assert [item.wire_sha256 for item in pending] == [sha256(wire).hexdigest() for wire in wires]
    for item in pending:
        record = box.spool.down.downlink_open(item)
        box.store.write(lambda conn, record=record: put_foreign(conn, record))  # type: ignore[misc]
        box.spool.down.downlink_merged(item)
    assert box.spool.down.downlink_pending() == []
    assert box.store.read(lambda conn: current(conn, Kind.SCHEDULE, "s2")) == _schedule(2)
    assert _take(box, wires[0]) == receipts[0]
    assert _take(box, _wire(box, _schedule(3))).epoch == receipts[0].epoch


def test_parts_in_any_order_survive_a_restart(box: Box) -> None:
    wire = _wire(box, _schedule())
    name, size = sha256(wire).hexdigest(), len(wire)
    down = box.spool.down
    assert down.ranges(name) == ()
    assert down.write(name, size, Lane.P1, 100, wire[100:200]) == ((100, 200),)
    assert down.write(name, size, Lane.P1, 0, wire[:50]) == ((0, 50), (100, 200))
    with pytest.raises(NotFound, match="not all"):
        down.accept(name)
    box.restart()
    down = box.spool.down
    assert down.ranges(name) == ((0, 50), (100, 200))
    assert down.write(name, size, Lane.P1, 40, wire[40:]) == ((0, size),)
    assert down.accept(name).verdict is Verdict.APPLIED
    assert down.write(name, size, Lane.P1, 0, b"later nonsense") == ((0, size),)
    assert down.accept(name) == down.receipt_for(name)
    with pytest.raises(NotFound):
        down.accept("0" * 64)


@pytest.mark.parametrize(
    ("make", "verdict", "reason"),
    [
        (lambda box: _wire(box, _schedule(), by=OriginKeys.generate()), Verdict.REFUSED, "signature"),
        (lambda box: b"garbage", Verdict.REFUSED, "not a wire file"),
        (lambda box: _wire(box, _schedule())[:-1], Verdict.REFUSED, "does not open"),
        (lambda box: _wire(box, _schedule(), to=RecipientPrivate.generate().public), Verdict.HELD, "not here"),
        (lambda box: _wire(box, _schedule(kind=Kind.PATIENT)), Verdict.HELD, "not-understood"),
        (lambda box: _wire(box, _schedule(), must_understand=("tides",)), Verdict.HELD, "needs tides"),
    ],
)
def test_bad_content_gets_an_answer_and_is_never_merged(
    box: Box, make: Callable[[Box], bytes], verdict: Verdict, reason: str
) -> None:
    wire = make(box)
    receipt = _take(box, wire)
    assert receipt.verdict is verdict
    assert reason in receipt.reason
    assert box.spool.down.not_taken() == [receipt]
    assert box.spool.down.downlink_pending() == []
    assert (box.folder.spool / "down" / sha256(wire).hexdigest()).read_bytes() == wire
    assert _take(box, _wire(box, _schedule())).verdict is Verdict.APPLIED


def test_a_lost_file_is_asked_for_again(box: Box) -> None:
    wire = _wire(box, _schedule())
    name = sha256(wire).hexdigest()
    box.spool.down.write(name, len(wire), Lane.P1, 0, wire)
    (box.folder.spool / "down" / name).unlink()
    assert box.spool.down.accept(name).verdict is Verdict.REFUSED
    assert _take(box, wire).verdict is Verdict.APPLIED


def test_bytes_under_a_false_name_are_thrown_away_and_the_true_ones_still_come(box: Box) -> None:
    wire = _wire(box, _schedule())
    name = sha256(wire).hexdigest()
    assert _take(box, bytes(len(wire)), name).verdict is Verdict.REFUSED
    assert box.spool.down.receipt_for(name) is None
    assert box.spool.down.ranges(name) == ()
    assert _take(box, wire).verdict is Verdict.APPLIED


@pytest.mark.parametrize(
    ("size", "offset", "data"), [(10, 8, b"abc"), (10, -1, b"a"), (0, 0, b""), (2**40, 0, b"a"), (11, 0, b"a")]
)
def test_parts_that_do_not_fit_are_refused(box: Box, size: int, offset: int, data: bytes) -> None:
    box.spool.down.write("a" * 64, 10, Lane.P1, 0, b"start")
    with pytest.raises(RefusedInput, match="does not fit"):
        box.spool.down.write("a" * 64, size, Lane.P1, offset, data)
    with pytest.raises(RefusedInput):
        box.spool.down.write("../evil", 10, Lane.P1, 0, b"start")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)
@given(position=st.floats(0, 0.999), bit=st.integers(0, 7))
def test_any_flipped_bit_is_found(box: Box, position: float, bit: int) -> None:
    wire = bytearray(_wire(box, _schedule()))
    wire[int(position * len(wire))] ^= 1 << bit
    assert _take(box, bytes(wire)).verdict in {Verdict.REFUSED, Verdict.HELD}
    assert box.spool.down.downlink_pending() == []


def test_merged_envelopes_are_kept_for_the_retention_and_then_pruned(box: Box) -> None:
    wire = _wire(box, _schedule())
    receipt = _take(box, wire)
    (item,) = box.spool.down.downlink_pending()
    box.clock.move(days=40)
    assert box.spool.prune(box.clock.now() - timedelta(days=30)) == 0
    box.spool.down.downlink_merged(item)
    assert box.spool.prune(box.clock.now() - timedelta(days=30)) == 1
    assert list((box.folder.spool / "down").iterdir()) == []
    assert box.spool.down.receipt_for(item.wire_sha256) == receipt


def test_what_an_old_program_held_is_merged_after_the_upgrade(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sync rule 15: an unknown kind and a payload of a later shape are held, kept, and read again."""
    strange = msgspec.structs.replace(_schedule(), kind="tele-robotics")
    later = msgspec.structs.replace(_schedule(2), payload=b'{"plan": "of another shape"}')
    receipts = [_take(box, _wire(box, each)) for each in (strange, later)]
    assert [receipt.verdict for receipt in receipts] == [Verdict.HELD] * 2
    assert ["not known to this version" in receipts[0].reason, "not-understood" in receipts[1].reason] == [True, True]
    assert box.spool.down.reconsider() == 0
    assert box.spool.down.downlink_pending() == []
    monkeypatch.setattr("vehicle_agent.store.incoming.understand", lambda record: None)
    box.restart()
    assert box.spool.down.reconsider() == 1
    (item,) = box.spool.down.downlink_pending()
    assert box.spool.down.downlink_open(item).payload == later.payload
    assert box.spool.down.reconsider() == 0
    receipt = box.spool.down.receipt_for(item.wire_sha256)
    assert receipt is not None
    assert (receipt.verdict, receipt.id) == (Verdict.APPLIED, receipts[1].id)
    assert receipt.receipt_seq > receipts[1].receipt_seq
