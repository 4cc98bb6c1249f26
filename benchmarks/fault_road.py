"""A road on which every connection meets a fate of its own: reset, closed, stalled, swallowed, bent, slowed, refused.

It stands where `commands.demo.link.Link` stands in a lab, in a thread of its own. Which fate a connection gets, and
after how many bytes or seconds, follows from the seed; when the bytes come does not, as the programs are real.
"""

import asyncio
import contextlib
import random
import socket
import struct
import threading
from collections import Counter
from collections.abc import Mapping
from typing import Final, NamedTuple

PIECE: Final = 16 * 1024
_RESET: Final = struct.pack("ii", 1, 0)
"""SO_LINGER on with 0 seconds: closing sends RST instead of FIN."""
WEIGHTS: Final[Mapping[str, int]] = {
    "reset": 6,  # the tunnel: a RST in the middle of whatever was being said
    "close": 3,  # an orderly FIN, as from a proxy that restarts
    "stall": 2,  # nothing moves for some seconds, then all of it
    "slow": 2,  # 16 to 256 kbit/s, then a reset
    "bend": 2,  # one byte is changed: what TCP's checksum lets through
    "refuse": 1,
    "hole": 1,  # open for ever and silent, as after a NAT rebinding
}
"""Fate -> how often, of the sum. A hole takes the courier's whole patience, so it is seldom. Our choice."""


class Fate(NamedTuple):
    """What happens to one connection, after so many bytes upwards or so many seconds, whichever is first."""

    kind: str
    after_bytes: int
    after_s: float
    stall_s: float
    bytes_per_s: float


class FaultRoad:
    """From `start` to `stop`; after `calm` connections pass unharmed."""

    def __init__(self, target: tuple[str, int], seed: int) -> None:
        self._target = target
        self._rng = random.Random(seed)  # noqa: S311 - a seed to repeat, not a secret
        self._sock = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._sock.getsockname()[1])
        self.fates: Counter[str] = Counter()
        self._is_calm = False
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="fault-road", daemon=True)

    @property
    def sessions(self) -> int:
        """Connections that were made so far."""
        return self.fates.total()

    def start(self) -> None:
        """Serve."""
        self._thread.start()

    def calm(self) -> None:
        """From now on nothing happens to anybody; what is open is reset once, holes too."""
        self._is_calm = True
        self._loop.call_soon_threadsafe(self._reset_all)

    def stop(self) -> None:
        """End; every connection is lost."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
        self._sock.close()

    def _run(self) -> None:
        self._open: set[asyncio.Task[None]] = set()
        server = self._loop.run_until_complete(asyncio.start_server(self._connected, sock=self._sock))
        try:
            self._loop.run_forever()
        finally:
            server.close()
            self._loop.run_until_complete(self._end_all())
            self._loop.close()

    async def _end_all(self) -> None:
        self._reset_all()
        await asyncio.gather(*self._open, return_exceptions=True)

    def _reset_all(self) -> None:
        for task in self._open:
            task.cancel()

    def _draw(self) -> Fate:
        if self._is_calm:
            return Fate("calm", 2**62, 1e9, 0.0, 0.0)
        rng = self._rng
        return Fate(
            kind=rng.choices(list(WEIGHTS), list(WEIGHTS.values()))[0],
            after_bytes=int(10 ** rng.uniform(1.5, 6.0)),
            after_s=rng.uniform(0.2, 3.0),
            stall_s=rng.uniform(0.5, 4.0),
            bytes_per_s=10 ** rng.uniform(3.3, 4.5),
        )

    async def _connected(self, near_in: asyncio.StreamReader, near: asyncio.StreamWriter) -> None:
        fate = self._draw()
        self.fates[fate.kind] += 1
        task = asyncio.create_task(self._carry(near_in, near, fate))
        self._open.add(task)
        try:
            with contextlib.suppress(asyncio.CancelledError, OSError):
                await task
        finally:
            self._open.discard(task)
            _end(near, is_reset=fate.kind != "close")

    async def _carry(self, near_in: asyncio.StreamReader, near: asyncio.StreamWriter, fate: Fate) -> None:
        if fate.kind == "refuse":
            return
        far_in, far = await asyncio.open_connection(*self._target)
        line = _Line(fate, self._rng)
        pumps = [asyncio.create_task(line.pump(near_in, far)), asyncio.create_task(line.pump(far_in, near))]
        clock = asyncio.create_task(line.strike_in_time())
        try:
            await asyncio.wait([*pumps, clock], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in (*pumps, clock):
                each.cancel()
            await asyncio.gather(*pumps, clock, return_exceptions=True)
            _end(far, is_reset=fate.kind != "close")


class _Line:
    """One connection under its fate; ends when a pump or the clock returns."""

    def __init__(self, fate: Fate, rng: random.Random) -> None:
        self._fate = fate
        self._rng = rng
        self._carried = 0
        self._struck = asyncio.Event()
        self._is_passable = asyncio.Event()
        self._is_bent = False

    async def strike_in_time(self) -> None:
        """Strike at the fate's second, unless its byte came before; returns when the line is to end."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._fate.after_s):
                await self._struck.wait()
        self._struck.set()
        if self._fate.kind == "stall":
            await asyncio.sleep(self._fate.stall_s)
            self._is_passable.set()
            await asyncio.sleep(self._fate.after_s)
        elif self._fate.kind in {"bend", "slow"}:
            await asyncio.sleep(self._fate.after_s)
        elif self._fate.kind == "hole":
            await asyncio.Event().wait()

    async def pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one direction until its end."""
        while data := await reader.read(PIECE):
            self._carried += len(data)
            if self._carried >= self._fate.after_bytes and not self._struck.is_set():
                self._struck.set()
            if self._struck.is_set():
                data = await self._suffer(data)
            writer.write(data)
            await writer.drain()

    async def _suffer(self, data: bytes) -> bytes:
        fate = self._fate
        if fate.kind in {"hole", "reset", "close"}:
            await asyncio.Event().wait()  # the clock's task ends the line, or nobody does
        if fate.kind == "stall":
            await self._is_passable.wait()
        if fate.kind == "slow":
            await asyncio.sleep(len(data) / fate.bytes_per_s)
        if fate.kind == "bend" and not self._is_bent:
            self._is_bent = True
            at = self._rng.randrange(len(data))
            return data[:at] + bytes([data[at] ^ (1 << self._rng.randrange(8))]) + data[at + 1 :]
        return data


def _end(writer: asyncio.StreamWriter, *, is_reset: bool) -> None:
    with contextlib.suppress(OSError):
        if is_reset:
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        writer.close()
