"""What amqtt lacks against clients that mean no good: bounds on what is read, retained messages kept apart, an end."""

import logging
from asyncio import BaseTransport, StreamReader, StreamWriter
from collections.abc import Callable
from typing import Final

from amqtt.adapters import StreamReaderAdapter, StreamWriterAdapter
from amqtt.broker import Broker
from amqtt.session import Session

from sync.frames import MAX_FRAME

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


class Relay(Broker):  # type: ignore[misc]  # amqtt publishes no types
    """amqtt 0.12.1 gives each new client what is retained under anybody's subscription; here only under its own."""

    async def _publish_retained_messages_for_subscription(
        self, subscription: tuple[str, int], session: Session
    ) -> None:
        holders = self._subscriptions.get(subscription[0], ())
        if any(holder is session for holder, _qos in holders):
            await super()._publish_retained_messages_for_subscription(subscription, session)

    async def put_out(self, is_welcome: Callable[[Session], bool]) -> None:
        """End every connection whose client would not be let in now."""
        for session, handler in list(self._sessions.values()):
            if session.transitions.is_connected() and not is_welcome(session):
                _logger.warning("client %s is let in no more: its connection ends", session.client_id)
                writer = handler.writer
                await handler.handle_connection_closed()
                if writer is not None:
                    await writer.close()
