"""What begins after the first login: it is never half begun, and one bad thing in it stops nothing else."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from clinic_records.clock import SystemClock
from clinic_records.errors import NotFound, RefusedInput, StoreError
from clinic_records.ids import IdFactory
from clinic_records.people import Author, Role
from clinic_records.record import Kind, Lane
from sync.keys import RecipientPrivate
from sync.ports import Receipt, Verdict
from tests.unit.agent.test_agent_sealing import Box, Children, box, keep_big_blob, schedule
from vehicle_agent.alarms import sentence
from vehicle_agent.store.derive import new_data_key
from vehicle_agent.store.folder import VehicleFolder
from vehicle_agent.store.incoming import Incoming, Pending
from vehicle_agent.store.keys import DeviceKeys
from vehicle_agent.store.quarantine import list_quarantine
from vehicle_agent.store.records import put_record
from vehicle_agent.store.slots import Slots
from vehicle_agent.store.store import Store
from vehicle_agent.store.vault import Vault, create_vault
from vehicle_agent.visits.desk import Desk
from vehicle_agent.visits.roster import Roster

__all__ = ["box"]

NURSE = Author("n001", "张护士", Role.NURSE)


def a_desk(folder: VehicleFolder, on_open: Any) -> tuple[Desk, Vault]:
    folder.create()
    keys, key = DeviceKeys.create(folder.device_key), new_data_key()
    create_vault(folder, key, vehicle="V01")
    clock = SystemClock()
    slots = Slots(folder.slots, keys.device_secret, clock.now)
    slots.create(key, RecipientPrivate.generate().public)
    slots.add("n001", "张护士", Role.NURSE, "135246", key)
    vault = Vault(folder, vehicle="V01")

    async def nothing() -> Any:
        raise NotImplementedError

    desk = Desk(
        vehicle="V01",
        vault=vault,
        slots=slots,
        roster=Roster(()),
        clock=clock,
        ids=IdFactory(),
        artist=None,  # type: ignore[arg-type]  # nothing is drawn here
        look_at_sync=nothing,
        sending=frozenset,
        on_open=on_open,
    )
    return desk, vault


def test_what_failed_to_begin_at_the_first_login_begins_at_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vehicle_agent.store.slots._MEMORY_KIB", 64)
    begun: list[Store] = []

    async def on_open(store: Store) -> None:
        begun.append(store)
        if len(begun) == 1:
            raise StoreError("the spool's disk is full")

    desk, vault = a_desk(VehicleFolder(tmp_path / "V01"), on_open)

    async def go() -> None:
        with pytest.raises(StoreError):
            await desk.login("n001", "135246")
        await desk.login("n001", "135246")
        await desk.login("n001", "135246")

    try:
        asyncio.run(go())
    finally:
        vault.lock()
    assert len(begun) == 2


async def _until(box: Box, sealing: Any, is_done: Any) -> None:
    running = asyncio.create_task(sealing.run())
    try:
        async with asyncio.timeout(20):
            while not is_done():
                sealing.poke()
                await asyncio.sleep(0.01)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def test_a_damaged_downlink_envelope_stops_nothing_else(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    """Law 6: set aside with a task; what came behind it is merged, and big blobs are still sealed."""
    good = schedule(b"not a plan, so that it is set aside too", 2)
    left = [Pending("a" * 64, 1), Pending("b" * 64, 2), Pending("c" * 64, 3)]
    box.spool.down.wire(left[0]).write_bytes(b"changed on the disk")

    def open_one(_: Incoming, item: Pending) -> Any:
        if item.order == 1:
            raise RefusedInput("its signature does not fit any more")
        if item.order == 2:
            raise NotFound("its file is gone")
        return good

    monkeypatch.setattr(Incoming, "downlink_pending", lambda _: list(left))
    monkeypatch.setattr(Incoming, "downlink_open", open_one)
    monkeypatch.setattr(Incoming, "downlink_merged", lambda _, item, **_how: left.remove(item))
    keep_big_blob(box)
    sealing = box.sealing(Children())
    asyncio.run(_until(box, sealing, lambda: not left and not sealing.unsealed()))
    reasons = {item.reason for item in box.store.read(list_quarantine)}
    assert any("signature" in reason for reason in reasons)
    assert any("gone" in reason for reason in reasons)
    assert any("schedule payload" in reason for reason in reasons)


def put_small(box: Box, record_id: str) -> None:
    box.store.write(
        lambda conn: put_record(
            conn, record_id=record_id, kind=Kind.ENCOUNTER, lane=Lane.P2, payload=b"{}", author=NURSE,
            recorded_at=SystemClock().now(),
        )
    )  # fmt: skip


def test_small_rows_the_spool_refused_are_counted_and_sealed_without_another_save(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last Save of the day meets a full spool disk: it waits, says so, and goes by itself when there is room."""

    def full(*_: object) -> None:
        raise StoreError("no room")

    sealing = box.sealing(Children())
    with monkeypatch.context() as patch:
        patch.setattr(type(box.spool.up), "add", full)
        put_small(box, "e1")
        assert list(sealing.unsealed().values()) == [Lane.P2]
    asyncio.run(_until(box, sealing, lambda: not sealing.unsealed()))
    assert box.spool.up.counts()[Lane.P2].queued == 1


def test_what_cannot_be_sealed_is_an_alarm(box: Box) -> None:
    keep_big_blob(box)
    sealing = box.sealing(Children(RefusedInput("the blob's file is damaged")))
    asyncio.run(_until(box, sealing, lambda: box.sealer.failures))
    assert "damaged" in sentence(sealing.alarms)


def test_opening_sweeps_nothing_that_is_being_written(box: Box) -> None:
    """Reconcile runs beside the writer: a wire file whose row is not committed yet must not be swept away."""
    for name in ("f" * 64, "0123.tmp"):
        (box.spool.up.wire_folder / name).write_bytes(b"being written")
    box.sealer.reconcile()
    assert len(list(box.spool.up.wire_folder.iterdir())) == 2
    assert box.spool.up.sweep() == 2


def test_what_could_not_be_sealed_is_tried_again_later(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk was full while a study was being sealed: it does not wait until the agent is started anew."""
    monkeypatch.setattr("vehicle_agent.services.sealing.RETRY_S", 0.1)
    keep_big_blob(box)
    sealing = box.sealing(Children(RefusedInput("seal: OSError: No space left on device")))
    asyncio.run(_until(box, sealing, lambda: not sealing.unsealed()))
    assert sealing.alarms == []


def test_a_refusal_that_stands_is_an_alarm_with_its_remedy(box: Box) -> None:
    put_small(box, "e1")
    (item,) = box.spool.up.waiting(Lane.P2, -1, 9)
    now = SystemClock().now()
    box.spool.up.settle(Receipt(item.wire_sha256, Verdict.REFUSED, "e", 1, now, reason="origin-unknown"))
    sealing = box.sealing(Children())
    asyncio.run(_until(box, sealing, lambda: sealing.alarms))
    assert "enrol this vehicle again" in sentence(sealing.alarms)
