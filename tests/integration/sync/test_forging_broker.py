"""A forger with the hospital's own account at the broker: nothing of a vehicle ends by it."""

import asyncio
from pathlib import Path

from clinic_records.clock import SystemClock
from clinic_records.record import Lane
from sync.courier import Alarm
from sync.frames import Have, Receipts, Renewal, encode, sign
from sync.keys import OriginKeys
from sync.mqtt import Broker, MqttLink
from sync.ports import Receipt, Verdict
from sync.topics import CREDIT, SESSION, Publish, Topic, Way
from tests.integration.sync.sync_processes import USERS, VEHICLE, Pair, relay

FORGER = OriginKeys.generate()


def forgeries(pair: Pair) -> list[Publish]:
    """Words for this very session about everything that waits, and noise."""
    session, epoch = pair.courier._session, "e"
    receipts = tuple(
        Receipt(wire, Verdict.APPLIED, epoch, number, SystemClock().now())
        for number, wire in enumerate(pair.outbound.items, 1)
    )
    signed = encode(sign(Receipts(VEHICLE, session, epoch, receipts), FORGER))
    said = [(CREDIT, signed), (SESSION, signed), (SESSION, encode(Renewal(b"{}"))), (SESSION, b"\xff" * 1000)]
    said += [(CREDIT, encode(Have(each.wire_sha256, ((0, each.size),)))) for each in pair.outbound.items.values()]
    return [Publish(Topic(VEHICLE, Way.DOWN, channel), payload) for channel, payload in said]


def test_a_forger_beside_the_hospital_ends_nothing(tmp_path: Path) -> None:
    """The session is open, the hospital is busy: what the forger says of the rows still under way counts nothing."""

    async def play(port: int) -> None:
        async with Pair(port) as pair:
            first = pair.outbound.add(b"first", Lane.P2)
            await pair.reach(lambda: first not in pair.outbound.open)
            pair.station_stop.set()
            await pair._tasks[0]
            rows = {pair.outbound.add(b"row %d" % number, Lane.P2) for number in range(20)}
            pair.courier.notify()
            forger = MqttLink(Broker("127.0.0.1", port, "hospital", USERS["hospital"], "forger"))
            await forger.connect(("clinic/v1/V01/state",), None)
            for each in forgeries(pair):
                forger.publish(each)
            await pair.reach(lambda: pair.courier.alarm is Alarm.PEER_REFUSED)
            assert pair.outbound.open == rows
            await forger.close(is_graceful=True)
            await pair.restart_station()
            await pair.reach(lambda: pair.is_complete)
            assert sorted(pair.hospital_inbound.effects) == sorted({first, *rows})

    with relay(tmp_path) as broker:
        broker.start()
        asyncio.run(play(broker.port))
