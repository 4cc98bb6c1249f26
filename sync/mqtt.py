"""The only module that speaks to a broker: MQTT 5 or 3.1.1 by paho, one fresh client for each connection.

Clean sessions and QoS 1: what a broker or a client still held when a connection ended is void, the stores know better.
paho runs its own thread; what it hears is handed to asyncio. A PUBACK means nothing here (law 2).
"""

import asyncio
import contextlib
import socket
import ssl
import struct
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from clinic_records.errors import AccessError, BadFrame, ConfigError, Offline
from sync.tls import ClientTls, check_times, client_context
from sync.topics import Publish, Topic

KEEPALIVE_S: Final = 20
"""Seconds; a broker gives a client up after one and a half of them (MQTT 3.1.1, section 3.1.2.10)."""
CONNECT_S: Final = 10.0
"""Seconds for TCP, CONNACK and SUBACK each."""
USER_TIMEOUT_MS: Final = 30_000
"""Milliseconds that sent bytes may stay unacknowledged by TCP (RFC 5482) before the kernel ends the connection."""
NOTSENT_BYTES: Final = 16 * 1024
"""Unsent bytes the kernel takes; the rest waits where an urgent frame can still overtake it (sync rule 20)."""
MAX_UNACKED: Final = 2048
"""Messages paho may have unacknowledged; far above what a window can hold, so PUBACKs never set the pace."""
_BYTES_ACKED_AT: Final = 120
"""Offset of tcpi_bytes_acked, u64, in Linux's struct tcp_info (include/uapi/linux/tcp.h)."""
_REFUSED: Final = frozenset({0x85, 0x86, 0x87})
"""CONNACK reasons as MQTT 5 numbers, to which paho maps those of 3.1.1: client id, user, not authorized."""


@dataclass(frozen=True)
class Broker:
    """Where the broker is and who we are there; a vehicle's client id and user are its own id.

    Attributes:
        password: empty where a certificate says who we are.
        tls: None in a private network only.
        is_mqtt5: whether the broker speaks MQTT 5; where it does not answer, every other try is in 3.1.1.
        receive_maximum: messages the broker may have under way to us unacknowledged (MQTT 5, section 3.1.2.11.3); with
            it, what was taken counts as received only by `MqttLink.acknowledge`. 0: no limit, acknowledged on arrival.
    """

    host: str
    port: int
    user: str
    password: str
    client_id: str
    tls: ClientTls | None = None
    is_mqtt5: bool = False
    receive_maximum: int = 0


@dataclass(frozen=True)
class Message:
    """What came from the broker at `at`, monotonic seconds; `mid` is its packet id, for `MqttLink.acknowledge`."""

    topic: Topic
    payload: bytes
    mid: int = 0
    at: float = 0.0


