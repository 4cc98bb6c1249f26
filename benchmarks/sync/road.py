"""A road for TCP in a process of its own: rates, delay, outages by plan, and how many bytes passed.

`python -m benchmarks.sync.road PROFILE TARGET_PORT [--seed N] [--jitter PART]` says its port as JSON and then answers
each line on stdin: `begin` starts the plan of outages, `count` says what was carried. Rates are shared by all
connections of a direction, as on one mobile link. No packet is lost or swapped: TCP below us would mend that.
"""

import argparse
import asyncio
import contextlib
import json
import random
import socket
import struct
import subprocess
import sys
from dataclasses import dataclass, field
from typing import Any, Final

from benchmarks.sync.profiles import PROFILES, Profile

PIECE: Final = 4096
QUEUE: Final = 128 * 1024
"""Bytes a connection may have inside a slow road: a base station's buffer."""
FAST_PIECE: Final = 256 * 1024
LAG_S: Final = 0.02
"""Unused time that may be caught up: it covers the scheduler's lag."""
_RESET: Final = struct.pack("ii", 1, 0)
"""SO_LINGER on with 0 seconds: closing sends RST instead of FIN."""


@dataclass
class Direction:
    """One direction of the road."""

    bits_per_s: float
    delay_s: float
    carried: int = 0
    free_at: float = 0.0

    async def carry(self, size: int) -> None:
        """Wait until `size` bytes have entered the road."""
        if self.bits_per_s:
            now = asyncio.get_running_loop().time()
            self.free_at = max(self.free_at, now - LAG_S) + size * 8 / self.bits_per_s
            if self.free_at > now:
                await asyncio.sleep(self.free_at - now)
        self.carried += size


@dataclass(eq=False)
class _Line:
    """One connection, both ends of it."""

    near: asyncio.StreamWriter
    far: asyncio.StreamWriter | None = None
    is_dead: bool = False

    def reset(self) -> None:
        for writer in (self.near, self.far):
            if writer is not None:
                with contextlib.suppress(OSError):
                    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                writer.transport.abort()


@dataclass
class _Queue:
    """Bytes inside the road, each piece with the instant it comes out."""

    pieces: asyncio.Queue[tuple[float, bytes]] = field(default_factory=asyncio.Queue)
    size: int = 0
    room: asyncio.Event = field(default_factory=asyncio.Event)


