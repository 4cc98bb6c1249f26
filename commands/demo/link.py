"""A bad road for TCP: a proxy with a rate, a delay and coverage that comes and goes.

Runs in a thread with an event loop of its own. The rate of each direction is shared by all connections, as on one
mobile link. Without coverage open connections are reset and new ones refused, or (`silent`) they just fall dumb.
"""

import asyncio
import contextlib
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from typing import Final

_CHUNK: Final = 4096
_BUFFER: Final = 64 * 1024
_RESET: Final = struct.pack("ii", 1, 0)
"""SO_LINGER on with 0 seconds: closing sends RST instead of FIN."""


@dataclass
class _Direction:
    """One direction of the link: bytes carried so far, and when it is free again."""

    bits_per_s: float
    carried: int = 0
    _free_at: float = field(default=0.0, repr=False)

    async def carry(self, size: int) -> None:
        now = time.monotonic()
        if self.bits_per_s:
            # 20 ms of unused time may be caught up, which also covers the scheduler's lag
            self._free_at = max(self._free_at, now - 0.02) + size * 8 / self.bits_per_s
            if self._free_at > now:
                await asyncio.sleep(self._free_at - now)
        self.carried += size


class Link:
    """Listens on loopback and forwards to `target`; rates in bits a second (0 = no limit), delay in seconds one way."""

    def __init__(
        self, target: tuple[str, int], *, up_bits_per_s: float, down_bits_per_s: float, delay_s: float
    ) -> None:
        self._target = target
        self._delay_s = delay_s
        self.up = _Direction(up_bits_per_s)
        self.down = _Direction(down_bits_per_s)
        self._covered = True
        self._writers: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._run, name="link", daemon=True)

    def start(self) -> None:
        """Begin to forward."""
        self._thread.start()

    def stop(self) -> None:
        """Drop everything and end the thread."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(timeout=5)

    def lead_to(self, target: tuple[str, int]) -> None:
        """Lead to another place from now on; open connections are reset."""
        self._target = target
        self.set_coverage(False)
        self.set_coverage(True)

    def set_coverage(self, covered: bool) -> None:
        """With False every connection is reset and new ones are refused until True."""
        done = threading.Event()
        self._loop.call_soon_threadsafe(self._cover, covered, done)
        done.wait(timeout=5)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        with contextlib.closing(self._loop):
            self._loop.run_until_complete(self._serve())

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        server = await asyncio.start_server(self._connected, sock=self._listener, limit=_BUFFER)
        await self._stop.wait()
        server.close()
        self._cover(False, None)
        current = asyncio.current_task()
        others = [task for task in asyncio.all_tasks() if task is not current]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def _cover(self, covered: bool, done: threading.Event | None) -> None:
        self._covered = covered
        if not covered:
            for writer in list(self._writers):
                _reset(writer)
        if done is not None:
            done.set()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._covered:
            _reset(writer)
            return
        self._writers.add(writer)
        await asyncio.sleep(2 * self._delay_s)  # the handshake's round trip
        try:
            far_reader, far_writer = await asyncio.open_connection(*self._target, limit=_BUFFER)
        except OSError:
            self._writers.discard(writer)
            _reset(writer)
            return
        self._writers.add(far_writer)
        pumps = [
            asyncio.ensure_future(self._pump(reader, far_writer, self.up)),
            asyncio.ensure_future(self._pump(far_reader, writer, self.down)),
        ]
        try:
            await asyncio.wait(pumps)
        finally:
            for pump in pumps:
                pump.cancel()
            for end in (writer, far_writer):
                self._writers.discard(end)
                end.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: _Direction) -> None:
        try:
            while data := await reader.read(_CHUNK):
                await way.carry(len(data))
                self._loop.call_later(self._delay_s, _write, writer, data)
                await writer.drain()
        except ConnectionError:
            pass
        await asyncio.sleep(self._delay_s)
        writer.close()


def _write(writer: asyncio.StreamWriter, data: bytes) -> None:
    if not writer.transport.is_closing():
        writer.write(data)


def _reset(writer: asyncio.StreamWriter) -> None:
    raw = writer.get_extra_info("socket")
    if raw is not None:
        with contextlib.suppress(OSError):
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()
