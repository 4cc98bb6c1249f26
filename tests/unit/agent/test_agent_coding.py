"""Pictures are coded in children, for what the hospital said it reads, and a child killed at it costs nothing."""

import asyncio
import os
import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np
import pytest

from clinic_records.clock import SystemClock
from clinic_records.errors import ClinicError, RefusedInput, StoreError
from clinic_records.ids import BlobHash
from clinic_records.people import Author, Role
from clinic_records.record import Kind, Lane
from cloud_hospital.intake.decoding import decode_in_child
from sync.abilities import OURS, Abilities
from sync.coding.choice import UNKNOWN
from sync.coding.choose import FAST
from sync.enrolment import Enrolment
from sync.envelope import Codec
from sync.keys import OriginKeys, RecipientPrivate
from sync.pace import FIRST_RATE
from sync.seal import Opened, open_wire
from tests.unit.sync.coding_files import Pixels, dicom, speckle
from vehicle_agent.children import Children
from vehicle_agent.services.sealing import Link, Sealing
from vehicle_agent.store.derive import database_key, new_data_key
from vehicle_agent.store.folder import VehicleFolder
from vehicle_agent.store.keys import DeviceKeys
from vehicle_agent.store.records import put_record
from vehicle_agent.store.seal_job import SealedBlob, SealJob, seal_blob
from vehicle_agent.store.sealer import PICTURE, Sealer
from vehicle_agent.store.spool import Spool
from vehicle_agent.store.store import Store
from vehicle_agent.visits.events import EventHub

NOW = datetime(2026, 11, 23, 1, tzinfo=UTC)
NURSE = Author("n001", "张护士", Role.NURSE)
LOOP = dicom(Pixels(160, 200, frames=40), speckle(np.random.default_rng(1), 40, 160, 200).tobytes())
STILL = dicom(Pixels(300, 400), speckle(np.random.default_rng(2), 1, 300, 400).tobytes())
UNMEASURED = Link()
CURVE = b"".join((1000 + step % 97 * 5).to_bytes(2, "little") * 8 for step in range(3000))


@dataclass
class Box:
    folder: VehicleFolder
    store: Store
    spool: Spool
    sealer: Sealer
    public: OriginKeys
    private: RecipientPrivate

    def hears(self, abilities: Abilities) -> None:
        self.spool.session.save(msgspec.structs.replace(self.spool.session.load(), peer=abilities))

    def keep(self, content: bytes, lane: Lane = Lane.P4, record_id: str = "r1") -> BlobHash:
        kept = self.store.blobs.keep(content)
        self.store.write(
            lambda conn: put_record(
                conn, record_id=record_id, kind=Kind.RECORDING, lane=Lane.P3, payload=b"{}", author=NURSE,
                recorded_at=NOW, blobs=(kept.sha256,), blob_lane=lane,
            )
        )  # fmt: skip
        return kept.sha256

    def opened(self, blob: BlobHash, tmp_path: Path) -> tuple[Opened, bytes]:
        """The blob's only envelope in the spool, as the hospital opens it."""
        found = []
        for path in self.spool.up.wire_folder.glob("*"):
            target = tmp_path / "opened"
            one = open_wire(
                path, origin=self.public.public, recipients={self.private.key_id: self.private}, dst=target,
                heavy=decode_in_child,
            )  # fmt: skip
            if one.header.id == blob:
                found.append((one, target.read_bytes()))
        assert len(found) == 1
        return found[0]


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
    yield Box(folder, store, spool, Sealer(store, spool, keys=keys), keys.sign, private)
    store.close()
    spool.close()


def seal_all(box: Box, link: Link = UNMEASURED, before: Sequence[Link] = ()) -> None:
    """By the agent's own service and its own children; `before` is what it hears of the link until it is `link`."""
    said = list(before)

    async def go() -> None:
        children = Children(1)
        sealing = Sealing(
            box.store, box.sealer, box.spool, children, events=EventHub(), clock=SystemClock(),
            link=lambda: said.pop(0) if said else link,
        )  # fmt: skip
        running = asyncio.create_task(sealing.run())
        async with asyncio.timeout(60):
            while box.sealer.jobs(1):
                sealing.poke()
                await asyncio.sleep(0.01)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await children.close()

    asyncio.run(go())
    assert not box.sealer.failures


def test_a_loop_goes_coded_to_a_hospital_that_reads_it(box: Box, tmp_path: Path) -> None:
    box.hears(OURS)
    blob = box.keep(LOOP)
    seal_all(box)
    one, payload = box.opened(blob, tmp_path)
    assert one.header.codec == Codec.IMAGE
    assert payload == LOOP
    assert one.outer.body_size < 0.6 * len(LOOP)


