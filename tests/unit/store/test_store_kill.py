"""kill -9 at any moment: what was acknowledged is there, once, and is on its way."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from clinic_records.ids import BlobHash
from clinic_records.record import Kind, Lane
from sync.enrolment import encode
from sync.seal import open_wire
from tests.unit.store.conftest import Box
from vehicle_agent.store.derive import inbox_private
from vehicle_agent.store.durable import write_file
from vehicle_agent.store.inbox import Inbox
from vehicle_agent.store.outbox import rows_where
from vehicle_agent.store.records import current

CYCLES = 6
ROOT = Path(__file__).resolve().parents[3]


def _run_and_kill(box: Box, hospital: Path, log: Path, first: int, after_s: float) -> None:
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("store_writer_process.py")), str(box.folder.root), str(hospital),
         box.data_key.hex(), str(log), str(first)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stderr is not None
    try:
        before = log.read_bytes().count(b"ready")
        deadline = time.monotonic() + 60
        while log.read_bytes().count(b"ready") == before:
            assert process.poll() is None, process.stderr.read().decode()
            assert time.monotonic() < deadline
            time.sleep(0.01)
        time.sleep(after_s)
        assert process.poll() is None, process.stderr.read().decode()
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(30)
        process.stderr.close()


@pytest.mark.kill
def test_what_was_acknowledged_survives_kill_9(box: Box, tmp_path: Path) -> None:
    chance = random.Random(1123)
    hospital, log = tmp_path / "hospital.json", tmp_path / "acknowledged"
    write_file(hospital, encode(box.enrolment))
    write_file(box.folder.vault_public, inbox_private(box.data_key).public.raw)
    log.write_bytes(b"")
    box.close()
    for cycle in range(CYCLES):
        _run_and_kill(box, hospital, log, cycle * 100_000, chance.uniform(0.0, 0.25))
    box.store, box.spool = box.open_store(), box.open_spool()
    box.sealer().reconcile()

    told: dict[str, list[str]] = {"ready": [], "ticket": [], "record": [], "blob": []}
    for line in log.read_text().splitlines():
        what, _, name = line.partition(" ")
        told[what].append(name)
    assert len(told["ready"]) == CYCLES
    assert told["record"]

    rows = box.store.read(lambda conn: rows_where(conn, "1", limit=-1))
    assert sorted(row.seq for row in rows) == list(range(1, len(rows) + 1))
    assert {row.id for row in rows} >= {*told["record"], *told["blob"]}
    for name in told["record"]:
        assert box.store.read(lambda conn, name=name: current(conn, Kind.RECORDING, name))  # type: ignore[misc]
    for name in told["blob"]:
        assert box.store.blobs.read(BlobHash(name)).startswith(b"curve ")

    private = box.hospital.private
    sent = []
    for lane in Lane:
        for item in box.spool.up.waiting(lane, -1, 100_000):
            wire = box.spool.up.read(item.wire_sha256, 0, item.size)
            opened = open_wire(wire, origin=box.keys.sign.public, recipients={private.key_id: private})
            sent.append((opened.outer.seq, opened.header.id))
    assert sorted(sent) == sorted((row.seq, row.id) for row in rows)

    inbox = Inbox(box.folder.inbox, box.folder.vault_public.read_bytes())
    inbox.sweep()
    opened_private = inbox_private(box.data_key)
    assert set(inbox.waiting()) >= set(told["ticket"])
    assert len(inbox.pending(opened_private)) == len(inbox.waiting())
    assert len(inbox.read(told["ticket"][-1], opened_private)[1]) == 2000
    assert inbox.damaged() == []
    assert list(box.folder.root.rglob("*.tmp")) == []