class Road:
    """The emulator inside its process."""

    def __init__(self, profile: Profile, target: int, rng: random.Random, jitter: float) -> None:
        self._profile = profile
        self._target = target
        self._rng = rng
        self._jitter = jitter
        self._piece = PIECE if profile.bits_up else FAST_PIECE
        self._most = QUEUE if profile.bits_up else 16 * FAST_PIECE
        self.up = Direction(profile.bits_up, profile.delay_s)
        self.down = Direction(profile.bits_down, profile.delay_s)
        self._lines: set[_Line] = set()
        self._covered = asyncio.Event()
        self._covered.set()
        self.counts = {"connections": 0, "refused": 0, "outages": 0}

    @property
    def is_covered(self) -> bool:
        """Whether there is coverage now."""
        return self._covered.is_set()

    async def listen(self) -> asyncio.Server:
        """Serve on a free port of loopback."""
        sock = socket.create_server(("127.0.0.1", 0), backlog=128)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024 if self._profile.bits_up else 2**20)
        return await asyncio.start_server(self._connected, sock=sock, limit=self._piece)

    async def plan(self) -> None:
        """Coverage, outage, coverage ... until cancelled."""
        profile = self._profile
        while profile.down_s:
            await asyncio.sleep(self._varied(profile.up_s))
            self.counts["outages"] += 1
            self._covered.clear()
            for line in list(self._lines):
                if profile.mode == "cut":
                    line.reset()
                elif profile.mode == "hole":
                    line.is_dead = True
            await asyncio.sleep(self._varied(profile.down_s))
            self._covered.set()

    def _varied(self, seconds: float) -> float:
        return seconds * (1 + self._jitter * self._rng.uniform(-1, 1))

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.CancelledError):  # the process ends: asyncio would print each line's end
            await self._carry(reader, writer)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = _Line(writer)
        if not self._covered.is_set():
            self.counts["refused"] += 1
            if self._profile.mode != "cut":
                await self._covered.wait()
            if self._profile.mode != "stall":
                line.reset()
                return
        self.counts["connections"] += 1
        self._lines.add(line)
        await asyncio.sleep(2 * self._profile.delay_s)  # the handshake's round trip
        try:
            far_reader, line.far = await asyncio.open_connection("127.0.0.1", self._target, limit=self._piece)
        except OSError:
            self._lines.discard(line)
            line.reset()
            return
        for each in (writer, line.far):
            each.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        ways = ((reader, line.far, self.up), (far_reader, writer, self.down))
        pumps = [asyncio.create_task(task) for way in ways for task in self._pump(*way, line)]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            self._lines.discard(line)
            for each in (writer, line.far):
                each.close()

    def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: Direction, line: _Line
    ) -> tuple[Any, Any]:
        queue = _Queue()
        return self._take_in(reader, queue, way, line), self._give_out(writer, queue, line)

    async def _take_in(self, reader: asyncio.StreamReader, queue: _Queue, way: Direction, line: _Line) -> None:
        loop = asyncio.get_running_loop()
        while True:
            while queue.size > self._most:
                queue.room.clear()
                await queue.room.wait()
            await self._passable(line)
            data = await reader.read(self._piece)
            queue.size += len(data)
            await way.carry(len(data))
            queue.pieces.put_nowait((loop.time() + way.delay_s, data))
            if not data:
                await asyncio.Event().wait()  # the other half ends the line once this end has come out

    async def _give_out(self, writer: asyncio.StreamWriter, queue: _Queue, line: _Line) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due, data = await queue.pieces.get()
            if due > loop.time():
                await asyncio.sleep(due - loop.time())
            await self._passable(line)
            if not data:
                return
            writer.write(data)
            await writer.drain()
            queue.size -= len(data)
            queue.room.set()

    async def _passable(self, line: _Line) -> None:
        """Return when a byte may move on this line: in a hole, never again."""
        if line.is_dead:
            await asyncio.Event().wait()
        if self._profile.mode == "stall":
            await self._covered.wait()


async def _serve(road: Road) -> None:
    server = await road.listen()
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    plan: asyncio.Task[None] | None = None
    while line := await asyncio.to_thread(sys.stdin.readline):
        if line.strip() == "begin":
            plan = asyncio.create_task(road.plan())
        said = {"up": road.up.carried, "down": road.down.carried, "covered": road.is_covered, **road.counts}
        print(json.dumps(said), flush=True)
    if plan is not None:
        plan.cancel()


class RoadProcess:
    """The emulator seen from a benchmark; `link` of a lab, too."""

    def __init__(self, profile: str, target: int, *, seed: int = 1, jitter: float = 0.0) -> None:
        words = [profile, str(target), "--seed", str(seed), "--jitter", str(jitter)]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.sync.road", *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.port = int(self._read()["port"])

    def start(self) -> None:
        """Nothing: it serves already."""

    def begin(self) -> None:
        """The plan of outages begins now."""
        self._ask("begin")

    def count(self) -> dict[str, int]:
        """Bytes carried `up` and `down`, `connections`, `refused`, `outages`, and whether it is `covered` now."""
        return self._ask("count")

    def stop(self) -> None:
        """End it; every connection is lost."""
        self._process.kill()
        self._process.communicate()

    def _ask(self, word: str) -> dict[str, int]:
        if self._process.stdin is not None:
            self._process.stdin.write(word + "\n")
            self._process.stdin.flush()
        return self._read()

    def _read(self) -> dict[str, int]:
        line = self._process.stdout.readline() if self._process.stdout is not None else ""
        found: dict[str, int] = json.loads(line)
        return found


def main() -> None:
    """The process."""
    parser = argparse.ArgumentParser()
    parser.add_argument("profile", choices=sorted(PROFILES))
    parser.add_argument("target", type=int)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jitter", type=float, default=0.0)
    asked = parser.parse_args()
    rng = random.Random(asked.seed)  # noqa: S311 - a seed to repeat, not a secret
    asyncio.run(_serve(Road(PROFILES[asked.profile], asked.target, rng, asked.jitter)))


if __name__ == "__main__":
    main()