class MqttLink:
    """One connection after another to one broker, for one asyncio loop."""

    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self.wakeup = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._client: paho.Client | None = None
        self._messages: list[Message] = []
        self._is_up = False
        self._answer: asyncio.Future[str] | None = None
        self._lost = ""
        self._socket: socket.socket | None = None
        self._is_mqtt5 = broker.is_mqtt5
        self._alert = ""

    @property
    def is_up(self) -> bool:
        """Whether the connection stands, as far as anyone noticed."""
        return self._is_up

    async def connect(self, filters: tuple[str, ...], will: Publish | None) -> None:
        """Open a connection and subscribe.

        Raises:
            Offline: the broker is not there or did not answer in time.
            AccessError: it refused our user, our certificate or a subscription, or it is not our broker.
            ConfigError: a TLS file is missing.
        """
        self._loop = asyncio.get_running_loop()
        self._messages.clear()
        self._answer = self._loop.create_future()
        client = self._client = self._make_client(filters, will)
        where = f"broker {self.broker.host}:{self.broker.port}"
        try:
            await asyncio.to_thread(self._open, client)
            client.loop_start()
            async with asyncio.timeout(2 * CONNECT_S):
                refusal = await self._answer
        except ssl.SSLCertVerificationError as error:
            await self.close(is_graceful=False)
            raise AccessError(f"{where} is not our hospital's: {error.verify_message}") from error
        except (OSError, TimeoutError, paho.WebsocketConnectionError) as error:
            if self._socket is not None and self.broker.is_mqtt5 and not self.broker.receive_maximum:
                self._is_mqtt5 = not self._is_mqtt5  # it may be a broker of 3.1.1; the next try will show
            await self.close(is_graceful=False)
            raise Offline(f"{where}: {error or 'no answer'}") from error
        except BaseException:
            await self.close(is_graceful=False)
            raise
        if refusal:
            await self.close(is_graceful=False)
            raise AccessError(f"{where} refused {self.broker.user}: {refusal}")
        if self._client is not client or self._lost:
            raise Offline(f"{where}: {self._lost}")
        self._is_up = True

    @property
    def _is_manual(self) -> bool:
        return self._is_mqtt5 and self.broker.receive_maximum > 0

    def _open(self, client: paho.Client) -> None:
        host, port = self.broker.host, self.broker.port
        if not self._is_mqtt5:
            client.connect(host, port, KEEPALIVE_S)
            return
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho's own
        # No session expiry is said: the session ends with the connection (MQTT 5, section 3.1.2.11.2).
        if self.broker.receive_maximum:
            properties.ReceiveMaximum = self.broker.receive_maximum
        client.connect(host, port, KEEPALIVE_S, clean_start=True, properties=properties)

    def _make_client(self, filters: tuple[str, ...], will: Publish | None) -> paho.Client:
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self.broker.client_id,
            clean_session=None if self._is_mqtt5 else True,
            protocol=MQTTProtocolVersion.MQTTv5 if self._is_mqtt5 else MQTTProtocolVersion.MQTTv311,
            reconnect_on_failure=False,
            manual_ack=self._is_manual,
        )
        self._lost = self._alert = ""
        if self.broker.tls is not None:
            client.tls_set_context(client_context(self.broker.tls))
        client.connect_timeout = CONNECT_S
        client.max_inflight_messages_set(MAX_UNACKED)
        client.username_pw_set(self.broker.user, self.broker.password)
        if will is not None:
            client.will_set(str(will.topic), will.payload, qos=1, retain=will.is_retained)

        self._listen(client, filters)
        return client

    def _listen(self, client: paho.Client, filters: tuple[str, ...]) -> None:
        """What paho's thread calls."""

        def on_connect(_client: object, _data: object, _flags: object, reason: ReasonCode, _props: object) -> None:
            if reason.is_failure:
                self._settle(client, str(reason) if reason.value in _REFUSED else "", lost=f"CONNACK: {reason}")
            else:
                client.subscribe([(each, 1) for each in filters])

        def on_subscribe(
            _client: object, _data: object, _mid: int, reasons: list[ReasonCode], _props: Properties
        ) -> None:
            refused = [str(each) for each in reasons if each.is_failure]
            self._settle(client, f"subscription: {refused[0]}" if refused else "", lost="")

        def on_disconnect(_client: object, _data: object, _flags: object, reason: object, _props: object) -> None:
            self._settle(client, self._alert, lost=f"connection lost: {reason}")

        def on_message(_client: object, _data: object, message: paho.MQTTMessage) -> None:
            try:
                mid = message.mid if self._is_manual else 0
                heard = Message(Topic.parse(message.topic), bytes(message.payload), mid, time.monotonic())
            except (BadFrame, UnicodeDecodeError):
                if self._is_manual:
                    client.ack(message.mid, message.qos)
                return  # not ours: somebody else's topic on a shared broker
            self._call(client, lambda: self._messages.append(heard))

        client.on_log = self._on_log
        client.on_connect = on_connect
        client.on_subscribe = on_subscribe
        client.on_disconnect = on_disconnect
        client.on_message = on_message
        client.on_socket_open = self._on_socket_open  # type: ignore[assignment]  # paho types the socket as its own union

    def _on_socket_open(self, client: paho.Client, _data: object, sock: socket.socket) -> None:
        if self._client is not client:
            sock.close()
            raise ConnectionError("given up before it was open")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, NOTSENT_BYTES)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT_MS)
        self._socket = sock
        if self.broker.tls is not None and isinstance(sock, ssl.SSLSocket):
            check_times(sock.getpeercert(binary_form=True), self.broker.tls.floor())

    def _on_log(self, _client: object, _data: object, _level: int, text: str) -> None:
        """Catch TLS alerts, which paho tells to its log alone.

        With TLS 1.3 a client learns behind its handshake only that its certificate is refused (RFC 8446, 4.4.2.4).
        """
        if "ALERT" in text and "[SSL" in text:
            self._alert = text[text.index("[SSL") :][:200]

    def _call(self, client: paho.Client, action: Callable[[], None]) -> None:
        """From paho's thread: do `action` in the loop, unless that client is history."""

        def act() -> None:
            if self._client is client:
                action()
                self.wakeup.set()

        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: the process is ending
                self._loop.call_soon_threadsafe(act)

    def _settle(self, client: paho.Client, refusal: str, *, lost: str) -> None:
        def act() -> None:
            if lost:
                self._is_up = False
                self._lost = lost
            if self._answer is not None and not self._answer.done():
                if lost and not refusal:
                    self._answer.set_exception(ConnectionError(lost))
                else:
                    self._answer.set_result(refusal)

        self._call(client, act)

    def wake(self) -> None:
        """Set `wakeup`, from any thread."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: the process is ending
                self._loop.call_soon_threadsafe(self.wakeup.set)

    def publish(self, message: Publish) -> None:
        """Hand one message to the connection; without one it is void, like whatever a cut swallows."""
        if self._client is None:
            return
        try:
            self._client.publish(str(message.topic), message.payload, qos=1, retain=message.is_retained)
        except ValueError as error:
            raise ConfigError(f"topic {message.topic} or its payload is refused by MQTT: {error}") from error

    def take_messages(self) -> list[Message]:
        """What came since the last call, in order."""
        messages, self._messages = self._messages, []
        return messages

    def acknowledge(self, messages: Iterable[Message]) -> None:
        """Their effect is durable: the broker may send as many more. Nothing without a `receive_maximum`."""
        for message in messages:
            if message.mid and self._client is not None:
                self._client.ack(message.mid, 1)

    def bytes_acked(self) -> int:
        """Bytes the peer's TCP acknowledged on this connection: proof of life of a slow link (sync rule 12)."""
        sock = self._socket
        if sock is None:
            return 0
        try:
            info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _BYTES_ACKED_AT + 8)
        except OSError:
            return 0
        return int(struct.unpack_from("Q", info, _BYTES_ACKED_AT)[0]) if len(info) >= _BYTES_ACKED_AT + 8 else 0

    async def close(self, *, is_graceful: bool) -> None:
        """End the connection; a graceful end tells the broker, so that it does not publish the will."""
        client, self._client = self._client, None
        self._is_up = False
        if client is not None:
            await asyncio.to_thread(_end, client, self._socket, is_graceful=is_graceful)
        self._socket = None


def _end(client: paho.Client, sock: socket.socket | None, *, is_graceful: bool) -> None:
    """End a client and its thread; a dead peer cannot hold it up."""
    if is_graceful:
        client.disconnect()
    elif sock is not None:
        with contextlib.suppress(OSError):
            # Past SSLSocket.shutdown, which would first let whatever paho's thread still sends go out in clear.
            socket.socket.shutdown(sock, socket.SHUT_RDWR)
    client.loop_stop()
    if sock is not None:
        sock.close()  # paho leaves it to the garbage collector where its thread ended first, or never began
