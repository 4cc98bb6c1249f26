"""A full disk at either end: nothing is told as kept that is not, and what was refused comes again."""

from typing import NoReturn

import pytest

from clinic_records.errors import StoreError
from clinic_records.record import Lane
from tests.unit.sync.sync_world import World


@pytest.mark.parametrize("call", ["write", "accept"])
def test_a_hospital_that_cannot_keep_gives_no_receipt_and_gets_it_later(
    call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World()
    row = world.box.outbound.add(b"row", Lane.P2)

    def full(*_args: object, **_more: object) -> NoReturn:
        raise StoreError("disk full")

    with monkeypatch.context() as patched:
        patched.setattr(world.hospital_inbound, call, full)
        world.net.run(lambda: False, 60)
        assert world.box.outbound.open == {row}
    world.run(lambda: world.is_complete, 60)
    assert world.hospital_inbound.effects == [row]


def test_receipts_that_a_full_disk_refuses_are_asked_for_again_in_the_same_session(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    for lane in Lane:
        world.box.outbound.add(lane.value.encode(), lane)
    refused = 0

    def full(*_: object) -> NoReturn:
        nonlocal refused
        refused += 1
        raise StoreError("disk full")

    with monkeypatch.context() as patched:
        patched.setattr(world.box.outbound, "settle_all", full)
        world.run(lambda: refused > 0 and len(world.hospital_inbound.effects) == len(Lane), 60)
    since = world.courier.since
    world.run(lambda: world.is_complete, 120)
    assert world.courier.since == since, "nothing was connected anew for it"
    assert len(world.hospital_inbound.effects) == len(Lane)
