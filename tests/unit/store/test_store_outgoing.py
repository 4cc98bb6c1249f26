"""The spool's way up: only receipts end an envelope."""

import tempfile
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from clinic_records.errors import NotFound, StoreError
from clinic_records.record import Lane
from sync.ports import SessionState, Verdict
from tests.unit.store.conftest import NOW, Box, Hospital, TestClock
from vehicle_agent.store.lane_counts import LaneCount
from vehicle_agent.store.outgoing import INLINE_LIMIT, Outgoing, Spooled
from vehicle_agent.store.spool_database import SpoolDatabase


def _item(seq: int, lane: Lane = Lane.P2, content: bytes = b"") -> Spooled:
    data = content or b"wire %d" % seq
    return Spooled(1, seq, lane, sha256(data).hexdigest(), len(data), data=data)


def test_small_and_large_wires_are_read_by_ranges_after_a_restart(box: Box) -> None:
    small, large = _item(1), _item(2, content=bytes(range(256)) * 1000)
    target = box.spool.up.wire_folder / "sealed.tmp"
    target.write_bytes(b"sealed by a child")
    child = Spooled(1, 3, Lane.P4, sha256(b"sealed by a child").hexdigest(), 17, path=target)
    box.spool.up.add([small, large, child])
    box.restart()
    assert box.spool.up.sweep() == 0
    assert large.size > INLINE_LIMIT
    assert box.spool.up.read(small.wire_sha256, 2, 4) == b"re 1"
    assert box.spool.up.read(large.wire_sha256, 255, 3) == b"\xff\x00\x01"
    assert box.spool.up.read(child.wire_sha256, 0, 999) == b"sealed by a child"
    assert box.spool.up.read(child.wire_sha256, 17, 5) == b""
    assert [path.name for path in sorted(box.spool.up.wire_folder.iterdir())] == sorted(
        [large.wire_sha256, child.wire_sha256]
    )


def test_one_row_is_spooled_once_however_often_it_is_sealed(box: Box) -> None:
    first, again = _item(1), _item(1, content=b"y" * (INLINE_LIMIT + 1))
    assert box.spool.up.add([first]) == {(1, 1): (first.wire_sha256, Lane.P2)}
    assert box.spool.up.add([again]) == {(1, 1): (first.wire_sha256, Lane.P2)}
    assert box.wires() == [first.wire_sha256]
    assert list(box.spool.up.wire_folder.iterdir()) == []


def test_verdicts_end_or_keep_a_row_and_are_told_once(box: Box, tmp_path: Path) -> None:
    hospital, up = box.hospital, box.spool.up
    items = [_item(seq) for seq in range(1, 5)]
    up.add(items)
    names = [item.wire_sha256 for item in items]
    refused = hospital.receipt(names[3], Verdict.REFUSED)
    assert up.settle(hospital.receipt(names[0]))
    assert up.settle(hospital.receipt(names[1], Verdict.DUPLICATE))
    assert up.settle(hospital.receipt(names[2], Verdict.HELD))
    assert up.settle(refused)
    assert not up.settle(refused)
    assert not up.settle(hospital.receipt(names[0], Verdict.REFUSED))
    assert not up.settle(hospital.receipt("0" * 64))
    assert box.wires() == [names[3]]
    assert up.counts([names[3]])[Lane.P2] == LaneCount(received=2, held=1, refused=1, oldest=NOW)
    assert up.settle(hospital.receipt(names[3]))
    assert box.wires() == []
    assert up.counts()[Lane.P2] == LaneCount(received=3, held=1)
    assert [entry.seq for entry in up.journal(0, 10)] == [1, 2, 3, 4, 4]


def test_a_rolled_back_hospital_is_offered_everything_still_kept(box: Box) -> None:
    up = box.spool.up
    items = [_item(1), _item(2, content=b"z" * (INLINE_LIMIT + 1)), _item(3)]
    up.add(items)
    for item in items[:2]:
        up.settle(box.hospital.receipt(item.wire_sha256))
    box.clock.move(days=31)
    assert up.prune(box.clock.now() - timedelta(days=32)) == 0
    assert up.prune(box.clock.now() - timedelta(days=30)) == 2
    assert list(up.wire_folder.iterdir()) == []
    with pytest.raises(NotFound):
        up.read(items[0].wire_sha256, 0, 1)
    up.settle(box.hospital.receipt(items[2].wire_sha256))
    assert up.counts()[Lane.P2].received == 3
    assert up.reopen_all() == 1
    assert box.wires() == [items[2].wire_sha256]
    assert up.settle(box.hospital.receipt(items[2].wire_sha256, epoch="e2"))
    assert [entry.receipt is None for entry in up.journal(3, 10)] == [True, False]


def test_a_raised_envelope_comes_after_what_was_urgent_before(box: Box) -> None:
    up = box.spool.up
    bulk, urgent = _item(1, Lane.P4), _item(2, Lane.P0)
    up.add([bulk, urgent])
    last = up.waiting(Lane.P0, -1, 10)[-1].order
    up.raise_lane({bulk.wire_sha256: Lane.P0, urgent.wire_sha256: Lane.P3})
    assert box.wires(Lane.P0) == [urgent.wire_sha256, bulk.wire_sha256]
    assert [item.wire_sha256 for item in up.waiting(Lane.P0, last, 10)] == [bulk.wire_sha256]


def test_counts_say_what_is_under_way_and_since_when(box: Box) -> None:
    up = box.spool.up
    up.add([_item(1, Lane.P3)])
    box.clock.move(hours=1)
    up.add([_item(2, Lane.P3)])
    counts = up.counts([_item(2).wire_sha256])
    assert counts[Lane.P3] == LaneCount(queued=1, sending=1, oldest=NOW)
    assert set(counts) == set(Lane)


