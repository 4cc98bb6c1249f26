"""A day that travels by USB stick: vehicle -> stick -> hospital -> stick -> vehicle, and over another vehicle."""

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from clinic_records.errors import StoreError
from clinic_records.ids import RecordId
from clinic_records.record import Kind, Lane
from cloud_hospital.bundle import import_volumes, write_answer
from cloud_hospital.downlink import queue_schedules, wire_path
from cloud_hospital.hospital import Hospital
from cloud_hospital.intake.inbound import VehicleInbound
from cloud_hospital.intake.outbound import VehicleOutbound
from cloud_hospital.store.engine import reading
from cloud_hospital.store.tables import arrivals, entries, vehicles
from cloud_hospital.vehicles import enrol, revoke
from sync import bundle
from sync.bundle import BundleWriter, VolumeReader, volumes_in
from sync.enrolment import Enrolment
from sync.ports import Verdict
from tests.unit.hospital.conftest import Box, a_visit
from tests.unit.hospital.test_downlink import publish
from vehicle_agent.store.bundle import Stick
from vehicle_agent.store.keys import DeviceKeys
from vehicle_agent.store.outgoing import Spooled
from vehicle_agent.store.spool import Spool

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


@dataclass
class Car:
    """A vehicle's spool with a morning's work in it, and its stick."""

    box: Box
    spool: Spool
    stick: Stick
    hospital: Hospital
    enrolment: Enrolment

    def work(self, big: int = 0) -> int:
        """One visit's records, and a blob of `big` bytes; how many envelopes."""
        records = a_visit(self.box.vehicle).records(self.box)
        sealed = [self.box.seal(each, self.hospital.keys.announced.public) for each in records]
        if big:
            sealed.append(self.box.blob(os.urandom(big), self.hospital.keys.announced.public, Lane.P4))
        numbers = [each.origin.seq for each in records] + [self.box.seq] * bool(big)
        for number, each in zip(numbers, sealed, strict=True):
            self.spool.up.add([Spooled(1, number, each.lane, each.wire_sha256, each.size, data=each.data)])
        return len(sealed)

    def states(self) -> dict[str, int]:
        """How many envelopes of its own are in which state."""
        counts = self.spool.up.counts().values()
        return {
            name: sum(getattr(each, name) for each in counts)
            for name in ("queued", "received", "held", "refused")
            if any(getattr(each, name) for each in counts)
        }


def a_car(hospital: Hospital, root: Path, vehicle: str) -> Car:
    root.mkdir()
    keys = DeviceKeys.create(root / "device.key")
    box = Box(vehicle, keys=keys.sign, private=keys.box)
    enrolment: Enrolment = enrol(hospital, box.request())
    spool = Spool(root / "spool", keys=keys, hospital=enrolment)
    return Car(box, spool, Stick(spool, keys, enrolment), hospital, enrolment)


@pytest.fixture
def car(hospital: Hospital, tmp_path: Path) -> Car:
    return a_car(hospital, tmp_path / "V01", "V01")


def known_ids(hospital: Hospital) -> list[str]:
    with reading(hospital.engine) as connection:
        return sorted(connection.execute(select(entries.c.id)).scalars())


def test_a_morning_goes_by_stick_and_its_receipts_come_back(car: Car, hospital: Hospital, tmp_path: Path) -> None:
    count = car.work(big=3 * bundle.PIECE + 17)
    written = car.stick.write(tmp_path / "stick", now=NOW, name="one")
    assert (written.envelopes, written.left) == (count, 0)
    assert car.states() == {"queued": count}, "a stick ends nothing"

    found = import_volumes(hospital, volumes_in([tmp_path / "stick"]))
    assert found.verdicts == {"applied": count}
    assert found.is_whole
    answer = write_answer(hospital, "V01", found.answers["V01"], tmp_path / "back", "two")
    assert answer.receipts == count

    brought = car.stick.take(volumes_in([tmp_path / "back"]))
    assert (brought.receipts, brought.stale, brought.strange) == (count, 0, 0)
    assert car.states() == {"received": count}


