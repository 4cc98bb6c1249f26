"""Hazard 15 at the hospital: what an older program held becomes an entry at the upgrade, and the vehicle learns it."""

from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
import pytest
from sqlalchemy import select

from clinic_records.record import Kind
from cloud_hospital.api.proof import prove
from cloud_hospital.intake.inbound import VehicleInbound
from cloud_hospital.intake.reopening import MAX_TRIES, reopen_held
from cloud_hospital.store.engine import reading
from cloud_hospital.store.tables import alarms, arrivals, quarantine
from sync.abilities import OURS
from sync.ports import Receipt, Verdict
from sync.seal import Sealed, seal
from tests.unit.hospital.conftest import Clinic, a_visit, deliver

LATER = msgspec.structs.replace(OURS, proto_max=OURS.proto_max + 1)
"""What a later program says of itself."""


def patient(clinic: Clinic, *features: str) -> Sealed:
    record = a_visit().records(clinic.box)[1]
    return seal(record, keys=clinic.box.keys, recipient=clinic.recipient, created_ms=1, must_understand=features)


@contextmanager
def older_program(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A program that has no kind `patient`."""
    kinds = {kind.value: kind for kind in Kind if kind is not Kind.PATIENT}
    with monkeypatch.context() as patch:
        patch.setattr("sync.messages.table.Kind", kinds.values())
        yield


def verdict(clinic: Clinic, sealed: Sealed) -> Receipt:
    receipt = VehicleInbound(clinic.hospital, "V01").receipt_for(sealed.wire_sha256)
    assert receipt is not None
    return receipt


def open_rows(clinic: Clinic) -> tuple[int, int, list[str]]:
    """Open rows of quarantine, open alarms, verdicts of the numbers that came."""
    with reading(clinic.hospital.engine) as connection:
        rows = connection.execute(select(quarantine).where(quarantine.c.done_at.is_(None))).all()
        raised = connection.execute(select(alarms).where(alarms.c.done_at.is_(None))).all()
        return len(rows), len(raised), list(connection.execute(select(arrivals.c.verdict)).scalars())


def test_a_kind_that_is_known_now_becomes_an_entry(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    sealed = patient(clinic)
    with older_program(monkeypatch):
        held = deliver(clinic.hospital, "V01", sealed)
        assert (held.verdict, held.reason) == (Verdict.HELD, "not-understood")
        assert reopen_held(clinic.hospital) == 0
    assert open_rows(clinic) == (1, 1, ["held"])
    assert reopen_held(clinic.hospital, LATER) == 1
    assert open_rows(clinic) == (0, 0, ["applied"])
    receipt = verdict(clinic, sealed)
    assert (receipt.verdict, receipt.receipt_seq, receipt.id) == (Verdict.APPLIED, held.receipt_seq + 1, held.id)
    assert len(prove(clinic.hospital).entries) == 1
    assert reopen_held(clinic.hospital, LATER) == 0


def test_a_feature_that_is_known_now_becomes_an_entry(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    sealed = patient(clinic, "household-v2")
    assert deliver(clinic.hospital, "V01", sealed).reason == "must-understand"
    assert reopen_held(clinic.hospital) == 0
    for name in ("sync.messages.table.FEATURES", "cloud_hospital.intake.reopening.FEATURES"):
        monkeypatch.setattr(name, frozenset({"household-v2"}))
    assert reopen_held(clinic.hospital) == 1
    assert verdict(clinic, sealed).verdict is Verdict.APPLIED


def test_an_envelope_of_a_later_version_is_opened_by_the_later_program(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as later:
        later.setattr("sync.seal.VERSION", 2)
        later.setattr("sync.envelope.VERSION", 2)
        sealed = patient(clinic)
    held = deliver(clinic.hospital, "V01", sealed)
    assert (held.verdict, held.reason) == (Verdict.HELD, "version")
    assert reopen_held(clinic.hospital) == 0
    monkeypatch.setattr("sync.envelope.VERSION", 2)
    assert reopen_held(clinic.hospital, LATER) == 1
    assert verdict(clinic, sealed).verdict is Verdict.APPLIED
    assert open_rows(clinic) == (0, 0, ["applied"])


def test_what_waits_for_a_person_goes_on_waiting(clinic: Clinic) -> None:
    clinic.hospital.log.revoke("V01", clinic.hospital.now(), "stolen")
    assert deliver(clinic.hospital, "V01", patient(clinic)).reason == "revoked"
    assert reopen_held(clinic.hospital, LATER) == 0
    assert open_rows(clinic) == (1, 1, ["held"])


def test_the_same_version_that_came_in_another_file_meanwhile_is_no_second_entry(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = a_visit().records(clinic.box)[1]
    sealed = clinic.box.seal(record, clinic.recipient)
    with older_program(monkeypatch):
        deliver(clinic.hospital, "V01", sealed)
    assert clinic.send(record).verdict is Verdict.APPLIED
    assert reopen_held(clinic.hospital, LATER) == 1
    assert verdict(clinic, sealed).verdict is Verdict.DUPLICATE
    assert len(prove(clinic.hospital).entries) == 1


def test_a_file_that_kills_its_reader_is_tried_twice_by_each_program(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    with older_program(monkeypatch):
        deliver(clinic.hospital, "V01", patient(clinic))
    tries: list[int] = []

    def die(*_args: object, **_kwargs: object) -> None:
        tries.append(1)
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr("cloud_hospital.intake.opening.open_wire", die)
        for _ in range(4):
            try:
                reopen_held(clinic.hospital, LATER)
            except MemoryError:
                continue
    assert len(tries) == MAX_TRIES
    assert reopen_held(clinic.hospital, msgspec.structs.replace(LATER, proto_max=9)) == 1
