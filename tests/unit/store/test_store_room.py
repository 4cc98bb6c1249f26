"""Law 8: what is large and can wait leaves room on the disk for what the nurse does."""

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from clinic_records.errors import StoreError
from clinic_records.record import Kind, Lane
from sync.keys import RecipientPrivate
from tests.unit.store.conftest import Box
from vehicle_agent.store.durable import ROOM
from vehicle_agent.store.inbox import Inbox
from vehicle_agent.store.seal_job import seal_blob
from vehicle_agent.store.sealer import AT_COMMIT


@pytest.fixture
def nearly_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "vehicle_agent.store.durable.os.statvfs",
        lambda _: SimpleNamespace(f_bavail=(ROOM + 4096) // 4096, f_frsize=4096),
    )


@pytest.mark.usefixtures("nearly_full")
def test_a_delivery_leaves_the_nurses_room_alone(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path, RecipientPrivate.generate().public.raw)
    with pytest.raises(StoreError, match="stay for the nurse") as refused:
        inbox.deliver(b"meta", os.urandom(5000))
    assert "磁盘" in refused.value.hint.zh
    assert inbox.waiting() == []
    inbox.deliver(b"meta", b"a small one")


def test_a_study_on_its_way_stops_where_the_nurses_room_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = SimpleNamespace(f_bavail=ROOM + 3_000_000, f_frsize=1)
    monkeypatch.setattr("vehicle_agent.store.durable.os.statvfs", lambda _: found)
    arrival = Inbox(tmp_path, RecipientPrivate.generate().public.raw).begin()
    arrival.write(bytes(1_000_000))
    found.f_bavail = ROOM - 1
    with pytest.raises(StoreError, match="stay for the nurse"):
        arrival.write(bytes(5_000_000))
    arrival.drop()
    assert list(tmp_path.iterdir()) == []


def test_a_blob_an_envelope_and_the_downlink_leave_it_alone(box: Box, request: pytest.FixtureRequest) -> None:
    kept = box.store.blobs.keep(os.urandom(AT_COMMIT + 1))
    sealer = box.sealer()
    box.put("r1", kind=Kind.RECORDING, blobs=(kept.sha256,))
    (job,) = sealer.jobs()
    request.getfixturevalue("nearly_full")
    with pytest.raises(StoreError, match="stay for the nurse"):
        seal_blob(job)
    with pytest.raises(StoreError, match="stay for the nurse"):
        box.store.blobs.keep(os.urandom(5000))
    with pytest.raises(StoreError, match="stay for the nurse"):
        box.spool.down.write("a" * 64, 9000, Lane.P1, 0, bytes(9000))
    assert box.spool.down.ranges("a" * 64) == ()
    box.put("e1")  # the nurse goes on, and it is sealed
    assert len(box.wires(Lane.P2)) == 2
