"""Envelopes become entries once, and everything else is kept and named."""

import os
import random
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from clinic_records.clock import to_ms
from clinic_records.ids import IdFactory, sha256_hex
from clinic_records.record import Kind, Lane
from cloud_hospital.api.proof import prove
from cloud_hospital.hospital import init_hospital, open_hospital
from cloud_hospital.intake.inbound import VehicleInbound
from cloud_hospital.intake.leftovers import clear_leftovers
from cloud_hospital.settings import HospitalSettings
from cloud_hospital.store.engine import reading, writing
from cloud_hospital.store.tables import alarms, entries, quarantine, transfers
from cloud_hospital.vehicles import enrol
from sync.keys import RecipientPrivate
from sync.ports import Verdict
from sync.seal import seal
from tests.unit.hospital.conftest import Box, Clinic, a_visit, deliver


def quarantined(clinic: Clinic) -> list[tuple[str, str]]:
    with reading(clinic.hospital.engine) as connection:
        rows = connection.execute(select(quarantine).order_by(quarantine.c.n)).all()
    for row in rows:
        assert (clinic.hospital.folder.root / row.path).is_file()
    return [(row.vehicle, row.reason) for row in rows]


def test_a_visit_is_applied_and_proved(clinic: Clinic) -> None:
    visit = a_visit()
    records = visit.records(clinic.box)
    receipts = [clinic.send(record) for record in records]
    receipts += [clinic.send_blob(visit.ecg_bytes), clinic.send_blob(visit.curve_bytes)]
    assert [each.verdict for each in receipts] == [Verdict.APPLIED] * 7
    assert [each.receipt_seq for each in receipts] == list(range(1, 8))
    assert [(each.id, each.revision, each.sha256) for each in receipts[:5]] == [
        (each.id, each.revision, each.sha256) for each in records
    ]
    proof = prove(clinic.hospital)
    assert {(each.id, each.sha256) for each in proof.entries} == {(each.id, each.sha256) for each in records}
    assert all(each.is_intact for each in proof.blobs)
    assert len(proof.blobs) == 2


def test_the_payload_is_kept_verbatim(clinic: Clinic) -> None:
    visit = a_visit()
    odd = (
        b'{"id": "'
        + visit.patient.id.encode()
        + b'",  "name":"\xe6\xac\xa7\xe9\x98\xb3","sex":"male","birth_date":null, "later_field": 1}'
    )
    clinic.send(clinic.box.record(Kind.PATIENT, odd, visit.patient.id))
    with reading(clinic.hospital.engine) as connection:
        assert connection.execute(select(entries.c.payload)).scalar_one() == odd


def test_the_same_file_again_gets_the_same_receipt(clinic: Clinic) -> None:
    record = a_visit().records(clinic.box)[1]
    sealed = clinic.box.seal(record, clinic.recipient)
    first = deliver(clinic.hospital, "V01", sealed)
    assert deliver(clinic.hospital, "V01", sealed) == first
    with reading(clinic.hospital.engine) as connection:
        assert connection.execute(select(transfers)).all() == []
    assert list(clinic.hospital.folder.transfers.rglob("*.part")) == []


def test_the_same_version_in_another_file_is_a_duplicate(clinic: Clinic) -> None:
    record = a_visit().records(clinic.box)[1]
    assert clinic.send(record).verdict is Verdict.APPLIED
    again = clinic.send(record)
    assert (again.verdict, again.receipt_seq) == (Verdict.DUPLICATE, 2)
    assert len(prove(clinic.hospital).entries) == 1


def test_the_same_version_with_other_content_is_held_with_an_alarm(clinic: Clinic) -> None:
    visit = a_visit()
    clinic.send(visit.records(clinic.box)[1])
    other = clinic.send(clinic.box.record(Kind.PATIENT, a_visit(name="别人").patient, visit.patient.id))
    assert (other.verdict, other.reason) == (Verdict.HELD, "other-content")
    assert quarantined(clinic) == [("V01", "other-content")]
    with reading(clinic.hospital.engine) as connection:
        assert [row.code for row in connection.execute(select(alarms))] == ["other-content"]
    assert len(prove(clinic.hospital).entries) == 1


def test_an_unknown_feature_is_held(clinic: Clinic) -> None:
    record = a_visit().records(clinic.box)[1]
    sealed = seal(
        record, keys=clinic.box.keys, recipient=clinic.recipient, created_ms=1, must_understand=("household-v2",)
    )
    assert deliver(clinic.hospital, "V01", sealed).verdict is Verdict.HELD


@pytest.mark.parametrize(
    ("kind", "payload"), [(Kind.SCHEDULE, b"{}"), (Kind.PATIENT, b'{"id": 7}'), (Kind.ENCOUNTER, b"\xff\xfe")]
)
def test_what_is_not_understood_is_held(clinic: Clinic, kind: Kind, payload: bytes) -> None:
    receipt = clinic.send(clinic.box.record(kind, payload, IdFactory().new()))
    assert (receipt.verdict, receipt.reason) == (Verdict.HELD, "not-understood")
    assert quarantined(clinic) == [("V01", "not-understood")]


