"""A vehicle's courier and a hospital's station in this process, with a real broker as another."""

import asyncio
import contextlib
import json
import os
import secrets
import select
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from clinic_records.clock import SystemClock
from clinic_records.ids import vehicle_id
from sync.courier import PinnedHospital, VehicleCourier
from sync.drive import run_courier, run_station
from sync.free_port import free_port
from sync.keys import OriginKeys
from sync.memory_stores import MemoryInbound, MemoryOutbound, MemorySessions
from sync.mqtt import Broker, MqttLink
from sync.relay_config import RelayConfig, relay_command
from sync.station import HospitalStation, Peer

VEHICLE = vehicle_id("V01")
USERS = {user: secrets.token_urlsafe(24) for user in ("hospital", "V01", "V02")}


class BrokerProcess:
    """A broker that can be killed and started again on its port."""

    def __init__(self, command: list[str], port: int) -> None:
        self.command = command
        self.port = port
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        until = time.monotonic() + 60
        while time.monotonic() < until:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            time.sleep(0.05)
        raise AssertionError(f"{self.command} did not listen on {self.port}")

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)
            if self.process.stdout:
                self.process.stdout.close()
            self.process = None


@contextmanager
def relay(folder: Path) -> Iterator[BrokerProcess]:
    config = RelayConfig(hospital_user="hospital", users=USERS, port=free_port())
    config.save(folder / "relay.json")
    broker = BrokerProcess(relay_command(folder / "relay.json"), config.port)
    try:
        yield broker
    finally:
        broker.kill()


def readiness(process: subprocess.Popen[bytes]) -> dict[str, object]:
    assert process.stdout is not None
    assert select.select([process.stdout], [], [], 20)[0], "no readiness line"
    said: dict[str, object] = json.loads(process.stdout.readline())
    return said


class Proxy:
    """TCP between a vehicle and its broker; `freeze` makes the connections of now half open: alive, and silent."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._frozen: set[asyncio.Event] = set()
        self._live: set[asyncio.Event] = set()
        self._handlers: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._handle, "127.0.0.1", 0)
        self.port = int(self._server.sockets[0].getsockname()[1])
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for each in self._live:
            each.set()
        await asyncio.gather(*self._handlers, return_exceptions=True)

    def freeze(self) -> None:
        self._frozen |= self._live

    def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._connected(reader, writer))
        self._handlers.add(task)
        task.add_done_callback(self._handlers.discard)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ended = asyncio.Event()
        self._live.add(ended)
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)

        async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            with contextlib.suppress(OSError):
                while data := await source.read(16_384):
                    if ended in self._frozen:
                        await ended.wait()
                        return
                    sink.write(data)
                    await sink.drain()

        pumps = [asyncio.create_task(pump(reader, far_writer)), asyncio.create_task(pump(far_reader, writer))]
        await asyncio.wait([*pumps, stop := asyncio.create_task(ended.wait())], return_when=asyncio.FIRST_COMPLETED)
        for task in (*pumps, stop):
            task.cancel()
        await asyncio.gather(*pumps, stop, return_exceptions=True)
        for each in (writer, far_writer):
            each.close()
            with contextlib.suppress(OSError):
                await each.wait_closed()
        self._live.discard(ended)


class Pair:
    """The two ends, their stores, and the tasks that drive them. `vehicle_port` where the vehicle goes another way."""

    def __init__(self, port: int, vehicle_port: int | None = None) -> None:
        vehicle_keys, hospital_keys = OriginKeys.generate(), OriginKeys.generate()
        self.outbound, self.inbound = MemoryOutbound(), MemoryInbound(MemorySessions())
        self.hospital_sessions = MemorySessions()
        self.hospital_inbound = MemoryInbound(self.hospital_sessions)
        self.hospital_outbound = MemoryOutbound()
        self.strangers: list[str] = []
        self.courier = VehicleCourier(
            VEHICLE,
            keys=vehicle_keys,
            hospital=PinnedHospital("H1", hospital_keys.public),
            outbound=self.outbound,
            inbound=self.inbound,
            sessions=MemorySessions(),
            clock=SystemClock(),
            random_bytes=os.urandom,
        )
        self._peer = Peer(vehicle_keys.public, self.hospital_inbound, self.hospital_outbound, self.hospital_sessions)
        self._hospital_keys = hospital_keys
        self.station = self._make_station()
        self.vehicle_link = MqttLink(Broker("127.0.0.1", vehicle_port or port, "V01", USERS["V01"], "V01"))
        self.hospital_link = MqttLink(Broker("127.0.0.1", port, "hospital", USERS["hospital"], "hospital"))
        self.stop, self.station_stop = asyncio.Event(), asyncio.Event()

    def _make_station(self) -> HospitalStation:
        return HospitalStation(
            "H1",
            keys=self._hospital_keys,
            port=lambda vehicle: self._peer if vehicle == VEHICLE else None,
            clock=SystemClock(),
            random_bytes=os.urandom,
            on_stranger=lambda *what: self.strangers.append(what[2]),
        )

    async def __aenter__(self) -> Self:
        self._tasks = [
            asyncio.create_task(run_station(self.station, self.hospital_link, self.station_stop)),
            asyncio.create_task(run_courier(self.courier, self.vehicle_link, self.stop)),
        ]
        return self

    async def restart_station(self) -> None:
        """A new station, as after a crash of the hospital's worker: all it knew of sessions is gone."""
        self.station_stop.set()
        await self._tasks[0]
        self.station, self.station_stop = self._make_station(), asyncio.Event()
        self._tasks[0] = asyncio.create_task(run_station(self.station, self.hospital_link, self.station_stop))

    async def __aexit__(self, *_: object) -> None:
        self.stop.set()
        self.station_stop.set()
        async with asyncio.timeout(60):
            await asyncio.gather(*self._tasks)

    async def reach(self, is_done: Callable[[], bool], limit_s: float = 60.0) -> None:
        async with asyncio.timeout(limit_s):
            while not is_done():
                for task in self._tasks:
                    if task.done():
                        task.result()
                await asyncio.sleep(0.01)

    @property
    def is_complete(self) -> bool:
        return not self.outbound.open and not self.hospital_outbound.open
