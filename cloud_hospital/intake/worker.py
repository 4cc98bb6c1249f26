"""The intake worker: one process that speaks with every vehicle through the broker.

`python -m cloud_hospital.intake.worker DIR`. All calls to the stores come from one thread.
"""

import asyncio
import contextlib
import os
import secrets
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from sqlalchemy import func, select

from clinic_records.ids import VehicleId
from cloud_hospital.broker.identity import hospital_broker
from cloud_hospital.downlinks.follow import Follower
from cloud_hospital.feed.sequencer import sequence
from cloud_hospital.hospital import Hospital, open_hospital
from cloud_hospital.intake.inbound import VehicleInbound
from cloud_hospital.intake.outbound import VehicleOutbound
from cloud_hospital.intake.reopening import reopen_held
from cloud_hospital.intake.sessions import VehicleSessions
from cloud_hospital.intake.strangers import keep_stranger, raise_alarm
from cloud_hospital.keys import HospitalKeys
from cloud_hospital.store.engine import reading
from cloud_hospital.store.tables import downlink
from cloud_hospital.vehicle_keys import follow, newest_key
from cloud_hospital.vehicles import active_vehicles
from sync.drive import run_station
from sync.mqtt import MqttLink
from sync.station import HospitalStation, Peer

LOOK_EVERY_S: Final = 0.5
"""Seconds between two looks for new downlink rows, unnumbered feed rows, revocations and new epochs."""


class Intake:
    """The station of one hospital, on its stores."""

    def __init__(self, hospital: Hospital) -> None:
        self._hospital = hospital
        self._epoch = hospital.log.current()
        self._revoked = hospital.log.revoked()
        self._newest_down = 0
        self._follower = Follower(hospital)
        self.station = HospitalStation(
            hospital.settings.id,
            keys=hospital.keys.sign,
            port=self._port,
            clock=hospital.clock,
            random_bytes=secrets.token_bytes,
            on_stranger=lambda vehicle, payload, why: keep_stranger(hospital, vehicle, payload, why),
            on_alarm=lambda vehicle, code: raise_alarm(hospital, vehicle, code),
            statements=hospital.keys.statements,
            keep_days=hospital.settings.backup_days,
        )

    @property
    def has_old_keys(self) -> bool:
        """Whether the hospital's keys were rotated: this worker is to end, the next one begins with the new ones."""
        return HospitalKeys.load(self._hospital.folder).number != self._hospital.keys.number

    def sweep(self) -> None:
        """Answer files that were whole when the last worker died, and open again what this program understands now."""
        reopen_held(self._hospital)
        for vehicle in active_vehicles(self._hospital):
            VehicleInbound(self._hospital, vehicle).sweep()

    def look(self) -> bool:
        """Do what other processes left to be done; whether the station has something new to say."""
        sequence(self._hospital.engine)
        self._end_void_sessions()
        self._follower.look()
        with reading(self._hospital.engine) as connection:
            newest = int(connection.execute(select(func.coalesce(func.max(downlink.c.n), 0))).scalar_one())
        if newest == self._newest_down:
            return False
        self._newest_down = newest
        self.station.notify()
        return True

    def _port(self, vehicle: VehicleId) -> Peer | None:
        public = newest_key(self._hospital.engine, vehicle)
        if public is None or vehicle in self._hospital.log.revoked():
            return None
        return Peer(
            public,
            VehicleInbound(self._hospital, vehicle),
            VehicleOutbound(self._hospital, vehicle),
            VehicleSessions(self._hospital, vehicle),
            on_keys=lambda statements: follow(self._hospital, vehicle, statements),
        )

    def _end_void_sessions(self) -> None:
        """A new epoch voids every session (sync rule 3); a revocation ends that vehicle's."""
        epoch, revoked = self._hospital.log.current(), self._hospital.log.revoked()
        now = self._hospital.clock.monotonic_s()
        for vehicle in sorted(revoked - self._revoked):
            self.station.forget(VehicleId(vehicle), now)
        if epoch != self._epoch:
            self.station.void_all_but(epoch, now)
        self._epoch, self._revoked = epoch, revoked


def run_worker(directory: Path) -> None:
    """Run until SIGTERM or SIGINT."""
    with open_hospital(directory) as hospital:
        asyncio.run(_run(hospital))


async def _run(hospital: Hospital) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    link = MqttLink(hospital_broker(hospital))
    ready = hospital.folder.run / "intake.ready"
    ready.unlink(missing_ok=True)
    with ThreadPoolExecutor(1, "intake") as executor:
        intake = Intake(hospital)
        await loop.run_in_executor(executor, intake.sweep)
        serving = asyncio.create_task(run_station(intake.station, link, stop, executor))
        serving.add_done_callback(lambda _task: stop.set())
        while not stop.is_set():
            if await loop.run_in_executor(executor, intake.look):
                link.wake()
            if await loop.run_in_executor(executor, lambda: intake.has_old_keys):
                stop.set()
            if link.is_up and not ready.exists():
                ready.write_text(f"{os.getpid()}\n", encoding="ascii")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY_S):
                    await stop.wait()
        ready.unlink(missing_ok=True)
        await serving


if __name__ == "__main__":
    run_worker(Path(sys.argv[1]))
