"""Ends the connection of a revoked vehicle on any broker: by taking its name.

Brokers look at a certificate and at the list of void ones when a connection begins, not later. But a client that comes
with the name of another ends that one's connection (MQTT 5, section 3.1.4), and the hospital can make itself a
certificate in any name. It holds the name until nobody has taken it back for a while: a broker that is still reading
the new list would let the revoked box in once more.
"""

import asyncio
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from clinic_records.errors import AccessError, SyncError
from clinic_records.ids import vehicle_id
from cloud_hospital.broker.identity import speaks_mqtt5
from cloud_hospital.broker.ports import ports_of
from cloud_hospital.premises import Premises
from sync.certificates import key_to_pem, new_key
from sync.durable import write_new
from sync.mqtt import Broker, MqttLink
from sync.tls import ClientTls, Identity
from sync.topics import vehicle_filter

HOLD_S: Final = 10.0
"""Seconds without anybody taking the name back, after which it is given up."""
TRY_S: Final = 600.0
"""Seconds after which it is given up anyway; the list of void certificates goes on to guard the name."""
AGAIN_S: Final = 0.2
"""Seconds until the next try where the broker was not reached or the name was taken back."""
LIFE: Final = timedelta(hours=1)


def put_out(premises: Premises, vehicle: str) -> Callable[[], bool]:
    """What ends the vehicle's connection when it is called, in a thread; it says whether it held the name."""
    key, authority, settings, clock = new_key(), premises.authority, premises.settings, premises.clock
    chain = authority.issue(vehicle, key.public_key(), premises.now(), LIFE)
    ports = ports_of(premises.folder, settings)

    def end() -> bool:
        with TemporaryDirectory() as folder:
            identity = Identity(authority.root, Path(folder) / "own.pem", Path(folder) / "own.key")
            write_new(identity.certificate, chain)
            write_new(identity.key, key_to_pem(key))
            tls, is_mqtt5 = ClientTls(identity, clock.now), speaks_mqtt5(settings)
            broker = Broker(ports.broker_host, ports.broker, vehicle, "", vehicle, tls=tls, is_mqtt5=is_mqtt5)
            return asyncio.run(hold_name(broker))

    return end


async def hold_name(broker: Broker, hold_s: float = HOLD_S, try_s: float = TRY_S) -> bool:
    """Connect under the name until nobody has taken it back for `hold_s`; whether that was reached within `try_s`."""
    until = time.monotonic() + try_s
    link = MqttLink(broker)
    while time.monotonic() < until:
        try:
            await link.connect((vehicle_filter(vehicle_id(broker.user)),), None)
        except (SyncError, AccessError):  # not reached, or the broker has not yet read who is void
            await asyncio.sleep(AGAIN_S)
            continue
        if await _is_held(link, hold_s):
            await link.close(is_graceful=True)
            return True
        await link.close(is_graceful=False)
        await asyncio.sleep(AGAIN_S)
    return False


async def _is_held(link: MqttLink, hold_s: float) -> bool:
    deadline = time.monotonic() + hold_s
    while link.is_up and (left := deadline - time.monotonic()) > 0:
        link.wakeup.clear()
        try:
            async with asyncio.timeout(left):
                await link.wakeup.wait()
        except TimeoutError:
            break
    return link.is_up
