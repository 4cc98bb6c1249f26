"""A broker with TLS, an authority, and clients of every sort, honest and not."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from clinic_records.errors import AccessError, Offline
from cloud_hospital.authority.authority import SERVER, Authority
from sync.certificates import fingerprint, key_from_pem, key_to_pem, new_key
from sync.free_port import free_port
from sync.mosquitto import MosquittoTls, mosquitto_command, mosquitto_config
from sync.mqtt import Broker, MqttLink
from sync.relay_config import RelayConfig, RelayTls, relay_command
from sync.tls import ClientTls, Identity
from sync.topics import Publish, Topic
from tests.integration.sync.sync_processes import BrokerProcess

NOW: Final = datetime.now(UTC)
MONTH: Final = timedelta(days=30)
PATIENCE_S: Final = 60.0


class TlsWorld:
    """One broker and everybody's certificates."""

    def __init__(self, folder: Path, kind: str) -> None:
        self.folder = folder
        self.kind = kind
        self.port = free_port()
        self.authority = Authority.create(folder / "authority", "H01", NOW)
        self._server = self.authority.own(SERVER, NOW, ["127.0.0.1", "localhost"])
        self.broker = BrokerProcess(self._configure(), self.port)

    def _configure(self) -> list[str]:
        own, crl = self._server, self.authority.crl
        if self.kind == "mosquitto":
            tls = MosquittoTls(own, crl)
            conf = mosquitto_config(
                self.folder, host="127.0.0.1", port=self.port, hospital="hospital", passwords={}, tls=tls,
                workers=["hospital-1", "hospital-2"],
            )  # fmt: skip
            return mosquitto_command(conf)
        paths = RelayTls(str(own.authority), str(own.certificate), str(own.key), str(crl))
        RelayConfig("hospital", {}, port=self.port, tls=paths).save(self.folder / "relay.json")
        return relay_command(self.folder / "relay.json")

    def reload(self) -> None:
        """As the hospital's supervisor does behind every change."""
        self._configure()
        if self.kind == "mosquitto" and self.broker.process is not None:
            self.broker.process.send_signal(signal.SIGHUP)

    def identity(self, name: str, life: timedelta = MONTH, *, by: Authority | None = None) -> Identity:
        """A fresh key and certificate in that name."""
        key, base = new_key(), self.folder / f"client-{len(list(self.folder.glob('client-*.key')))}"
        own = Identity(self.authority.root, base.with_suffix(".pem"), base.with_suffix(".key"))
        own.key.write_bytes(key_to_pem(key))
        now = NOW if life > timedelta() else NOW - timedelta(days=60)
        chain = (by or self.authority).issue(name, key.public_key(), now, abs(life))
        own.certificate.write_bytes(chain)
        return own

    def at_broker(
        self, name: str, identity: Identity | None = None, *, client_id: str = "", mqtt5: bool = False, unacked: int = 0
    ) -> Broker:
        """`name` at the broker, with a good certificate unless another is given."""
        tls = ClientTls(identity or self.identity(name), lambda: NOW)
        return Broker("127.0.0.1", self.port, name, "", client_id or name, tls, mqtt5, unacked)

    def void(self, identity: Identity, name: str) -> None:
        """Revoke everything in that name; the certificate of `identity` is among it."""
        assert self.authority.is_known(name, fingerprint(key_from_pem(identity.key.read_bytes()).public_key()))
        self.authority.void(name, NOW, "stolen")
        self.reload()


@contextmanager
def tls_world(folder: Path, kind: str) -> Iterator[TlsWorld]:
    made = TlsWorld(folder, kind)
    made.broker.start()
    try:
        yield made
    finally:
        made.broker.kill()


@asynccontextmanager
async def connected(broker: Broker, *filters: str) -> AsyncIterator[MqttLink]:
    link = MqttLink(broker)
    await link.connect(filters or (f"clinic/v1/{broker.user}/down/#",), None)
    try:
        yield link
    finally:
        await link.close(is_graceful=True)


async def is_let_in(broker: Broker, *filters: str) -> bool:
    """Whether a connection with these subscriptions is granted."""
    try:
        async with connected(broker, *filters):
            return True
    except (AccessError, Offline):
        return False


def say(link: MqttLink, topic: str, payload: bytes) -> None:
    link.publish(Publish(Topic.parse(topic), payload))


async def hear(link: MqttLink, last: bytes) -> list[bytes]:
    """Everything heard until `last`, which the caller knows to come behind all the rest."""
    heard: list[bytes] = []
    async with asyncio.timeout(PATIENCE_S):
        while last not in heard:
            link.wakeup.clear()
            heard += [each.payload for each in link.take_messages()]
            if last not in heard:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(1):
                        await link.wakeup.wait()
    return heard


async def until(question: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not question():  # noqa: ASYNC110  # it asks other processes too
            await asyncio.sleep(0.02)
