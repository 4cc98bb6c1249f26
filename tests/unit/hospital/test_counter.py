"""Many small files in one transaction: the same answers as one by one, and no file pays for its neighbour."""

import os
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import event, select

from clinic_records.errors import StoreError
from clinic_records.ids import VehicleId, sha256_hex
from clinic_records.record import Lane
from cloud_hospital.api.proof import prove
from cloud_hospital.hospital import Hospital
from cloud_hospital.intake import parts
from cloud_hospital.intake.counter import IntakeCounter
from cloud_hospital.intake.inbound import VehicleInbound
from cloud_hospital.intake.opening import NotTaken, Opener, Taken
from cloud_hospital.store.engine import reading
from cloud_hospital.store.tables import quarantine, receipts, transfers
from cloud_hospital.vehicles import enrol
from sync.ports import FilePart, Receipt, Verdict, WholeFile
from sync.seal import Sealed
from tests.unit.hospital.conftest import Box, Clinic, a_visit

V01 = VehicleId("V01")


def whole(sealed: Sealed, vehicle: str = "V01") -> WholeFile:
    assert sealed.data is not None
    return WholeFile(VehicleId(vehicle), sealed.wire_sha256, sealed.lane, sealed.data)


def a_days_files(clinic: Clinic, box: Box | None = None) -> list[WholeFile]:
    box = box or clinic.box
    visit = a_visit(box.vehicle)
    sealed = [box.seal(record, clinic.recipient) for record in visit.records(box)]
    sealed += [box.blob(data, clinic.recipient) for data in (visit.ecg_bytes, visit.curve_bytes)]
    return [whole(each, box.vehicle) for each in sealed]


def take(hospital: Hospital, files: Sequence[WholeFile]) -> list[Receipt]:
    answers = IntakeCounter(hospital).take(files)
    assert None not in answers
    return [each for each in answers if each is not None]


def left_behind(hospital: Hospital) -> list[object]:
    with reading(hospital.engine) as connection:
        rows: list[object] = list(connection.execute(select(transfers)).all())
    return rows + [each for each in hospital.folder.transfers.rglob("*") if each.is_file()]


def test_a_days_files_of_two_vehicles_are_taken_in_two_transactions(clinic: Clinic) -> None:
    other = Box("V02")
    enrol(clinic.hospital, other.request())
    files = [*a_days_files(clinic), *a_days_files(clinic, other)]
    commits: list[object] = []

    @event.listens_for(clinic.hospital.engine, "commit")
    def _on_commit(connection: object) -> None:
        if connection.get_execution_options().get("clinic_writes"):  # type: ignore[attr-defined]
            commits.append(connection)

    answers = take(clinic.hospital, files)
    assert len(commits) == 2
    assert [each.verdict for each in answers] == [Verdict.APPLIED] * 14
    assert [each.receipt_seq for each in answers] == [*range(1, 8), *range(1, 8)]
    assert [each.wire_sha256 for each in answers] == [each.wire_sha256 for each in files]
    proof = prove(clinic.hospital)
    assert (len(proof.entries), [each.is_intact for each in proof.blobs]) == (10, [True] * 4)
    assert left_behind(clinic.hospital) == []


def test_the_same_files_again_get_the_same_receipts(clinic: Clinic) -> None:
    files = a_days_files(clinic)
    first = take(clinic.hospital, files)
    assert take(clinic.hospital, [*files[3:], *a_days_files(clinic)])[: len(files[3:])] == first[3:]
    assert len(prove(clinic.hospital).entries) == 10
    assert left_behind(clinic.hospital) == []


