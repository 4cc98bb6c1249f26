"""On a real PostgreSQL: four workers and two hands at once give one prescription one token."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from clinic_records.dispensing import RightState
from clinic_records.errors import ClinicError
from clinic_records.ids import RecordId
from clinic_records.people import Author, Role
from clinic_records.prescription import PHARMACY, DispenseRight, Release
from clinic_records.record import Kind
from cloud_hospital.downlinks.follow import Follower
from cloud_hospital.downlinks.prescriptions import prescribe
from cloud_hospital.downlinks.rights import move_right, redeem, right_of, settle_rights
from cloud_hospital.store.engine import reading
from cloud_hospital.store.tables import downlink
from cloud_hospital.users import add_user
from cloud_hospital.vehicles import enrol
from tests.peer.test_postgresql import clinic, hospital
from tests.unit.hospital.conftest import Box, Clinic
from tests.unit.hospital.test_dispense_rights import LINES, say
from tests.unit.hospital.test_downlinks import DOCTOR, came_down, seen_case

__all__ = ["clinic", "hospital"]
pytestmark = [pytest.mark.peer, pytest.mark.timeout(180)]
AT = datetime(2026, 11, 23, tzinfo=UTC)


def at_once(*acts: Callable[[], object]) -> list[object]:
    """All begin together; what each returned, or our error."""
    start = threading.Barrier(len(acts))

    def run(act: Callable[[], object]) -> object:
        start.wait(20)
        try:
            return act()
        except ClinicError as error:
            return error

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


def test_one_release_gives_one_token(clinic: Clinic) -> None:
    other = Box("V02")
    enrol(clinic.hospital, other.request())
    rx = prescribe(clinic.hospital, seen_case(clinic), LINES, DOCTOR)
    move_right(clinic.hospital, rx.id, "V02")
    say(clinic, clinic.box, Kind.RELEASE, Release(RecordId("r1"), rx.id, 1, AT))
    given = at_once(*[lambda: settle_rights(clinic.hospital)] * 4)
    assert sorted(map(str, given)) == ["0", "0", "0", "1"]
    words = [thing for _, thing in came_down(clinic.hospital, other) if isinstance(thing, DispenseRight)]
    assert [(each.token, each.holder) for each in words] == [(1, "V01"), (2, "V02")]


def test_a_code_is_redeemed_once_though_two_show_it(clinic: Clinic) -> None:
    rx = prescribe(clinic.hospital, seen_case(clinic), LINES, DOCTOR)
    move_right(clinic.hospital, rx.id, PHARMACY)
    say(clinic, clinic.box, Kind.RELEASE, Release(RecordId("r1"), rx.id, 1, AT))
    settle_rights(clinic.hospital)
    code = right_of(clinic.hospital, rx.id).code
    done = at_once(
        *[lambda: redeem(clinic.hospital, rx.id, code)] * 3, lambda: move_right(clinic.hospital, rx.id, "V01")
    )
    state = right_of(clinic.hospital, rx.id)
    redeemed = sum(not isinstance(each, ClinicError) for each in done[:3])
    assert (redeemed, state.state) in {(1, RightState.USED), (0, RightState.HELD)}
    assert redeemed == (state.holder == PHARMACY)


def test_two_workers_that_look_queue_everything_once(clinic: Clinic) -> None:
    add_user(clinic.hospital, Author("n001", "张护士", Role.NURSE))
    late = Box("V02")
    enrol(clinic.hospital, late.request())
    at_once(*[Follower(clinic.hospital).look] * 3)
    with reading(clinic.hospital.engine) as connection:
        rows = connection.execute(select(downlink.c.vehicle, downlink.c.kind)).all()
    assert sorted(map(tuple, rows)) == [("V01", "permissions"), ("V02", "permissions")]
