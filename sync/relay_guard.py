"""What amqtt lacks against clients that mean no good, and for those that come back while they are being ended."""

import logging
from asyncio import BaseTransport, StreamReader, StreamWriter
from collections import UserDict
from collections.abc import Callable, ItemsView, Iterator
from typing import Any, Final

from amqtt.adapters import ReaderAdapter, StreamReaderAdapter, StreamWriterAdapter, WriterAdapter
from amqtt.broker import Broker
from amqtt.errors import MQTTError
from amqtt.mqtt.connack import NOT_AUTHORIZED, ConnackPacket
from amqtt.mqtt.protocol.broker_handler import BrokerProtocolHandler
from amqtt.session import Session

from sync.frames import MAX_FRAME

Holders = list[tuple[Session, int]]
"""Who subscribed to a filter, each with its QoS."""

REFUSED: Final = 0x80
"""Return code of a subscription that is not made (MQTT 3.1.1, section 3.9.3)."""
CONNECT_S: Final = 10.0
"""Seconds within which a client must have been let in; silent connections would otherwise stay for ever."""
LONGEST_READ: Final = MAX_FRAME + 1024
"""Bytes: the largest frame with its topic. MQTT itself allows 256 MiB (MQTT 3.1.1, section 2.2.3)."""

_logger = logging.getLogger(__name__)


class BoundedReader(StreamReaderAdapter):  # type: ignore[misc]  # amqtt publishes no types
    """Ends the connection of whoever announces more than LONGEST_READ, before anything of it is read."""

    def __init__(self, reader: StreamReader, transport: BaseTransport) -> None:
        super().__init__(reader)
        self._transport = transport

    async def read(self, n: int = -1) -> bytes:
        """As the adapter's."""
        if n > LONGEST_READ:
            self._transport.close()
            raise ConnectionResetError(f"{n} bytes announced; at most {LONGEST_READ} are taken")
        data: bytes = await super().read(n)
        return data


class Speaker(StreamWriterAdapter):  # type: ignore[misc]  # amqtt publishes no types
    """Knows whether the broker has answered the client yet."""

    def __init__(self, writer: StreamWriter) -> None:
        super().__init__(writer)
        self._stream = writer
        self._has_spoken = False

    def write(self, data: bytes) -> None:
        """As the adapter's."""
        self._has_spoken = True
        super().write(data)

    def put_out_unless_spoken_to(self) -> None:
        """Drop the connection of a client that has not said who it is."""
        if not self._has_spoken:
            self._stream.transport.abort()


class _Payload(bytes):
    """A payload that says its size: amqtt words its debug lines, a whole payload among them, though nobody reads them.

    That was a third of the relay's processor time on a fast link.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<{len(self)} bytes>"


class _Subscriptions(UserDict[str, Holders]):
    """Filter -> its holders; whoever goes through them sees what was there when it began.

    amqtt lets others run while it goes through them for a message, and lost that message when somebody subscribed.
    """

    def __iter__(self) -> Iterator[str]:
        return iter(list(self.data))

    def items(self) -> ItemsView[str, Holders]:
        return {name: list(holders) for name, holders in self.data.items()}.items()


class Relay(Broker):  # type: ignore[misc]  # amqtt publishes no types
    """amqtt 0.12.1 without what lets one connection disturb another."""

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__(config)
        self._subscriptions = _Subscriptions()
        self._is_ending = False

    async def shutdown(self) -> None:
        """As amqtt's."""
        self._is_ending = True
        await super().shutdown()

    async def add_subscription(self, subscription: tuple[str, int], session: Session) -> int:
        """As amqtt's, and of each client only the session that it has now hears.

        What a client said last before its connection broke is still read while it is back already; amqtt then took the
        new session for subscribed, and it heard nothing for as long as it stayed.
        """
        code: int = await super().add_subscription(subscription, session)
        current, _handler = self._sessions.get(session.client_id, (None, None))
        is_current = current is session
        if (holders := self._subscriptions.get(subscription[0])) is not None:
            own = [each for each in holders if each[0] is current]
            if is_current and code != REFUSED:
                own = [(session, code)]
            holders[:] = [each for each in holders if each[0].client_id != session.client_id] + own
        return code if is_current else REFUSED

    async def _cleanup_session(self, client_id: str) -> None:
        """As amqtt's, but no session of a client that came back while others were being cleaned up."""
        session, _handler = self._sessions.get(client_id, (None, None))
        if self._is_ending or session is None or not session.transitions.is_connected():
            await super()._cleanup_session(client_id)

    async def _broadcast_message(
        self, session: Session | None, topic: str | None, data: bytes | None, force_qos: int | None = None
    ) -> None:
        """As amqtt's."""
        await super()._broadcast_message(session, topic, None if data is None else _Payload(data), force_qos)

    async def _publish_retained_messages_for_subscription(
        self, subscription: tuple[str, int], session: Session
    ) -> None:
        """Give a new client what is retained under its own subscription; amqtt looks at anybody's."""
        holders = self._subscriptions.get(subscription[0], ())
        if any(holder is session for holder, _qos in holders):
            await super()._publish_retained_messages_for_subscription(subscription, session)

    async def _initialize_client_session(
        self, reader: ReaderAdapter, writer: WriterAdapter, remote_address: str, remote_port: int
    ) -> tuple[BrokerProtocolHandler, Session]:
        """Ask first who it is: amqtt ends whatever has this client id before it has asked, so anybody could.

        Of two connections under one client id the older is closed (MQTT 3.1.1, section 3.1.4), which amqtt leaves open.
        """
        handler, session = await BrokerProtocolHandler.init_from_connect(reader, writer, self.plugins_manager)
        if not await self._authenticate(session, self.listeners_config):
            await ConnackPacket.build(0, NOT_AUTHORIZED).to_stream(writer)
            await writer.close()
            raise MQTTError(f"client {session.client_id} of {remote_address}:{remote_port} is not let in")
        if (older := self._sessions.get(session.client_id)) is not None:
            await _close(*older)
        await self._delete_session(session.client_id)
        session.parent = 0
        return handler, session

    async def put_out(self, is_welcome: Callable[[Session], bool]) -> None:
        """End every connection whose client would not be let in now."""
        for session, handler in list(self._sessions.values()):
            if session.transitions.is_connected() and not is_welcome(session):
                _logger.warning("client %s is let in no more: its connection ends", session.client_id)
                await _close(session, handler)


async def _close(session: Session, handler: BrokerProtocolHandler) -> None:
    if session.transitions.is_connected():
        writer = handler.writer
        await handler.handle_connection_closed()
        if writer is not None:
            await writer.close()
