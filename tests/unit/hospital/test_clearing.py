"""What reached its vehicle leaves the disk when nobody can want it again, and nothing else does."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import event, select, update

from clinic_records.clock import to_ms
from clinic_records.record import Kind
from cloud_hospital.downlink import wire_path
from cloud_hospital.downlinks.clearing import clear_delivered
from cloud_hospital.downlinks.follow import Follower
from cloud_hospital.downlinks.issue import issue_list, queue_missing
from cloud_hospital.downlinks.lists import load_formulary
from cloud_hospital.downlinks.opinions import answer
from cloud_hospital.intake.outbound import VehicleOutbound
from cloud_hospital.metrics import exposition
from cloud_hospital.store.engine import reading, writing
from cloud_hospital.store.tables import downlink
from cloud_hospital.vehicles import enrol
from sync.ports import Receipt, Verdict
from tests.unit.hospital.conftest import Clinic
from tests.unit.hospital.test_downlinks import DOCTOR, TABLE, seen_case, write


def settle_all(clinic: Clinic, verdict: Verdict = Verdict.APPLIED) -> None:
    """The vehicle answers everything that waits."""
    outbound = VehicleOutbound(clinic.hospital, "V01")
    with reading(clinic.hospital.engine) as connection:
        names = list(connection.execute(select(downlink.c.wire_sha256).where(downlink.c.verdict.is_(None))).scalars())
    for number, name in enumerate(names, 1):
        assert outbound.settle(Receipt(name, verdict, "e1", number, clinic.hospital.now()))


def let_pass(clinic: Clinic, **time: float) -> None:
    """So long ago everything was answered."""
    at = to_ms(clinic.hospital.now() - timedelta(**time))
    with writing(clinic.hospital.engine) as connection:
        connection.execute(update(downlink).where(downlink.c.settled_at.is_not(None)).values(settled_at=at))


def files(clinic: Clinic) -> int:
    return len(list((clinic.hospital.folder.downlink / "V01").glob("*.wire")))


def two_formularies(clinic: Clinic, tmp_path: Path) -> None:
    load_formulary(clinic.hospital, write(tmp_path, TABLE))
    load_formulary(clinic.hospital, write(tmp_path, TABLE.replace("片,", "粒,")))


def test_an_older_version_goes_once_its_newer_one_is_there_and_no_backup_is_so_old(
    clinic: Clinic, tmp_path: Path
) -> None:
    two_formularies(clinic, tmp_path)
    answer(clinic.hospital, seen_case(clinic), "复查", DOCTOR)
    settle_all(clinic)
    let_pass(clinic, days=29)
    assert clear_delivered(clinic.hospital) == 0
    let_pass(clinic, days=31)
    assert clear_delivered(clinic.hospital) == 1
    assert clear_delivered(clinic.hospital) == 0
    assert files(clinic) == 2, "the newest list and the answer stay"
    assert b"clinic_down_cleared_items 1.0" in exposition(clinic.hospital)
    assert queue_missing(clinic.hospital) == 0


def test_what_is_due_goes_in_one_transaction_and_no_more_of_it_than_intake_can_wait_for(
    clinic: Clinic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        load_formulary(clinic.hospital, write(tmp_path, TABLE.replace("0.5 g", f"{number + 1} g")))
    settle_all(clinic)
    let_pass(clinic, days=31)
    commits: list[object] = []

    @event.listens_for(clinic.hospital.engine, "commit")
    def _on_commit(connection: object) -> None:
        if connection.get_execution_options().get("clinic_writes"):  # type: ignore[attr-defined]
            commits.append(connection)

    monkeypatch.setattr("cloud_hospital.downlinks.clearing.AT_ONCE", 2)
    assert [clear_delivered(clinic.hospital) for _ in range(3)] == [2, 1, 0]
    assert (len(commits), files(clinic)) == (2, 1)


@pytest.mark.parametrize("verdict", [Verdict.HELD, Verdict.REFUSED])
def test_what_is_not_there_or_whose_newer_version_is_not_there_stays(
    clinic: Clinic, tmp_path: Path, verdict: Verdict
) -> None:
    load_formulary(clinic.hospital, write(tmp_path, TABLE))
    settle_all(clinic)
    load_formulary(clinic.hospital, write(tmp_path, TABLE.replace("片,", "粒,")))
    let_pass(clinic, days=99)
    assert clear_delivered(clinic.hospital) == 0, "the newer one waits"
    settle_all(clinic, verdict)
    let_pass(clinic, days=99)
    assert clear_delivered(clinic.hospital) == 0
    assert files(clinic) == 2


def test_a_restored_box_is_offered_what_is_kept_only(clinic: Clinic, tmp_path: Path) -> None:
    two_formularies(clinic, tmp_path)
    settle_all(clinic)
    let_pass(clinic, days=31)
    Follower(clinic.hospital).look()
    assert files(clinic) == 1, "looked for at the start, and every hour"
    outbound = VehicleOutbound(clinic.hospital, "V01")
    assert outbound.reopen_all() == 1
    settle_all(clinic)
    enrol(clinic.hospital, clinic.box.request())
    with reading(clinic.hospital.engine) as connection:
        waiting = connection.execute(select(downlink).where(downlink.c.verdict.is_(None))).all()
    assert [wire_path(clinic.hospital.folder, "V01", row.wire_sha256).exists() for row in waiting] == [True]


def test_a_schedule_that_a_later_one_follows_may_still_be_in_force(clinic: Clinic) -> None:
    for number in range(2):
        issue_list(clinic.hospital, Kind.SCHEDULE, {"version": number}, name="month")
    settle_all(clinic)
    let_pass(clinic, days=400)
    assert clear_delivered(clinic.hospital) == 0