def test_a_bad_neighbour_is_set_aside_and_the_rest_is_taken(clinic: Clinic) -> None:
    good = a_days_files(clinic)
    forged = whole(Box("V01").seal(a_visit().records(Box("V01"))[1], clinic.recipient))
    junk = os.urandom(300)
    answers = take(clinic.hospital, [*good[:3], forged, WholeFile(V01, sha256_hex(junk), Lane.P2, junk), *good[3:]])
    verdicts = [each.verdict for each in answers]
    assert verdicts == [*[Verdict.APPLIED] * 3, Verdict.REFUSED, Verdict.REFUSED, *[Verdict.APPLIED] * 4]
    with reading(clinic.hospital.engine) as connection:
        reasons = sorted(connection.execute(select(quarantine.c.reason)).scalars())
        numbers = sorted(connection.execute(select(receipts.c.receipt_seq)).scalars())
    assert reasons == ["not-a-wire-file", "origin-signature"]
    assert numbers == list(range(1, 10))


def test_a_part_that_comes_late_leaves_nothing_behind(clinic: Clinic) -> None:
    """Two workers: one has answered the file, a copy of its first part comes to the other."""
    sealed = clinic.box.blob(os.urandom(90_000), clinic.recipient)
    assert sealed.data is not None
    given = take(clinic.hospital, [whole(sealed)])
    counter = IntakeCounter(clinic.hospital)
    part = FilePart(V01, sealed.wire_sha256, sealed.size, Lane.P3, 0, sealed.data[:1000])
    assert counter.keep([part]) == [((0, sealed.size),)]
    assert counter.accept_some([(V01, sealed.wire_sha256)]) == given
    assert counter.keep([msgspec.structs.replace(part, data=b"")]) == given
    assert left_behind(clinic.hospital) == []