def test_a_stranger_is_refused_and_kept(clinic: Clinic) -> None:
    stranger = Box("V66")
    sealed = stranger.seal(a_visit("V66").records(stranger)[1], clinic.recipient)
    receipt = deliver(clinic.hospital, "V01", sealed)
    assert (receipt.verdict, receipt.reason) == (Verdict.REFUSED, "origin-unknown")
    assert quarantined(clinic) == [("V01", "origin-unknown")]


def test_a_forger_under_the_vehicles_name_is_refused(clinic: Clinic) -> None:
    forger = Box("V01")
    receipt = deliver(clinic.hospital, "V01", forger.seal(a_visit().records(forger)[1], clinic.recipient))
    assert (receipt.verdict, receipt.reason) == (Verdict.REFUSED, "origin-signature")
    assert prove(clinic.hospital).entries == []


def test_an_envelope_for_another_hospital_is_refused(clinic: Clinic) -> None:
    elsewhere = RecipientPrivate.generate().public
    receipt = deliver(clinic.hospital, "V01", clinic.box.seal(a_visit().records(clinic.box)[1], elsewhere))
    assert (receipt.verdict, receipt.reason) == (Verdict.REFUSED, "recipient")


def test_any_changed_byte_is_never_applied(clinic: Clinic) -> None:
    sealed = clinic.box.seal(a_visit().records(clinic.box)[1], clinic.recipient)
    data = sealed.data
    assert data is not None
    inbound = VehicleInbound(clinic.hospital, "V01")
    for place in random.Random(7).sample(range(len(data)), 12):
        bent = bytearray(data)
        bent[place] ^= 0x40
        wire = sha256_hex(bytes(bent))
        inbound.write(wire, len(bent), Lane.P2, 0, bytes(bent))
        assert inbound.accept(wire).verdict in {Verdict.REFUSED, Verdict.HELD}
    assert prove(clinic.hospital).entries == []
    assert len(quarantined(clinic)) == 12


def test_bytes_that_are_not_the_announced_file_are_refused_and_can_come_again(clinic: Clinic) -> None:
    sealed = clinic.box.seal(a_visit().records(clinic.box)[1], clinic.recipient)
    data = sealed.data
    assert data is not None
    inbound = VehicleInbound(clinic.hospital, "V01")
    inbound.write(sealed.wire_sha256, len(data), Lane.P2, 0, bytes(len(data)))
    receipt = inbound.accept(sealed.wire_sha256)
    assert (receipt.verdict, receipt.reason) == (Verdict.REFUSED, "wire-hash")
    assert inbound.ranges(sealed.wire_sha256) == ()