@pytest.mark.parametrize("codecs", [("raw", "zstd"), ("raw",), ("raw", "image-9")])
def test_a_hospital_that_does_not_read_it_gets_what_it_reads(box: Box, codecs: tuple[str, ...], tmp_path: Path) -> None:
    box.hears(Abilities(1, 1, codecs=codecs))
    blob = box.keep(LOOP)
    seal_all(box)
    one, payload = box.opened(blob, tmp_path)
    assert one.header.codec in codecs
    assert payload == LOOP


def test_a_fast_link_is_not_kept_waiting(box: Box, tmp_path: Path) -> None:
    box.hears(OURS)
    blob = box.keep(LOOP)
    seal_all(box, Link(50e6))
    one, payload = box.opened(blob, tmp_path)
    assert one.header.codec != Codec.IMAGE
    assert payload == LOOP


def test_the_first_loop_is_coded_for_the_link_that_was_measured_meanwhile(box: Box, tmp_path: Path) -> None:
    box.hears(OURS)
    blob = box.keep(LOOP)
    seal_all(box, Link(50e6), before=[Link(FIRST_RATE)] * 2)
    one, _ = box.opened(blob, tmp_path)
    assert one.header.codec != Codec.IMAGE


def test_a_link_that_small_things_are_still_filling_is_waited_for(box: Box, tmp_path: Path) -> None:
    box.hears(OURS)
    blob = box.keep(LOOP)
    seal_all(box, Link(1e5), before=[Link(1e5, is_filled=False, is_busy=True)] * 2)
    one, _ = box.opened(blob, tmp_path)
    assert one.header.codec == Codec.IMAGE


@pytest.mark.parametrize("is_filled", [False, True])
def test_a_near_link_is_not_waited_for(box: Box, tmp_path: Path, *, is_filled: bool) -> None:
    box.hears(OURS)
    blob = box.keep(LOOP)
    seal_all(box, Link(1e5), before=[Link(1e5, is_filled=is_filled, is_busy=True, is_near=True)])
    one, _ = box.opened(blob, tmp_path)
    assert one.header.codec != Codec.IMAGE


@pytest.mark.parametrize(
    ("link", "rate"),
    [
        (Link(5e6, is_online=True), 5e6),
        (Link(1e5, is_filled=False, is_near=True, is_online=True), FAST),
        (Link(1e5, is_near=True, is_online=True), UNKNOWN),  # near and slow
        (Link(1e5, is_filled=False, is_online=True), UNKNOWN),  # it may be a mobile one
        (Link(5e6, is_near=True), UNKNOWN),  # the depot's, and the vehicle has left
    ],
)
def test_what_is_small_is_made_as_small_as_can_be_unless_the_link_is_fast_for_sure(link: Link, rate: float) -> None:
    assert link.rate_at_commit == rate


@pytest.mark.parametrize(("rate", "codec"), [(UNKNOWN, Codec.SAMPLES), (FAST, Codec.DICTIONARY)])
def test_a_curve_is_coded_for_the_link_there_is_at_its_commit(box: Box, rate: float, codec: Codec) -> None:
    box.hears(OURS)
    box.sealer._rate = lambda: rate
    blob = box.keep(CURVE, Lane.P3)
    wires = [box.spool.up.read(each.wire_sha256, 0, each.size) for each in box.spool.up.waiting(Lane.P3, -1, 9)]
    recipients = {box.private.key_id: box.private}
    opened = [open_wire(wire, origin=box.public.public, recipients=recipients) for wire in wires]
    assert [(each.header.codec, each.payload) for each in opened if each.header.id == blob] == [(codec, CURVE)]


def test_a_link_that_nothing_has_filled_is_taken_as_fast(box: Box, tmp_path: Path) -> None:
    box.hears(OURS)
    blob = box.keep(LOOP)
    seal_all(box, Link(1e5, is_filled=False))
    one, _ = box.opened(blob, tmp_path)
    assert one.header.codec != Codec.IMAGE


def test_a_link_that_stays_slow_gets_the_smallest_form(box: Box, tmp_path: Path) -> None:
    box.hears(OURS)
    blob = box.keep(LOOP)
    seal_all(box, Link(FIRST_RATE, is_filled=False))
    one, _ = box.opened(blob, tmp_path)
    assert one.header.codec == Codec.IMAGE


def test_a_coder_is_told_when_the_link_waits_for_it(box: Box) -> None:
    box.keep(LOOP)
    assert [job.is_idle for job in box.sealer.jobs(rate=1e6)] == [True]
    box.keep(os.urandom(60_000), Lane.P3, "r2")  # sealed at its commit
    assert [job.is_idle for job in box.sealer.jobs(rate=1e6)] == [True]  # 0.06 s of sending
    assert [job.is_idle for job in box.sealer.jobs(rate=1e4)] == [False]
    assert [job.is_idle for job in box.sealer.jobs()] == [False]  # nobody knows the link