def test_a_part_of_a_file_that_is_answered_in_this_moment_ends_no_worker(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On PostgreSQL another worker's answer may take the row away between two statements."""
    sealed = clinic.box.blob(os.urandom(90_000), clinic.recipient)
    assert sealed.data is not None
    given = take(clinic.hospital, [whole(sealed)])
    part = FilePart(V01, sealed.wire_sha256, sealed.size, Lane.P3, 0, sealed.data[:1000])
    counter = IntakeCounter(clinic.hospital)
    monkeypatch.setattr("cloud_hospital.intake.parts._begin", lambda *_: set())
    assert counter.keep([part]) == [((0, sealed.size),)]
    monkeypatch.setattr("cloud_hospital.intake.transfers.insert_new", lambda *_: None)
    assert counter.keep([part]) == [((0, sealed.size),)]
    assert counter.accept_some([(V01, sealed.wire_sha256)]) == given


class _Death(BaseException):
    """The process ends here."""


def test_a_file_that_is_answered_between_the_look_and_the_note_leaves_nothing_behind(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    counter, file = IntakeCounter(clinic.hospital), a_days_files(clinic)[-1]
    first, *rest = parts_of(file, len(file.data) // 2)
    assert counter.keep([first]) == [((0, len(first.data)),)]
    put = parts._put

    def answered_behind(*of: Any) -> None:
        put(*of)
        monkeypatch.undo()
        another = IntakeCounter(clinic.hospital)
        another.keep(rest)
        assert [each.verdict for each in another.accept_some([(V01, file.wire_sha256)]) if each] == [Verdict.APPLIED]
        another.close()

    monkeypatch.setattr(parts, "_put", answered_behind)
    assert counter.keep(rest) == [((0, len(file.data)),)] * len(rest)
    assert left_behind(clinic.hospital) == []


def test_a_file_that_kills_its_reader_costs_its_neighbours_nothing(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sync rule 13: the batch dies, the next worker takes each by itself; after two attempts the killer is held."""
    files = a_days_files(clinic)
    killer = files[2].wire_sha256
    true_open = Opener.open

    def open_or_die(self: Opener, path: Path, wire_sha256: str, attempts: int) -> Taken | NotTaken:
        if wire_sha256 == killer and attempts <= 2:
            raise _Death
        return true_open(self, path, wire_sha256, attempts)

    monkeypatch.setattr(Opener, "open", open_or_die)
    deaths = 0
    answers: list[Receipt] = []
    while not answers:
        try:
            answers = take(clinic.hospital, files)
        except _Death:
            deaths += 1
    assert deaths == 2
    assert [each.verdict for each in answers].count(Verdict.APPLIED) == 6
    assert (answers[2].verdict, answers[2].reason) == (Verdict.HELD, "poison")


def test_a_database_that_refuses_answers_nothing_and_loses_nothing(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = a_days_files(clinic)

    def refuse(*_: object) -> None:
        raise StoreError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr("cloud_hospital.intake.batch.Batch.take", refuse)
        patch.setattr(VehicleInbound, "accept", refuse)
        assert IntakeCounter(clinic.hospital).take(files) == [None] * 7
    assert prove(clinic.hospital).entries == []
    assert {each.verdict for each in take(clinic.hospital, files)} == {Verdict.APPLIED}
    assert left_behind(clinic.hospital) == []


def parts_of(file: WholeFile, size: int) -> list[FilePart]:
    whole = len(file.data)
    return [
        FilePart(file.vehicle, file.wire_sha256, whole, file.lane, start, file.data[start : start + size])
        for start in range(0, whole, size)
    ]


def test_parts_of_many_files_are_kept_in_one_transaction_and_the_files_taken_in_two(clinic: Clinic) -> None:
    files = a_days_files(clinic)
    parts = [part for file in files for part in parts_of(file, 300)]
    random.Random(5).shuffle(parts)
    counter = IntakeCounter(clinic.hospital)
    commits: list[object] = []

    @event.listens_for(clinic.hospital.engine, "commit")
    def _on_commit(connection: object) -> None:
        if connection.get_execution_options().get("clinic_writes"):  # type: ignore[attr-defined]
            commits.append(connection)

    held = counter.keep([*parts, parts[0]])
    assert held == [((0, part.size),) for part in [*parts, parts[0]]]
    answers = counter.accept_some([(each.vehicle, each.wire_sha256) for each in files])
    counter.close()
    assert len(commits) == 3
    assert [each and each.verdict for each in answers] == [Verdict.APPLIED] * 7
    assert left_behind(clinic.hospital) == []


def test_one_impossible_part_does_not_cost_the_others_their_credit(clinic: Clinic) -> None:
    files = a_days_files(clinic)
    (first, *_), (second, *_) = (parts_of(file, 300) for file in files[:2])
    counter = IntakeCounter(clinic.hospital)
    wild = msgspec.structs.replace(second, offset=second.size)
    assert counter.keep([first, wild]) == [((0, 300),), None]
    other_size = msgspec.structs.replace(first, size=first.size + 1)
    assert counter.keep([other_size, second]) == [None, ((0, 300),)]


def test_a_part_that_is_half_of_a_file_is_not_taken_for_all_of_it(clinic: Clinic) -> None:
    (file, *_) = a_days_files(clinic)
    counter = IntakeCounter(clinic.hospital)
    counter.keep(parts_of(file, 300)[1:])
    assert counter.accept_some([(file.vehicle, file.wire_sha256)]) == [None]
    counter.keep(parts_of(file, 300)[:1])
    (receipt,) = counter.accept_some([(file.vehicle, file.wire_sha256)])
    assert receipt is not None
    assert receipt.verdict is Verdict.APPLIED


def test_one_crash_over_a_file_that_was_opened_well_holds_nothing(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dispensing, an amendment: opened in the batch, not plainly to be applied, then a power cut."""
    hospital, file = clinic.hospital, a_days_files(clinic)[0]
    monkeypatch.setattr("cloud_hospital.intake.batch.PLAIN", frozenset())
    with monkeypatch.context() as patch:
        patch.setattr(VehicleInbound, "_answer", _power_cut)
        with pytest.raises(KeyboardInterrupt):
            IntakeCounter(hospital).take([file])
    assert VehicleInbound(hospital, V01).sweep() == 1
    receipt = VehicleInbound(hospital, V01).receipt_for(file.wire_sha256)
    assert receipt is not None
    assert (receipt.verdict, receipt.reason) == (Verdict.APPLIED, "")


def _power_cut(*_: object) -> None:
    raise KeyboardInterrupt
