"""Big blobs are sealed in children, failures are remembered, and what the hospital sends is kept or set aside."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import msgspec
import pytest

from clinic_records.clock import Origin, SystemClock
from clinic_records.errors import ClinicError, RefusedInput, StoreError
from clinic_records.people import Author, Role
from clinic_records.record import Kind, Lane, Record
from schedules.publish import encode, make_version
from sync.enrolment import Enrolment
from sync.keys import OriginKeys, RecipientPrivate
from sync.ports import Receipt, Verdict
from vehicle_agent.services.sealing import Sealing
from vehicle_agent.store.derive import database_key, new_data_key
from vehicle_agent.store.folder import VehicleFolder
from vehicle_agent.store.keys import DeviceKeys
from vehicle_agent.store.outbox import rows_where
from vehicle_agent.store.quarantine import list_quarantine
from vehicle_agent.store.records import list_current, put_record
from vehicle_agent.store.seal_job import SealJob, seal_blob
from vehicle_agent.store.sealer import AT_COMMIT, Sealer
from vehicle_agent.store.spool import Spool
from vehicle_agent.store.store import Store
from vehicle_agent.visits.events import EventHub

NOW = datetime(2026, 11, 23, 1, tzinfo=UTC)
NURSE = Author("n001", "张护士", Role.NURSE)


class Children:
    """Seals in this process, after raising what a test wants first."""

    def __init__(self, *first: ClinicError) -> None:
        self.first = list(first)

    async def run(self, job: str, request: SealJob, *, timeout_s: float) -> bytes:
        assert job == "seal"
        if self.first:
            raise self.first.pop(0)
        return msgspec.msgpack.encode(await asyncio.to_thread(seal_blob, request))


@dataclass
class Box:
    store: Store
    spool: Spool
    sealer: Sealer

    def sealing(self, children: object) -> Sealing:
        return Sealing(
            self.store,
            self.sealer,
            self.spool,
            children,  # type: ignore[arg-type]  # the same one method
            events=EventHub(),
            clock=SystemClock(),
        )


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    folder = VehicleFolder(tmp_path / "V01")
    folder.create()
    keys = DeviceKeys.create(folder.device_key)
    hospital, private = OriginKeys.generate(), RecipientPrivate.generate()
    enrolment = Enrolment(
        "V01", keys.sign.public.raw, "H1", "县医院", hospital.public.raw, private.public.raw, private.key_id,
        "127.0.0.1", 9, "V01", "secret", 1, "token",
    )  # fmt: skip
    store = Store.open(folder.database, folder.blobs, database_key(new_data_key()), vehicle="V01", incarnation=1)
    spool = Spool(folder.spool, keys=keys, hospital=enrolment)
    yield Box(store, spool, Sealer(store, spool, keys=keys))
    store.close()
    spool.close()


def keep_big_blob(box: Box) -> None:
    kept = box.store.blobs.keep(b"x" * (AT_COMMIT + 1))
    box.store.write(
        lambda conn: put_record(
            conn, record_id="r1", kind=Kind.RECORDING, lane=Lane.P3, payload=b"{}", author=NURSE, recorded_at=NOW,
            blobs=(kept.sha256,), blob_lane=Lane.P4,
        )
    )  # fmt: skip


def run_for_a_while(sealing: Sealing, box: Box) -> None:
    """Until nothing is left that could be sealed."""

    async def go() -> None:
        running = asyncio.create_task(sealing.run())
        async with asyncio.timeout(20):
            while box.sealer.jobs(1):
                sealing.poke()
                await asyncio.sleep(0.01)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(go())


def test_a_big_blob_is_counted_until_it_is_sealed(box: Box) -> None:
    keep_big_blob(box)
    sealing = box.sealing(Children(StoreError("the child died")))
    assert box.spool.up.counts(unsealed=sealing.unsealed())[Lane.P4].queued == 1
    run_for_a_while(sealing, box)
    assert not sealing.unsealed()
    assert box.spool.up.counts()[Lane.P4].queued == 1


def test_what_cannot_be_sealed_stays_counted_and_is_not_tried_for_ever(box: Box) -> None:
    keep_big_blob(box)
    sealing = box.sealing(Children(RefusedInput("the blob's file is damaged")))
    run_for_a_while(sealing, box)
    assert list(box.sealer.failures.values()) == ["the blob's file is damaged"]
    assert box.spool.up.counts(unsealed=sealing.unsealed())[Lane.P4].queued == 1


def test_a_receipt_waits_for_no_coder(box: Box) -> None:
    keep_big_blob(box)
    (wire,) = box.spool.up.waiting(Lane.P3, -1, 9)

    class Coding:
        """Children that code for ever."""

        async def run(self, _job: str, _request: SealJob, *, timeout_s: float) -> bytes:
            box.spool.up.settle(Receipt(wire.wire_sha256, Verdict.APPLIED, "e1", 1, NOW))
            await asyncio.sleep(timeout_s)
            return b""

    async def go() -> None:
        sealing = box.sealing(Coding())
        running = asyncio.create_task(sealing.run())
        async with asyncio.timeout(20):
            while box.store.read(lambda conn: rows_where(conn, "state = 'received'")) == []:
                sealing.poke()
                await asyncio.sleep(0.01)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(go())
    assert len(box.sealer.jobs()) == 1


def schedule(payload: bytes, revision: int = 1) -> Record:
    origin = Origin("HOSPITAL", 1, revision)
    return Record("s", revision, Kind.SCHEDULE, Lane.P1, payload, origin, None, NOW)  # type: ignore[arg-type]  # an id


def test_the_downlink_is_kept_or_set_aside(box: Box) -> None:
    sealing = box.sealing(Children())
    day = date(2026, 11, 1)
    plan = encode(make_version((), version=1, effective_from=day, first=day, last=day))
    other = encode(make_version((), version=1, effective_from=day, first=day, last=date(2026, 11, 2)))
    for record in (schedule(plan), schedule(plan), schedule(b"not a plan", 2), schedule(other)):
        sealing._merge(record)
    kept = box.store.read(lambda conn: list_current(conn, Kind.SCHEDULE))
    assert [record.revision for record in kept] == [1]
    reasons = [item.reason for item in box.store.read(list_quarantine)]
    assert len(reasons) == 2
    assert "two contents" in reasons[0]
    assert "schedule payload" in reasons[1]
