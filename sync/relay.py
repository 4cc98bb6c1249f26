"""`python -m sync.relay --config FILE`: the embedded broker, amqtt, as a process of its own.

A relay only: it keeps nothing, so killing it loses nothing (law 2). One listener, users and topics by RelayConfig.
"""

import argparse
import asyncio
import contextlib
import json
import logging
import signal
import socket
import ssl
import sys
import time
from pathlib import Path
from typing import Final

from clinic_records.errors import ClinicError, ConfigError
from sync.relay_access import RelayUsers
from sync.relay_config import RelayConfig
from sync.relay_guard import CONNECT_S, BoundedReader, Relay, Speaker
from sync.tls import server_context

LISTENER: Final = "default"
SAME_EVERY_S: Final = 60.0
"""Seconds between two log lines from the same place in amqtt: a vehicle on a bad link must not fill the disk."""
LOOK_EVERY_S: Final = 0.5
"""Seconds between two looks at the files."""
READ_AHEAD: Final = 256 * 1024
"""Bytes asyncio reads of a connection before it pauses it at twice as many: the largest frame comes in one go."""
NOTSENT_BYTES: Final = 64 * 1024
"""Unsent bytes the kernel takes a connection; the rest waits in the relay, at most one window (sync rule 20)."""

_logger = logging.getLogger(__name__)


class _Seldom(logging.Filter):
    """Lets each place in the code speak once in SAME_EVERY_S."""

    def __init__(self) -> None:
        super().__init__()
        self._next_at: dict[tuple[str, int], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        place, now = (record.pathname, record.lineno), time.monotonic()
        if now < self._next_at.get(place, 0.0):
            return False
        self._next_at[place] = now + SAME_EVERY_S
        return True


def _quiet_logging() -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_Seldom())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], format="%(levelname)s %(name)s %(message)s")
    logging.getLogger("amqtt").setLevel(logging.ERROR)
    logging.getLogger("transitions").setLevel(logging.ERROR)


async def serve(path: Path) -> None:
    """Relay until SIGTERM or SIGINT.

    Raises:
        ConfigError: the file is wrong, or the address cannot be listened on.
    """
    config = RelayConfig.load(path)
    plugin = {"path": str(path)}
    broker = Relay(
        {
            "listeners": {LISTENER: {"type": "external"}},
            "plugins": {"sync.relay_access.RelayAuth": plugin, "sync.relay_access.RelayTopics": plugin},
        }
    )
    await broker.start()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, NOTSENT_BYTES)
        speaker = Speaker(writer)
        asyncio.get_running_loop().call_later(CONNECT_S, speaker.put_out_unless_spoken_to)
        try:
            await broker.external_connected(BoundedReader(reader, writer.transport), speaker, LISTENER)
        except (OSError, asyncio.IncompleteReadError) as error:
            _logger.info("connection ended: %s", error)
        finally:
            writer.close()

    context = server_context(config.tls.identity) if config.tls else None
    try:
        patience_s = None if context is None else CONNECT_S
        server = await asyncio.start_server(
            connected, config.host, config.port, limit=READ_AHEAD, ssl=context, ssl_handshake_timeout=patience_s
        )
    except OSError as error:
        raise ConfigError(f"relay cannot listen on {config.host}:{config.port}: {error}") from error
    stop = asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(each, stop.set)
    port = server.sockets[0].getsockname()[1]
    print(json.dumps({"ready": True, "port": port}), flush=True)
    watching = asyncio.create_task(_watch(broker, RelayUsers(path), context))
    await stop.wait()
    watching.cancel()
    server.close()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(5):
            await broker.shutdown()


async def _watch(broker: Relay, users: RelayUsers, context: ssl.SSLContext | None) -> None:
    """Follow the files: who is let in no more is put out, and a renewed certificate is shown from now on."""
    while True:
        await asyncio.sleep(LOOK_EVERY_S)
        if users.is_changed():
            await broker.put_out(lambda session: bool(users.user_of(session)))
            if context is not None and (tls := users.config.tls) is not None:
                with contextlib.suppress(OSError):  # half written: the one it had goes on
                    context.load_cert_chain(tls.certificate, tls.key)


def main() -> int:
    """The process; returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m sync.relay", description="The embedded MQTT relay.")
    parser.add_argument("--config", type=Path, required=True, help="the RelayConfig file")
    _quiet_logging()
    try:
        asyncio.run(serve(parser.parse_args().config))
    except ClinicError as error:
        print(f"{error} ({error.hint.en})", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
