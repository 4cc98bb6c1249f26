"""A certificate renewed in an open session, over the simulated broker."""

from dataclasses import replace

import pytest

from clinic_records.errors import AccessError, PeerRefused
from clinic_records.record import Lane
from sync.courier import Alarm, LinkState
from sync.frames import Renewal, encode
from sync.reception import Peer
from sync.topics import SESSION, Topic, Way
from tests.unit.sync.sync_world import VEHICLE, World


class RenewingWorld(World):
    """The hospital answers every request with its own bytes in upper case."""

    refusal: Exception | None = None

    def _peer(self) -> Peer:
        return replace(super()._peer(), on_renewal=self.answer)

    def answer(self, request: bytes) -> bytes:
        if self.refusal is not None:
            raise self.refusal
        return request.upper()


def test_a_request_goes_up_and_its_answer_comes_down() -> None:
    world, heard = RenewingWorld(), list[bytes]()
    world.start_courier(on_renewed=heard.append)
    assert not world.courier.ask_renewal(b"too early")
    world.run(lambda: world.courier.state is LinkState.ONLINE, 60)
    assert world.courier.ask_renewal(b"please")
    world.run(lambda: bool(heard), 60)
    assert heard == [b"PLEASE"]
    assert world.courier.state is LinkState.ONLINE


@pytest.mark.parametrize("refusal", [AccessError("revoked"), PeerRefused("not by its key")])
def test_a_refused_request_is_not_answered_and_harms_nothing(refusal: Exception) -> None:
    world, heard = RenewingWorld(), list[bytes]()
    world.refusal = refusal
    world.start_courier(on_renewed=heard.append)
    world.run(lambda: world.courier.state is LinkState.ONLINE, 60)
    world.courier.ask_renewal(b"please")
    row = world.box.outbound.add(b"row", Lane.P2)
    world.run(lambda: row not in world.box.outbound.open, 60)
    assert heard == []


def test_an_answer_that_is_not_believed_is_an_alarm_and_ends_nothing() -> None:
    def disbelieve(_body: bytes) -> None:
        raise PeerRefused("by another key")

    world = RenewingWorld()
    world.start_courier(on_renewed=disbelieve)
    world.run(lambda: world.courier.state is LinkState.ONLINE, 60)
    row = world.box.outbound.add(b"row", Lane.P2)
    forged = encode(Renewal(b"forged"))
    world.courier.on_message(Topic(VEHICLE, Way.DOWN, SESSION), forged, world.clock.monotonic_s())
    assert world.courier.alarm is Alarm.PEER_REFUSED
    world.run(lambda: row not in world.box.outbound.open, 60)
    assert world.courier.state is LinkState.ONLINE