def test_a_single_picture_waits_for_a_child_and_a_curve_does_not(box: Box) -> None:
    box.hears(OURS)
    assert len(STILL) > PICTURE
    box.keep(STILL, record_id="still")
    assert len(box.sealer.jobs()) == 1
    box.keep(CURVE, Lane.P3, record_id="curve")
    assert len(box.sealer.jobs()) == 1
    seal_all(box)
    codecs = []
    for path in box.spool.up.wire_folder.glob("*"):
        target = path.with_name("target")
        one = open_wire(
            path, origin=box.public.public, recipients={box.private.key_id: box.private}, dst=target,
            heavy=decode_in_child,
        )  # fmt: skip
        codecs.append(one.header.codec)
    assert Codec.IMAGE in codecs


def test_a_child_killed_while_it_codes_leaves_nothing_and_the_next_one_does_it(box: Box, tmp_path: Path) -> None:
    """The blob's file is a pipe that stops in the middle, so the child is known to be at it when it is killed."""
    box.hears(OURS)
    blob = box.keep(LOOP)
    (job,) = box.sealer.jobs(1)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    stuck = msgspec.structs.replace(job, blob=msgspec.structs.replace(job.blob, path=str(pipe)))

    begin = Path(job.blob.path).read_bytes()[: 60 * 1024]

    async def go() -> SealedBlob:
        children = Children(1)
        first = asyncio.create_task(children.run("seal", stuck, timeout_s=60))
        writer = await asyncio.to_thread(os.open, pipe, os.O_WRONLY)  # returns when the child has opened its end
        await asyncio.to_thread(os.write, writer, begin)
        (pid,) = children.pids
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(StoreError, match="died"):
            await first
        os.close(writer)
        assert list(box.spool.up.wire_folder.iterdir()) == []
        body = await children.run("seal", job, timeout_s=60)
        await children.close()
        return msgspec.msgpack.decode(body, type=SealedBlob)

    box.sealer.finish(job, asyncio.run(go()))
    one, payload = box.opened(blob, tmp_path)
    assert (one.header.codec, payload) == (Codec.IMAGE, LOOP)
    assert box.sealer.jobs() == []


class Failing:
    """Children whose coder fails as a test wants; light jobs succeed."""

    def __init__(self, error: ClinicError) -> None:
        self.error = error
        self.jobs: list[SealJob] = []

    async def run(self, _job: str, request: SealJob, *, timeout_s: float) -> bytes:
        self.jobs.append(request)
        if request.is_heavy:
            raise self.error
        return msgspec.msgpack.encode(await asyncio.to_thread(seal_blob, request))


class Coding:
    """Children whose heavy coders never end."""

    def __init__(self) -> None:
        self.jobs: list[SealJob] = []

    async def run(self, _job: str, request: SealJob, *, timeout_s: float) -> bytes:
        self.jobs.append(request)
        if request.is_heavy:
            await asyncio.Event().wait()
        return msgspec.msgpack.encode(await asyncio.to_thread(seal_blob, request))


def test_a_coder_is_given_up_once_the_link_turns_out_fast(box: Box, tmp_path: Path) -> None:
    box.hears(OURS)
    blob = box.keep(LOOP)
    children = Coding()
    said = [Link(1e6), Link(2e6), Link(50e6)]
    sealing = Sealing(
        box.store, box.sealer, box.spool, children,  # type: ignore[arg-type]  # the same one method
        events=EventHub(), clock=SystemClock(), link=lambda: said.pop(0),
    )  # fmt: skip
    (job,) = box.sealer.jobs(1, rate=1e6)
    asyncio.run(sealing._seal(job))
    assert [(each.is_heavy, each.rate) for each in children.jobs] == [(True, 1e6), (False, 50e6)]
    one, payload = box.opened(blob, tmp_path)
    assert (one.header.codec, payload) == (Codec.ZSTD, LOOP)


@pytest.mark.parametrize("error", [StoreError("the child took too long"), RefusedInput("seal: IndexError")])
def test_what_the_coder_cannot_do_goes_without_it(box: Box, error: ClinicError, tmp_path: Path) -> None:
    box.hears(OURS)
    blob = box.keep(LOOP)
    children = Failing(error)
    sealing = Sealing(
        box.store, box.sealer, box.spool, children,  # type: ignore[arg-type]  # the same one method
        events=EventHub(), clock=SystemClock(),
    )  # fmt: skip
    (job,) = box.sealer.jobs(1)
    asyncio.run(sealing._seal(job))
    assert [each.is_heavy for each in children.jobs] == [True, False]
    assert not box.sealer.failures
    one, payload = box.opened(blob, tmp_path)
    assert (one.header.codec, payload) == (Codec.ZSTD, LOOP)
