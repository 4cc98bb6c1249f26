"""Some vehicles of the prefecture in one process: real couriers over MQTT, each with its own connection.

    python -m benchmarks.prefecture.vehicles CONFIG

Seals the evening of each, says `ready` on stdout, waits for a line on stdin, brings everything up, writes its result.
"""

import asyncio
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from benchmarks.prefecture.evening import Box, Day, Told, evening
from clinic_records.clock import SystemClock
from clinic_records.ids import VehicleId
from sync.courier import PinnedHospital, VehicleCourier
from sync.drive import run_courier
from sync.enrolment import Enrolment
from sync.keys import OriginPublic, RecipientKey
from sync.memory_stores import MemoryInbound, MemoryOutbound, MemorySessions
from sync.mqtt import MqttLink
from sync.ports import SessionState
from vehicle_agent.store.tls import TlsFiles, vehicle_broker

LOOK_S: Final = 0.02


class Config(msgspec.Struct, frozen=True):
    """What one process is told: `limit_s` is when to give up; in `folder` lie the TLS files, by vehicle."""

    seed: int
    limit_s: float
    enrolments: tuple[Enrolment, ...]
    result: str
    folder: str
    day: Day


class Brought(msgspec.Struct, frozen=True):
    """What one vehicle came to: seconds until all was received (of those that came to it), and what it was told."""

    vehicle: str
    seconds: float | None
    told: tuple[Told, ...]
    verdicts: dict[str, int]
    bytes_sent: int
    wire_bytes: int


class Result(msgspec.Struct, frozen=True):
    """What one process came to: its vehicles, and the processor time it took for all but the sealing."""

    brought: tuple[Brought, ...]
    cpu_s: float


@dataclass
class Vehicle:
    """One courier and what it has to bring."""

    enrolment: Enrolment
    seed: int
    day: Day

    def __post_init__(self) -> None:
        self.box = Box(self.enrolment.vehicle, self.seed)
        self.outbound, self.told = MemoryOutbound(), []
        for sealed, told in evening(self.box, RecipientKey(self.enrolment.hpke_public), self.day):
            assert sealed.data is not None  # noqa: S101 - sealed in memory: says it to the type checker
            self.outbound.add(sealed.data, sealed.lane)
            self.told.append(told)
        self.seconds: float | None = None

    def courier(self) -> VehicleCourier:
        """As the agent makes it, over stores in memory."""
        granted, sessions = self.enrolment, MemorySessions()
        sessions.state = SessionState(token=granted.session_token, incarnation=granted.incarnation)
        return VehicleCourier(
            VehicleId(granted.vehicle),
            keys=self.box.keys,
            hospital=PinnedHospital(granted.hospital_id, OriginPublic(granted.sign_public)),
            outbound=self.outbound,
            inbound=MemoryInbound(MemorySessions(), OriginPublic(granted.sign_public)),
            sessions=sessions,
            clock=SystemClock(),
            random_bytes=os.urandom,
        )

    def brought(self, courier: VehicleCourier) -> Brought:
        """What it came to."""
        verdicts: dict[str, int] = {}
        for receipt in self.outbound.receipts.values():
            verdicts[receipt.verdict] = verdicts.get(receipt.verdict, 0) + 1
        return Brought(
            self.enrolment.vehicle,
            self.seconds,
            tuple(self.told),
            verdicts,
            courier.sender.bytes_sent,
            sum(each.size for each in self.outbound.items.values()),
        )


async def _bring(vehicles: list[Vehicle], limit_s: float, folder: Path) -> list[Brought]:
    stop, began = asyncio.Event(), time.monotonic()
    couriers = [each.courier() for each in vehicles]
    with ThreadPoolExecutor(1, "couriers") as executor:
        tasks = []
        for each, courier in zip(vehicles, couriers, strict=True):
            files = TlsFiles(folder / each.enrolment.vehicle)
            broker = vehicle_broker(each.enrolment, files, SystemClock().now)
            tasks.append(asyncio.create_task(run_courier(courier, MqttLink(broker), stop, executor)))
        while (left := [each for each in vehicles if each.seconds is None]) and time.monotonic() < began + limit_s:
            for each in left:
                if each.outbound.ended == len(each.outbound.items):
                    each.seconds = time.monotonic() - began
            await asyncio.sleep(LOOK_S)
        stop.set()
        await asyncio.gather(*tasks)
    return [each.brought(courier) for each, courier in zip(vehicles, couriers, strict=True)]


def main(path: Path) -> None:
    """The process."""
    config = msgspec.json.decode(path.read_bytes(), type=Config)
    vehicles = [Vehicle(each, config.seed, config.day) for each in config.enrolments]
    print("ready", flush=True)
    sys.stdin.readline()
    before = time.process_time()
    brought = asyncio.run(_bring(vehicles, config.limit_s, Path(config.folder)))
    result = Result(tuple(brought), time.process_time() - before)
    Path(config.result).write_bytes(msgspec.json.encode(result))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
