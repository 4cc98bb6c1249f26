"""One worker at a time sends down to a vehicle; who lost the lease settles nothing."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import insert, select

from clinic_records.errors import ConfigError
from cloud_hospital.hospital import Hospital
from cloud_hospital.intake.leases import LEASE_MS, VehicleLease, abandoned, renew
from cloud_hospital.intake.outbound import VehicleOutbound
from cloud_hospital.intake.posts import extra_post, own_posts, post_of
from cloud_hospital.settings import BrokerKind, HospitalSettings
from cloud_hospital.store.engine import reading, writing
from cloud_hospital.store.tables import downlink
from sync.ports import Receipt, Verdict
from tests.unit.hospital.conftest import AT


@pytest.fixture
def later(hospital: Hospital, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds by which the hospital's time is ahead; a test moves it."""
    ahead = [0.0]
    true_now = hospital.clock.now

    def now(_: object) -> datetime:
        return true_now() + timedelta(seconds=ahead[0])

    monkeypatch.setattr(type(hospital), "now", now)
    return ahead


def test_a_lease_has_one_holder_until_it_lapses(hospital: Hospital, later: list[float]) -> None:
    first, second = VehicleLease(hospital, "V01", "a"), VehicleLease(hospital, "V01", "b")
    assert first.claim()
    assert not second.claim()
    assert renew(hospital, "a", {"V01", "V02"}) == {"V01"}
    assert abandoned(hospital) == []
    later[0] = LEASE_MS / 1000 + 1
    assert abandoned(hospital) == ["V01"]
    assert second.claim()
    assert renew(hospital, "a", {"V01"}) == frozenset()
    assert abandoned(hospital) == []


def test_handed_over_it_is_free_at_once_and_ended_it_is_gone(hospital: Hospital) -> None:
    first, second = VehicleLease(hospital, "V01", "a"), VehicleLease(hospital, "V01", "b")
    first.take()
    first.hand_over()
    assert abandoned(hospital) == ["V01"]
    assert second.claim()
    first.end()  # not its any more
    assert renew(hospital, "b", {"V01"}) == {"V01"}
    second.end()
    assert abandoned(hospital) == []


def test_a_receipt_counts_only_for_who_holds_the_lease_now(hospital: Hospital) -> None:
    row = {
        "vehicle": "V01", "wire_sha256": "a" * 64, "size": 1, "lane": "p1", "kind": "schedule", "id": "x",
        "revision": 1, "sha256": "b" * 64, "queued_at": 0,
    }  # fmt: skip
    with writing(hospital.engine) as connection:
        connection.execute(insert(downlink).values(row))
    first, second = VehicleLease(hospital, "V01", "a"), VehicleLease(hospital, "V01", "b")
    receipt = Receipt("a" * 64, Verdict.APPLIED, "e", 1, AT)
    first.take()
    second.take()
    assert not VehicleOutbound(hospital, "V01", first).settle(receipt)
    first.take()
    second.take()
    with reading(hospital.engine) as connection:
        assert connection.execute(select(downlink.c.verdict)).scalar_one() is None
    assert VehicleOutbound(hospital, "V01", second).settle(receipt)
    assert not VehicleOutbound(hospital, "V01", second).settle(receipt)


def test_one_worker_shares_with_nobody_and_several_need_a_broker_that_shares() -> None:
    alone = HospitalSettings()
    assert [(each.name, each.is_shared) for each in own_posts(alone)] == [("urgent", False), ("worker", False)]
    with pytest.raises(ConfigError, match="shares with nobody"):
        extra_post(alone, is_urgent=False)
    with pytest.raises(ConfigError, match="embedded broker"):
        own_posts(HospitalSettings(workers=2))
    many = HospitalSettings(workers=3, broker=BrokerKind.MOSQUITTO)
    assert [each.user for each in own_posts(many)] == [
        "hospital-urgent",
        "hospital-worker",
        "hospital-worker-2",
        "hospital-worker-3",
    ]
    assert [each.receive_maximum for each in own_posts(many)] == [4, 64, 64, 64]
    assert [each.takes_a_seat for each in own_posts(many)] == [False, True, True, True]
    assert not any(each.takes_a_seat for each in own_posts(alone))
    assert extra_post(many, is_urgent=True, name="b7").name == "urgent-b7"
    with pytest.raises(ConfigError):
        post_of("../worker", many)