def test_what_is_sealed_while_somebody_counts_is_counted_once(box: Box) -> None:
    up = box.spool.up
    up.add([_item(1, Lane.P0)])
    first = _item(1)
    unsealed = {(first.incarnation, first.seq): Lane.P0, (first.incarnation, first.seq + 1): Lane.P0}
    assert up.counts(unsealed=unsealed)[Lane.P0].queued == 2


def test_a_lost_wire_file_is_named(box: Box) -> None:
    item = _item(1, content=b"w" * (INLINE_LIMIT + 1))
    box.spool.up.add([item])
    (box.spool.up.wire_folder / item.wire_sha256).unlink()
    with pytest.raises(NotFound, match="gone"):
        box.spool.up.read(item.wire_sha256, 0, 10)


def test_orphans_of_a_crash_are_swept(box: Box) -> None:
    (box.spool.up.wire_folder / ("a" * 64)).write_bytes(b"renamed, and then the power went")
    assert box.spool.up.sweep() == 1


def test_the_session_begins_as_enrolled_and_is_remembered(box: Box) -> None:
    assert box.spool.session.load() == SessionState(token="first-token", incarnation=1)
    state = SessionState(token="second", pending_token="third", epoch="e1", highest_receipt_seq=7, peer_time=NOW)
    box.spool.session.save(state)
    box.restart()
    assert box.spool.session.load() == state


def test_a_spool_of_a_newer_program_is_refused(box: Box) -> None:
    path = box.folder.spool / "spool.db"
    with box.spool._database.write() as conn:
        conn.execute("PRAGMA user_version = 2")
    with pytest.raises(StoreError, match="newer"):
        SpoolDatabase(path)
    with box.spool._database.write() as conn:
        conn.execute("PRAGMA user_version = 1")


def test_a_damaged_spool_is_refused(tmp_path: Path) -> None:
    (tmp_path / "spool.db").write_bytes(b"not a database at all" * 100)
    with pytest.raises(StoreError, match="cannot open"):
        SpoolDatabase(tmp_path / "spool.db")


def test_a_closed_spool_refuses(tmp_path: Path) -> None:
    database = SpoolDatabase(tmp_path / "spool.db")
    database.close()
    with pytest.raises(StoreError, match="closed"):
        Outgoing(database, tmp_path, TestClock()).waiting(Lane.P0, -1, 1)


class Machine(RuleBasedStateMachine):
    """The spool beside a dictionary, with restarts at any point."""

    wires = Bundle("wires")

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.clock = TestClock()
        self.hospital = Hospital()
        self.model: dict[str, tuple[Lane, str]] = {}
        self.seq = 0
        self.open()

    def open(self) -> None:
        path = Path(self.folder.name)
        self.database = SpoolDatabase(path / "spool.db")
        (path / "wire").mkdir(exist_ok=True)
        self.up = Outgoing(self.database, path / "wire", self.clock)

    @rule(target=wires, lane=st.sampled_from(Lane), large=st.booleans())
    def add(self, lane: Lane, large: bool) -> str:
        self.seq += 1
        item = _item(self.seq, lane, b"%d" % self.seq * (INLINE_LIMIT if large else 1) + b"x" * 2)
        self.up.add([item])
        self.model[item.wire_sha256] = (lane, "open")
        return item.wire_sha256

    @rule(wire=wires, verdict=st.sampled_from(Verdict))
    def settle(self, wire: str, verdict: Verdict) -> None:
        lane, state = self.model[wire]
        to = {"applied": "received", "duplicate": "received"}.get(verdict, verdict.value)
        changes = state not in {"received", to} and (state, to) != ("held", "refused")
        assert self.up.settle(self.hospital.receipt(wire, verdict)) is changes
        if changes:
            self.model[wire] = (lane, to)

    @rule(wire=wires, lane=st.sampled_from(Lane))
    def raise_lane(self, wire: str, lane: Lane) -> None:
        self.up.raise_lane({wire: lane})
        now, state = self.model[wire]
        self.model[wire] = (min(now, lane), state)

    @rule()
    def reopen_all(self) -> None:
        ended = [wire for wire, (_, state) in self.model.items() if state != "open"]
        assert self.up.reopen_all() == len(ended)
        self.model.update((wire, (self.model[wire][0], "open")) for wire in ended)

    @rule()
    def restart(self) -> None:
        self.database.close()
        self.open()
        assert self.up.sweep() == 0

    @invariant()
    def what_waits_is_what_no_receipt_ended(self) -> None:
        for lane in Lane:
            waiting = self.up.waiting(lane, -1, 1000)
            assert [item.order for item in waiting] == sorted({item.order for item in waiting})
            expected = {wire for wire, (at, state) in self.model.items() if at is lane and state in {"open", "refused"}}
            assert {item.wire_sha256 for item in waiting} == expected
            for item in waiting:
                assert sha256(self.up.read(item.wire_sha256, 0, item.size)).hexdigest() == item.wire_sha256

    @invariant()
    def counts_add_up(self) -> None:
        for lane, count in self.up.counts().items():
            states = [state for at, state in self.model.values() if at is lane]
            assert (count.queued, count.received, count.held, count.refused) == tuple(
                states.count(state) for state in ("open", "received", "held", "refused")
            )

    def teardown(self) -> None:
        self.database.close()
        self.folder.cleanup()


Machine.TestCase.settings = settings(
    max_examples=15, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
TestSpoolAgainstAModel = Machine.TestCase