def test_the_same_stick_again_changes_nothing(car: Car, hospital: Hospital, tmp_path: Path) -> None:
    count = car.work()
    car.stick.write(tmp_path / "stick", now=NOW, name="one")
    import_volumes(hospital, volumes_in([tmp_path / "stick"]))
    before = known_ids(hospital)
    again = import_volumes(hospital, volumes_in([tmp_path / "stick"]))
    assert (again.verdicts, again.known) == ({}, count)
    assert len(again.answers["V01"]) == count, "the answer still speaks of all"
    assert known_ids(hospital) == before
    write_answer(hospital, "V01", again.answers["V01"], tmp_path / "back", "two")
    assert car.stick.take(volumes_in([tmp_path / "back"])).receipts == count
    assert car.stick.take(volumes_in([tmp_path / "back"])).receipts == 0


@pytest.mark.parametrize("share", [0.02, 0.5, 0.97])
def test_a_torn_stick_gives_what_lies_before_the_tear_and_the_rest_later(
    car: Car, hospital: Hospital, tmp_path: Path, share: float
) -> None:
    count = car.work(big=4 * bundle.PIECE)
    car.stick.write(tmp_path / "stick", now=NOW, name="one")
    (whole,) = volumes_in([tmp_path / "stick"])
    torn = tmp_path / "torn.mcb"
    torn.write_bytes(whole.read_bytes()[: int(whole.stat().st_size * share)])
    first = import_volumes(hospital, [torn])
    assert first.torn == 1
    assert not first.is_whole
    second = import_volumes(hospital, [whole])
    assert second.is_whole
    assert sum(first.verdicts.values()) + sum(second.verdicts.values()) == count
    assert second.known == sum(first.verdicts.values())


