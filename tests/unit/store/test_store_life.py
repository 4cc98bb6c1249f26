"""The outbox and the spool through any life: saves, urgent marks, receipts, crashes between any two steps."""

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from clinic_records.record import Kind, Lane
from sync.ports import Verdict
from sync.seal import open_wire
from tests.unit.store.conftest import Box
from vehicle_agent.store.folder import VehicleFolder
from vehicle_agent.store.outbox import outbox_states, raise_lane, rows_where
from vehicle_agent.store.sealer import Sealer

ENDED = {"received", "held"}
STATES = {Verdict.APPLIED: "received", Verdict.DUPLICATE: "received", Verdict.HELD: "held", Verdict.REFUSED: "refused"}


class Life(RuleBasedStateMachine):
    """`model`: (kind, id) of every row that must travel -> how its receipts left it."""

    def __init__(self) -> None:
        super().__init__()
        self.scratch = tempfile.TemporaryDirectory()
        self.box = Box(VehicleFolder(Path(self.scratch.name) / "V01"))
        self.sealer: Sealer | None = None
        self.model: dict[tuple[str, str], str] = {}
        self.revisions: dict[str, int] = {}

    def teardown(self) -> None:
        self.box.close()
        self.scratch.cleanup()

    @rule(number=st.integers(0, 3), lane=st.sampled_from(Lane), curve=st.integers(0, 2) | st.none())
    def save(self, number: int, lane: Lane, curve: int | None) -> None:
        """With a sealer it is sealed at once; without one it is as if the power went right after the commit."""
        name = f"r{number}"
        blobs = () if curve is None else (self.box.store.blobs.keep(b"curve %d" % curve).sha256,)
        payload = b'{"revision":%d}' % self.revisions.get(name, 0)
        record = self.box.put(
            name, kind=Kind.RECORDING, lane=lane, payload=payload, expected=self.revisions.get(name, 0), blobs=blobs
        )
        self.revisions[name] = record.revision
        self.model[f"recording/{record.revision}", name] = "waiting"
        for sha256 in blobs:
            self.model.setdefault(("blob/1", sha256), "waiting")

    @rule(number=st.integers(0, 3))
    def mark_urgent(self, number: int) -> None:
        self.box.store.write(lambda conn: raise_lane(conn, Kind.RECORDING, f"r{number}", Lane.P0))

    @precondition(lambda self: self.sealer is None)
    @rule()
    def unlock(self) -> None:
        self.sealer = self.box.sealer()
        self.sealer.reconcile()
        self.check()

    @rule(data=st.data(), verdict=st.sampled_from(Verdict))
    def receipt(self, data: st.DataObject, verdict: Verdict) -> None:
        """At any time: the courier works before anybody logged in."""
        wires = self.sent()
        if wires:
            wire, row = data.draw(st.sampled_from(sorted(wires.items())))
            assert self.box.spool.up.settle(self.box.hospital.receipt(wire, verdict)) is not (
                self.model[row] == STATES[verdict] == "refused"
            )
            self.model[row] = STATES[verdict]

    @rule()
    def hospital_rolled_back(self) -> None:
        self.box.spool.up.reopen_all()
        self.model = dict.fromkeys(self.model, "waiting")

    @rule()
    def power_cut(self) -> None:
        self.sealer = None
        self.box.restart()

    @rule()
    def power_cut_before_the_outbox_was_told(self) -> None:
        """The spool has the envelope, the outbox still says queued."""
        self.sealer = None
        self.box.store.write(
            lambda conn: conn.execute(
                "UPDATE outbox SET state = 'queued', wire_sha256 = NULL, spooled_lane = NULL WHERE state = 'spooled'"
            )
        )
        self.box.restart()

    def sent(self) -> dict[str, tuple[str, str]]:
        """Every waiting envelope, opened as the hospital would."""
        private = self.box.hospital.private
        found = {}
        for lane in Lane:
            for item in self.box.spool.up.waiting(lane, -1, 1000):
                wire = self.box.spool.up.read(item.wire_sha256, 0, item.size)
                opened = open_wire(wire, origin=self.box.keys.sign.public, recipients={private.key_id: private})
                found[item.wire_sha256] = (f"{opened.header.kind}/{opened.header.revision}", opened.header.id)
        return found

    def check(self) -> None:
        """Once unlocked: one envelope for each row no receipt ended, none for the others, and the outbox knows."""
        assert self.sealer is not None
        self.box.store.write(lambda _: None)
        rows = self.box.store.read(lambda conn: rows_where(conn, "1", limit=-1))
        assert sorted(row.seq for row in rows) == list(range(1, len(self.model) + 1))
        names = {(f"{row.kind}/{row.revision}", row.id): row.state for row in rows}
        assert {row: state.replace("spooled", "waiting") for row, state in names.items()} == self.model
        sent = list(self.sent().values())
        assert sorted(sent) == sorted(row for row, state in self.model.items() if state not in ENDED)
        lanes = {row.wire_sha256: row.lane for row in rows if row.state not in ENDED}
        waiting = {item.wire_sha256: lane for lane in Lane for item in self.box.spool.up.waiting(lane, -1, 1000)}
        assert waiting == lanes
        newest = self.box.store.read(lambda conn: outbox_states(conn, Kind.RECORDING, list(self.revisions)))
        assert set(newest) == set(self.revisions)


Life.TestCase.settings = settings(
    max_examples=20, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
TestTheLifeOfABox = Life.TestCase