def test_a_file_that_kills_its_reader_is_held_after_two_attempts(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealed = clinic.box.seal(a_visit().records(clinic.box)[1], clinic.recipient)
    inbound = VehicleInbound(clinic.hospital, "V01")
    assert sealed.data is not None
    inbound.write(sealed.wire_sha256, sealed.size, Lane.P2, 0, sealed.data)

    def die(*_args: object, **_kwargs: object) -> None:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr("cloud_hospital.intake.opening.open_wire", die)
        for _ in range(2):
            with pytest.raises(MemoryError):
                inbound.accept(sealed.wire_sha256)
    receipt = inbound.accept(sealed.wire_sha256)
    assert (receipt.verdict, receipt.reason) == (Verdict.HELD, "poison")
    assert quarantined(clinic) == [("V01", "poison")]


def test_a_blob_half_kept_at_a_power_cut_is_cleared_when_old(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    sealed = clinic.box.blob(b"an ECG", clinic.recipient)
    inbound = VehicleInbound(clinic.hospital, "V01")
    assert sealed.data is not None
    inbound.write(sealed.wire_sha256, sealed.size, Lane.P2, 0, sealed.data)

    def cut(*_args: object) -> None:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr("cloud_hospital.intake.opening.move_file", cut)
        patch.setattr(Path, "unlink", lambda *_args, **_kwargs: None)  # a dead process tidies nothing
        with pytest.raises(MemoryError):
            inbound.accept(sealed.wire_sha256)
    blobs = clinic.hospital.folder.blobs
    assert len([each for each in blobs.rglob("*") if each.is_file()]) == 1
    assert inbound.accept(sealed.wire_sha256).verdict is Verdict.APPLIED
    assert clear_leftovers(clinic.hospital) == 0  # another worker may be writing it
    (half,) = blobs.glob(".*")
    os.utime(half, (0, 0))
    assert clear_leftovers(clinic.hospital) == 1
    assert [each.name for each in blobs.rglob("*") if each.is_file()] == [sha256_hex(b"an ECG")]


def test_old_parts_are_cleared_where_no_row_names_them(clinic: Clinic) -> None:
    kept, answered = (clinic.box.blob(data, clinic.recipient) for data in (b"an ECG", b"a curve"))
    inbound = VehicleInbound(clinic.hospital, "V01")
    for each in (kept, answered):
        assert each.data is not None
        inbound.write(each.wire_sha256, each.size + 1, Lane.P2, 0, each.data)
    with writing(clinic.hospital.engine) as connection:
        inbound.transfers.forget(connection, answered.wire_sha256)  # its worker was killed behind its answer
    paths = [inbound.transfers.path(each.wire_sha256) for each in (kept, answered)]
    for path in paths:
        os.utime(path, (0, 0))
    assert clear_leftovers(clinic.hospital) == 1
    assert [path.exists() for path in paths] == [True, False]


def test_a_file_nobody_goes_on_with_is_given_up_and_may_begin_anew(clinic: Clinic) -> None:
    sealed = clinic.box.blob(os.urandom(3000), clinic.recipient)
    assert sealed.data is not None
    inbound = VehicleInbound(clinic.hospital, "V01")
    inbound.write(sealed.wire_sha256, sealed.size, Lane.P3, 0, sealed.data[:1000])
    path = inbound.transfers.path(sealed.wire_sha256)
    for days, is_there in ((89, True), (91, False)):
        at = clinic.hospital.now() - timedelta(days=days)
        with writing(clinic.hospital.engine) as connection:
            connection.execute(update(transfers).values(updated_at=to_ms(at)))
        os.utime(path, (at.timestamp(), at.timestamp()))
        clear_leftovers(clinic.hospital)
        assert path.exists() == is_there
    assert inbound.ranges(sealed.wire_sha256) == ()
    assert deliver(clinic.hospital, "V01", sealed).verdict is Verdict.APPLIED


def test_a_revoked_vehicles_data_is_held(clinic: Clinic) -> None:
    clinic.hospital.log.revoke("V01", clinic.hospital.now(), "stolen")
    receipt = clinic.send(a_visit().records(clinic.box)[1])
    assert (receipt.verdict, receipt.reason) == (Verdict.HELD, "revoked")


def test_two_vehicles_hold_the_same_blob_apart(clinic: Clinic) -> None:
    other = Box("V02")
    enrol(clinic.hospital, other.request())
    assert clinic.send_blob(b"the same picture").verdict is Verdict.APPLIED
    sealed = other.blob(b"the same picture", clinic.recipient)
    assert deliver(clinic.hospital, "V02", sealed).verdict is Verdict.APPLIED
    assert [each.vehicle for each in prove(clinic.hospital).blobs] == ["V01", "V02"]


def test_a_large_blob_goes_through_a_file(clinic: Clinic) -> None:
    data = random.Random(3).randbytes(3_000_000)
    assert clinic.send_blob(data).verdict is Verdict.APPLIED
    (blob,) = prove(clinic.hospital).blobs
    assert (blob.size, blob.is_intact) == (3_000_000, True)
    assert [each.name for each in clinic.hospital.folder.blobs.iterdir() if each.is_file()] == []


def test_a_small_file_with_a_large_payload_is_taken(clinic: Clinic) -> None:
    assert clinic.send_blob(bytes(40 * 1024 * 1024)).verdict is Verdict.APPLIED


def test_an_old_epochs_receipt_is_given_anew(clinic: Clinic) -> None:
    sealed = clinic.box.seal(a_visit().records(clinic.box)[1], clinic.recipient)
    first = deliver(clinic.hospital, "V01", sealed)
    epoch = clinic.hospital.log.begin(clinic.hospital.now(), "restored")
    again = VehicleInbound(clinic.hospital, "V01").receipt_for(sealed.wire_sha256)
    assert again is not None
    assert (again.verdict, again.epoch, again.receipt_seq) == (Verdict.APPLIED, epoch, first.receipt_seq + 1)


def test_whole_files_left_by_a_crash_are_swept(clinic: Clinic) -> None:
    sealed = clinic.box.seal(a_visit().records(clinic.box)[1], clinic.recipient)
    inbound = VehicleInbound(clinic.hospital, "V01")
    assert sealed.data is not None
    inbound.write(sealed.wire_sha256, sealed.size, Lane.P2, 0, sealed.data)
    assert inbound.sweep() == 1
    assert inbound.sweep() == 0
    receipt = inbound.receipt_for(sealed.wire_sha256)
    assert receipt is not None
    assert receipt.verdict is Verdict.APPLIED


def test_two_hospitals_do_not_read_each_others_envelopes(
    clinic: Clinic, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("second") / "hospital"
    init_hospital(folder, HospitalSettings(id="H02", web_port=0, broker_port=0))
    with open_hospital(folder) as second:
        assert second.keys.sign.public != clinic.hospital.keys.sign.public
        enrol(second, clinic.box.request())
        sealed = clinic.box.seal(a_visit().records(clinic.box)[1], clinic.recipient)
        receipt = deliver(second, "V01", sealed)
    assert (receipt.verdict, receipt.reason) == (Verdict.REFUSED, "recipient")