def test_a_piece_with_wrong_bytes_is_left_out_and_said(car: Car, hospital: Hospital, tmp_path: Path) -> None:
    car.work(big=2 * bundle.PIECE)
    car.stick.write(tmp_path / "stick", now=NOW, name="one")
    (path,) = volumes_in([tmp_path / "stick"])
    data = bytearray(path.read_bytes())
    data[-bundle.PIECE // 2] ^= 1
    path.write_bytes(data)
    found = import_volumes(hospital, [path])
    assert (found.damaged, found.incomplete) == (1, 1)
    assert not found.is_whole


def test_a_bundle_larger_than_a_volume_takes_several(car: Car, hospital: Hospital, tmp_path: Path) -> None:
    car.work(big=5 * bundle.PIECE)
    with BundleWriter(tmp_path / "stick", "V01", 0, "small", volume_limit=2 * bundle.PIECE) as out:
        for kept in car.spool.up.kept():
            item = kept.item
            read = lambda offset, size, name=item.wire_sha256: car.spool.up.read(name, offset, size)  # noqa: E731
            assert out.envelope(item.wire_sha256, item.size, item.lane, origin="V01", to="", read=read)
    assert len(out.volumes) == 3
    readers = [VolumeReader(path) for path in out.volumes]
    for reader in readers:
        list(reader.entries())
    assert [reader.is_last for reader in readers] == [False, False, True]
    found = import_volumes(hospital, reversed(volumes_in([tmp_path / "stick"])))
    assert found.verdicts == {"applied": 6}


def test_a_full_stick_keeps_what_fits_whole_and_says_what_is_left(
    car: Car, hospital: Hospital, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = car.work()
    real, asked = os.statvfs, 0

    def room(path: object) -> object:
        nonlocal asked
        asked += 1
        found = real(path)  # type: ignore[arg-type]  # a path
        return found if asked <= 3 else os.statvfs_result((found.f_bsize, found.f_frsize, 0, 0, 0, 0, 0, 0, 0, 255))

    monkeypatch.setattr(os, "statvfs", room)
    written = car.stick.write(tmp_path / "stick", now=NOW, name="one")
    monkeypatch.undo()
    assert (written.envelopes, written.left) == (3, count - 3)
    found = import_volumes(hospital, volumes_in([tmp_path / "stick"]))
    assert (found.verdicts, found.torn) == ({"applied": 3}, 0)


def test_a_stick_that_refuses_is_named_and_leaves_no_half_volume(
    car: Car, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    car.work()

    def refuse(_handle: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(StoreError, match="Input/output error"):
        car.stick.write(tmp_path / "stick", now=NOW, name="one")
    with pytest.raises(StoreError, match="no bundle"):
        volumes_in([tmp_path / "stick"])


def test_foreign_files_are_named_and_harm_nothing(car: Car, hospital: Hospital, tmp_path: Path) -> None:
    for name, data in (("photo.mcb", b"\xff\xd8\xff\xe0"), ("empty.mcb", b""), ("head.mcb", b"MCB1\xff\xff\xff\xff")):
        (tmp_path / name).write_bytes(data)
    places = volumes_in([tmp_path / name for name in ("photo.mcb", "empty.mcb", "head.mcb")])
    assert import_volumes(hospital, places).foreign == ["photo.mcb", "empty.mcb", "head.mcb"]
    assert car.stick.take(places).foreign == ["photo.mcb", "empty.mcb", "head.mcb"]
    with pytest.raises(StoreError, match="no bundle"):
        volumes_in([tmp_path / "nowhere"])


def test_another_vehicle_carries_it_up_and_the_receipt_goes_to_the_origin(
    car: Car, hospital: Hospital, tmp_path: Path
) -> None:
    """Sync rule 24: the carrier is not the origin."""
    count = car.work(big=bundle.PIECE + 5)
    car.stick.write(tmp_path / "stick", now=NOW, name="one")
    relay = a_car(hospital, tmp_path / "V02", "V02")
    relay.work()
    brought = relay.stick.take(volumes_in([tmp_path / "stick"]))
    assert (brought.carried, brought.is_whole) == (count, True)
    assert relay.stick.take(volumes_in([tmp_path / "stick"])).carried == 0
    assert relay.spool.up.carried() == {"V01": (count, 0)}
    assert relay.states() == {"queued": 5}, "what is carried is no work of its own"

    inbound = VehicleInbound(hospital, "V02")
    for lane in Lane:
        for item in relay.spool.up.waiting(lane, -1, 100):
            data = relay.spool.up.read(item.wire_sha256, 0, item.size)
            inbound.write(item.wire_sha256, item.size, lane, 0, data)
            relay.spool.up.settle(inbound.accept(item.wire_sha256))
    assert relay.spool.up.carried() == {"V01": (0, count)}
    assert len(relay.spool.up.journal(0, 100)) == 5, "only what is its own comes into its outbox"
    with reading(hospital.engine) as connection:
        assert len(connection.execute(select(arrivals).where(arrivals.c.vehicle == "V01")).all()) == count

    for kept in car.spool.up.kept():
        receipt = VehicleInbound(hospital, "V01").receipt_for(kept.item.wire_sha256)
        assert receipt is not None, "its origin hears of it without sending it again"
        car.spool.up.settle(receipt)
    assert car.states() == {"received": count}


@pytest.mark.parametrize("harm", ["gone", "cut"])
def test_one_whose_bytes_are_gone_keeps_no_other_off_the_stick(
    car: Car, hospital: Hospital, tmp_path: Path, harm: str
) -> None:
    count = car.work(big=bundle.PIECE + 5)
    (path,) = car.spool.up.wire_folder.iterdir()
    if harm == "gone":
        path.unlink()
    else:
        os.truncate(path, bundle.PIECE)
    car.spool.up.raise_lane({path.name: Lane.P0})
    written = car.stick.write(tmp_path / "stick", now=NOW, name="one")
    assert (written.envelopes, written.left, written.unreadable) == (count - 1, 0, 1)
    assert import_volumes(hospital, volumes_in([tmp_path / "stick"])).verdicts == {"applied": count - 1}


def test_what_its_origin_sealed_anew_is_carried_beside_the_first(car: Car, hospital: Hospital, tmp_path: Path) -> None:
    (record, *_) = a_visit("V01").records(car.box)
    for name in ("one", "two"):  # the second under the same number, as after a refusal for its coding
        sealed = car.box.seal(record, hospital.keys.announced.public)
        path = tmp_path / name
        with BundleWriter(path, "V01", 0, name) as out:
            read = lambda offset, size, data=sealed.data: data[offset : offset + size]  # noqa: E731
            out.envelope(sealed.wire_sha256, sealed.size, sealed.lane, origin="V01", to="", read=read)
    relay = a_car(hospital, tmp_path / "V02", "V02")
    assert [relay.stick.take(volumes_in([tmp_path / name])).carried for name in ("one", "two")] == [1, 1]
    assert relay.spool.up.carried() == {"V01": (2, 0)}


def test_an_answer_whose_file_is_gone_keeps_no_other_off_the_stick(
    car: Car, hospital: Hospital, tmp_path: Path
) -> None:
    publish(hospital, 1)
    publish(hospital, 2)
    assert queue_schedules(hospital, ["V01"]) == [1, 2]
    outbound = VehicleOutbound(hospital, "V01")
    (first, _) = (item for lane in Lane for item in outbound.waiting(lane, -1, 10))
    wire_path(hospital.folder, "V01", first.wire_sha256).unlink()
    answer = write_answer(hospital, "V01", [], tmp_path / "back", "one")
    assert (answer.envelopes, answer.left) == (1, 1)
    assert car.stick.take(volumes_in([tmp_path / "back"])).down == 1


def test_a_forged_way_down_is_strange(car: Car, tmp_path: Path) -> None:
    forged = os.urandom(500)
    with BundleWriter(tmp_path / "stick", "H1", 0, "one") as out:
        read = lambda offset, size: forged[offset : offset + size]  # noqa: E731
        out.envelope("0" * 64, len(forged), Lane.P1, origin="H1", to="V01", read=read)
    brought = car.stick.take(volumes_in([tmp_path / "stick"]))
    assert (brought.down, brought.strange) == (0, 1)


def test_a_carrier_whose_disk_refuses_keeps_what_it_took_and_says_so(
    car: Car, hospital: Hospital, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = car.work()
    car.stick.write(tmp_path / "stick", now=NOW, name="one")
    relay = a_car(hospital, tmp_path / "V02", "V02")
    real, asked = os.fsync, 0

    def refuse(handle: int) -> None:
        nonlocal asked
        asked += 1
        if asked > 4:
            raise OSError(28, "No space left on device")
        real(handle)

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(StoreError, match="No space left"):
        relay.stick.take(volumes_in([tmp_path / "stick"]))
    monkeypatch.undo()
    waiting = relay.spool.up.carried()["V01"][0]
    assert 0 < waiting < count
    assert not list(relay.spool.up.wire_folder.glob("*.tmp"))
    assert relay.stick.take(volumes_in([tmp_path / "stick"])).carried == count - waiting


def test_a_revoked_vehicles_data_is_held_whoever_carries_it(car: Car, hospital: Hospital, tmp_path: Path) -> None:
    """Sync rule 24: held, not refused, so the carrier need not bring it again."""
    count = car.work()
    car.stick.write(tmp_path / "stick", now=NOW, name="one")
    relay = a_car(hospital, tmp_path / "V02", "V02")
    relay.stick.take(volumes_in([tmp_path / "stick"]))
    revoke(hospital, "V01", "stolen")
    inbound = VehicleInbound(hospital, "V02")
    for kept in relay.spool.up.kept():
        item = kept.item
        inbound.write(item.wire_sha256, item.size, item.lane, 0, relay.spool.up.read(item.wire_sha256, 0, item.size))
        receipt = inbound.accept(item.wire_sha256)
        assert (receipt.verdict, receipt.reason) == (Verdict.HELD, "revoked")
        relay.spool.up.settle(receipt)
    assert relay.spool.up.carried() == {"V01": (0, count)}
    assert known_ids(hospital) == []


def test_a_revoked_vehicles_stick_is_held_for_a_person(car: Car, hospital: Hospital, tmp_path: Path) -> None:
    count = car.work()
    car.stick.write(tmp_path / "stick", now=NOW, name="one")
    revoke(hospital, "V01", "stolen")
    found = import_volumes(hospital, volumes_in([tmp_path / "stick"]))
    assert found.verdicts == {"held": count}
    assert known_ids(hospital) == []


def test_a_stick_of_nobody_enrolled_is_strange(car: Car, hospital: Hospital, tmp_path: Path) -> None:
    stranger = Box("V99")
    sealed = stranger.seal(
        stranger.record(Kind.STOP, b"{}", str(RecordId("a-stop"))), hospital.keys.announced.public
    )  # fmt: skip
    data = sealed.data
    assert data is not None
    with BundleWriter(tmp_path / "stick", "V99", 0, "x") as out:
        out.envelope(
            sealed.wire_sha256, sealed.size, Lane.P2, origin="V99", to="", read=lambda at, size: data[at : at + size]
        )
        out.envelope(
            sealed.wire_sha256, sealed.size, Lane.P2, origin="V01", to="", read=lambda at, size: data[at : at + size]
        )
    found = import_volumes(hospital, out.volumes)
    assert found.strange == 1
    assert found.verdicts == {Verdict.REFUSED: 1}, "a name on the stick proves nothing"
    with reading(hospital.engine) as connection:
        heard = connection.execute(select(vehicles.c.last_contact).where(vehicles.c.id == "V01")).scalar_one()
    assert heard is None, "nor is it a word of V01's, whose silence stays an alarm (sync rule 21)"


def test_receipts_by_another_hand_or_of_another_epoch_end_nothing(car: Car, hospital: Hospital, tmp_path: Path) -> None:
    """Sync rules 3 and 4, by stick."""
    count = car.work()
    car.stick.write(tmp_path / "stick", now=NOW, name="one")
    found = import_volumes(hospital, volumes_in([tmp_path / "stick"]))
    receipts = [VehicleInbound(hospital, "V01").receipt_for(name) for name in found.answers["V01"]]
    true = [each for each in receipts if each is not None]
    epoch = hospital.log.current()
    forged = bundle.sign_receipts(hospital.settings.id, "V01", epoch, true, Box("V05").keys)
    others = bundle.sign_receipts(hospital.settings.id, "V02", epoch, true, hospital.keys.sign)
    with BundleWriter(tmp_path / "forged", "H01", 0, "x") as out:
        for statement in (*forged, *others):
            out.statement(statement)
    assert car.stick.take(out.volumes).strange == 2
    write_answer(hospital, "V01", found.answers["V01"], tmp_path / "old", "two")
    hospital.log.begin(NOW, "restored")
    write_answer(hospital, "V01", found.answers["V01"], tmp_path / "new", "three")
    assert car.states() == {"queued": count}
    assert car.stick.take(volumes_in([tmp_path / "new"])).receipts == count
    session = car.spool.session.load()
    assert session.epoch == hospital.log.current()
    assert session.highest_receipt_seq == 2 * count, "a rollback of what came by stick is seen, too"
    assert session.token == car.enrolment.session_token, "the token is the courier's alone"
    late = car.stick.take(volumes_in([tmp_path / "old"]))
    assert (late.receipts, late.stale) == (0, count)
