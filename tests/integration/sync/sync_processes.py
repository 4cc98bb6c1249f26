"""A vehicle's courier and a hospital's station in this process, with a real broker as another."""

import asyncio
import contextlib
import json
import os
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
from sync.keys import OriginKeys
from sync.memory_stores import MemoryInbound, MemoryOutbound, MemorySessions
from sync.mqtt import Broker, MqttLink
from sync.relay_config import RelayConfig, new_password, relay_command
from sync.station import HospitalStation, Peer

VEHICLE = vehicle_id("V01")
USERS = {"hospital": new_password(), "V01": new_password(), "V02": new_password()}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class BrokerProcess:
    """A broker that can be killed and started again on its port."""

    def __init__(self, command: list[str], port: int) -> None:
        self.command = command
        self.port = port
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        until = time.monotonic() + 20
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
    return json.loads(process.stdout.readline())


class Pair:
    """The two ends, their stores, and the tasks that drive them."""

    def __init__(self, port: int) -> None:
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
        peer = Peer(vehicle_keys.public, self.hospital_inbound, self.hospital_outbound, self.hospital_sessions)
        self.station = HospitalStation(
            "H1",
            keys=hospital_keys,
            port=lambda vehicle: peer if vehicle == VEHICLE else None,
            clock=SystemClock(),
            random_bytes=os.urandom,
            on_stranger=lambda *what: self.strangers.append(what[2]),
        )
        self.vehicle_link = MqttLink(Broker("127.0.0.1", port, "V01", USERS["V01"], "V01"))
        self.hospital_link = MqttLink(Broker("127.0.0.1", port, "hospital", USERS["hospital"], "hospital"))
        self.stop = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._tasks = [
            asyncio.create_task(run_station(self.station, self.hospital_link, self.stop)),
            asyncio.create_task(run_courier(self.courier, self.vehicle_link, self.stop)),
        ]
        return self

    async def __aexit__(self, *_: object) -> None:
        self.stop.set()
        async with asyncio.timeout(20):
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
