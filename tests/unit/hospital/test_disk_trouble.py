"""A hospital whose disk refuses, or that was restored without its transfers, loses nothing and keeps serving."""

import errno
from contextlib import AbstractContextManager

import pytest
from sqlalchemy import Connection, Engine, select
from sqlalchemy.exc import OperationalError

from clinic_records.errors import StoreError
from cloud_hospital.intake.inbound import VehicleInbound
from cloud_hospital.intake.opening import MAX_ATTEMPTS
from cloud_hospital.store.engine import reading, writing
from cloud_hospital.store.tables import transfers
from sync.ports import Verdict
from sync.seal import Sealed
from tests.unit.hospital.conftest import Clinic, a_visit


def _arrived(clinic: Clinic) -> tuple[VehicleInbound, Sealed]:
    """A whole wire file that nobody has answered yet."""
    sealed = clinic.box.seal(a_visit().records(clinic.box)[1], clinic.recipient)
    inbound = VehicleInbound(clinic.hospital, "V01")
    assert sealed.data is not None
    inbound.write(sealed.wire_sha256, sealed.size, sealed.lane, 0, sealed.data)
    return inbound, sealed


def _full(*_args: object, **_kwargs: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_database_restored_without_its_transfers_does_not_stop_the_sweep(clinic: Clinic) -> None:
    inbound, gone = _arrived(clinic)
    _, whole = _arrived(clinic)
    (clinic.hospital.folder.transfers / "V01" / f"{gone.wire_sha256}.part").unlink()
    assert inbound.sweep() == 1
    assert inbound.receipt_for(gone.wire_sha256) is None
    receipt = inbound.receipt_for(whole.wire_sha256)
    assert receipt is not None
    assert receipt.verdict is Verdict.APPLIED
    assert inbound.ranges(gone.wire_sha256) == ()


def test_one_file_that_cannot_be_taken_does_not_stop_the_sweep(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    inbound, _ = _arrived(clinic)
    with monkeypatch.context() as patch:
        patch.setattr("cloud_hospital.intake.opening.open_wire", _full)
        assert inbound.sweep() == 0
    assert inbound.sweep() == 1


def test_a_full_disk_is_no_fault_of_the_envelope(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    inbound, sealed = _arrived(clinic)
    with monkeypatch.context() as patch:
        patch.setattr("cloud_hospital.intake.opening.open_wire", _full)
        for _ in range(MAX_ATTEMPTS + 2):
            with pytest.raises(StoreError, match="No space left"):
                inbound.accept(sealed.wire_sha256)
    assert inbound.receipt_for(sealed.wire_sha256) is None
    assert inbound.accept(sealed.wire_sha256).verdict is Verdict.APPLIED


def test_a_database_that_ends_again_and_again_is_no_fault_of_the_envelope(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbound, sealed = _arrived(clinic)
    gone = OperationalError("BEGIN", None, Exception("the server is not there"))
    is_down = False

    def ends(*_args: object) -> None:
        nonlocal is_down
        is_down = True
        raise gone

    def write(engine: Engine) -> AbstractContextManager[Connection]:
        if is_down:
            raise gone
        return writing(engine)

    with monkeypatch.context() as patch:
        patch.setattr("cloud_hospital.intake.attempts.writing", write)
        patch.setattr(VehicleInbound, "_answer", ends)
        for _ in range(MAX_ATTEMPTS + 2):
            is_down = False
            with pytest.raises((StoreError, OperationalError)):
                inbound.accept(sealed.wire_sha256)
    assert inbound.accept(sealed.wire_sha256).verdict is Verdict.APPLIED
    assert not clinic.hospital.unforgiven


def test_a_part_that_cannot_be_kept_gets_no_credit(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    sealed = clinic.box.seal(a_visit().records(clinic.box)[1], clinic.recipient)
    inbound = VehicleInbound(clinic.hospital, "V01")
    assert sealed.data is not None
    with monkeypatch.context() as patch:
        patch.setattr("sync.durable.os.pwrite", _full)
        with pytest.raises(StoreError, match="No space left"):
            inbound.write(sealed.wire_sha256, sealed.size, sealed.lane, 0, sealed.data)
    assert inbound.ranges(sealed.wire_sha256) == ()


def test_an_answered_file_leaves_no_transfer(clinic: Clinic) -> None:
    inbound, sealed = _arrived(clinic)
    inbound.accept(sealed.wire_sha256)
    with reading(clinic.hospital.engine) as connection:
        assert connection.execute(select(transfers)).all() == []
    assert list(clinic.hospital.folder.transfers.rglob("*.part")) == []
