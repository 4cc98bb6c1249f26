"""An intake worker: one process that does its post's part of what vehicles say, through the broker.

`python -m cloud_hospital.intake.worker DIR POST`. All calls to the stores come from one thread. Nothing a worker holds
is worth keeping, so one that hangs ends itself: its connection ends with it, and others get what it had.
"""

import asyncio
import contextlib
import logging
import os
import secrets
import signal
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from clinic_records.errors import AccessError, ClinicError, Offline
from clinic_records.ids import VehicleId
from cloud_hospital.broker.identity import hospital_broker
from cloud_hospital.downlinks.follow import Follower
from cloud_hospital.feed.sequencer import sequence
from cloud_hospital.hospital import Hospital, open_hospital
from cloud_hospital.intake.counter import IntakeCounter
from cloud_hospital.intake.inbound import VehicleInbound
from cloud_hospital.intake.leases import RENEW_S, VehicleLease, abandoned, renew
from cloud_hospital.intake.leftovers import clear_leftovers
from cloud_hospital.intake.outbound import VehicleOutbound
from cloud_hospital.intake.posts import Post, post_of
from cloud_hospital.intake.reopening import reopen_held
from cloud_hospital.intake.seats import seated, seats_here
from cloud_hospital.intake.sessions import VehicleSessions, standings
from cloud_hospital.intake.strangers import keep_stranger, raise_alarm
from cloud_hospital.keys import HospitalKeys
from cloud_hospital.renewal import renewed
from cloud_hospital.store.engine import reading
from cloud_hospital.store.news import tail
from cloud_hospital.store.tables import downlink
from cloud_hospital.vehicle_keys import follow, key_and_session
from cloud_hospital.vehicles import active_vehicles
from sync.desk import Aside, at_once
from sync.drive import run_station
from sync.duty import EVERYTHING, Duty
from sync.mqtt import MqttLink
from sync.probe import probe_sharing
from sync.station import HospitalStation, Peer

LOOK_EVERY_S: Final = 0.5
"""Seconds between two looks for unnumbered feed rows, revocations, new epochs and sessions that stand no more ..."""
NEWS_EVERY_S: Final = 0.1
"""... and for new downlink rows: an urgent answer waits for it, and it costs one look at an index."""
KNOWN_S: Final = 60.0
"""Seconds until a session that stands is looked up by itself: each look asks for all of them at once."""
ASK_AGAIN_S: Final = 2.0
"""Seconds until a broker that refused is asked again."""
WATCHDOG_S: Final = 120.0
"""Seconds in which the thread of the stores must come to a look: the largest file takes less. Our choice."""

_logger = logging.getLogger(__name__)
T = TypeVar("T")


class Intake:
    """One worker's station, on the hospital's stores."""

    def __init__(self, hospital: Hospital, duty: Duty = EVERYTHING, aside: Aside = at_once) -> None:
        self._hospital = hospital
        self._holder = f"{duty.name}-{secrets.token_hex(8)}"
        self._renew_at = 0.0
        self._epoch = hospital.log.current()
        self._revoked = hospital.log.revoked()
        self._newest_down = (0, 0)
        self._follower = Follower(hospital)
        self._counter = IntakeCounter(hospital)
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
            store=self._counter,
            duty=duty,
            aside=aside,
            known_s=KNOWN_S,
        )

    @property
    def has_old_keys(self) -> bool:
        """Whether the hospital's keys were rotated: this worker is to end, the next one begins with the new ones."""
        return HospitalKeys.load(self._hospital.folder).number != self._hospital.keys.number

    def close(self) -> None:
        """Nothing is taken afterwards."""
        self._counter.close()

    def sweep(self) -> None:
        """Answer files that were whole when the last worker died, open again what this program understands now.

        Vehicles whose sessions do not stand are called: one that is connected and idle would not notice (sync rule 3).
        """
        clear_leftovers(self._hospital)
        reopen_held(self._hospital)
        for vehicle in active_vehicles(self._hospital):
            VehicleInbound(self._hospital, vehicle).sweep()
            if self.station.duty.has_sessions and VehicleSessions(self._hospital, vehicle).standing() is None:
                self.station.call(VehicleId(vehicle))

    def look(self) -> bool:
        """Do what other processes left to be done; whether the station has something new to say."""
        has_ended = self._end_void_sessions()
        self.station.recheck(standings(self._hospital, self.station.known))
        if not self.station.duty.has_sessions:
            return has_ended
        sequence(self._hospital.engine)
        self._follower.look()
        return has_ended | self._keep_leases() | self.has_news()

    def has_news(self) -> bool:
        """Whether somebody wrote new downlink rows; then the station knows."""
        if not self.station.duty.has_sessions:
            return False
        with reading(self._hospital.engine) as connection:
            newest = tail(connection, downlink.c.n)
        if newest == self._newest_down:
            return False
        self._newest_down = newest
        self.station.notify()
        return True

    def _keep_leases(self) -> bool:
        """Renew ours, end the lines of lost ones, take over what nobody has; whether we send to somebody new."""
        now = self._hospital.clock.monotonic_s()
        if now < self._renew_at:
            return False
        self._renew_at = now + RENEW_S
        online = self.station.online
        for vehicle in sorted(online - renew(self._hospital, self._holder, online)):
            self.station.lose(VehicleId(vehicle))
        taken_over = [self.station.resume(VehicleId(each), now) for each in abandoned(self._hospital)]
        return any(taken_over)

    def _port(self, vehicle: VehicleId) -> Peer | None:
        found = key_and_session(self._hospital.engine, vehicle)
        if found is None or vehicle in self._hospital.log.revoked():
            return None
        public, session = found
        lease = VehicleLease(self._hospital, vehicle, self._holder)
        return Peer(
            public,
            VehicleInbound(self._hospital, vehicle),
            VehicleOutbound(self._hospital, vehicle, lease),
            VehicleSessions(self._hospital, vehicle, (session,)),
            on_keys=lambda statements: follow(self._hospital, vehicle, statements),
            on_renewal=lambda body: msgspec.json.encode(renewed(self._hospital, body)),
            lease=lease,
        )

    def _end_void_sessions(self) -> bool:
        """A new epoch voids every session (sync rule 3), a revocation ends that vehicle's; whether there was one."""
        epoch, revoked = self._hospital.log.current(), self._hospital.log.revoked()
        now = self._hospital.clock.monotonic_s()
        for vehicle in sorted(revoked - self._revoked):
            self.station.forget(VehicleId(vehicle), now)
        if epoch != self._epoch:
            self.station.void_all_but(epoch, now)
        is_new = (epoch, revoked) != (self._epoch, self._revoked)
        self._epoch, self._revoked = epoch, revoked
        return is_new


def run_worker(directory: Path, name: str) -> None:
    """Run the post called `name` until SIGTERM or SIGINT.

    Raises:
        ConfigError: no such post, or the broker does not share although the post does.
        StoreError: the database is not there, or ended; whoever supervises starts this worker again.
    """
    with open_hospital(directory) as hospital:
        asyncio.run(_run(hospital, post_of(name, hospital.settings)))


async def _run(hospital: Hospital, post: Post) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    broker = hospital_broker(hospital, post.user, receive_maximum=post.receive_maximum)
    link = MqttLink(broker)
    ready = hospital.folder.run / f"{post.name}.ready"
    ready.unlink(missing_ok=True)
    if post.is_shared:
        await _probe(post.duty_now(hospital.folder).group, lambda: MqttLink(broker), stop)
    try:
        seat = await _seat(hospital, post, ready, stop)
        if seat is not None:
            with seat:
                await _serve(hospital, post, link, ready, stop)
    finally:
        ready.unlink(missing_ok=True)


async def _seat(
    hospital: Hospital, post: Post, ready: Path, stop: asyncio.Event
) -> AbstractContextManager[object] | None:
    """What `post` needs to be at work; who stands by is as ready as who is. None where `stop` came first."""
    seats = hospital.settings.seats or seats_here()

    def stand_by() -> None:
        _logger.info("%s stands by: this machine's %d seats are taken", post.name, seats)
        _note_ready(ready)

    return await seated(hospital.folder.run, seats, stop, stand_by) if post.takes_a_seat else nullcontext()


async def _serve(hospital: Hospital, post: Post, link: MqttLink, ready: Path, stop: asyncio.Event) -> None:
    """Be at work until `stop`."""
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(1, "intake") as executor, ThreadPoolExecutor(1, "aside") as aside:
        intake = Intake(hospital, post.duty_now(hospital.folder), aside.submit)
        await loop.run_in_executor(executor, intake.sweep)
        serving = asyncio.create_task(run_station(intake.station, link, stop, executor))
        serving.add_done_callback(lambda _task: stop.set())

        def look() -> bool:
            duty = post.duty_now(hospital.folder)
            if duty != intake.station.duty:
                intake.station.connect_anew(duty)
            return intake.look()

        while not stop.is_set():
            if await _watched(loop.run_in_executor(executor, look)):
                link.wake()
            if await _watched(loop.run_in_executor(executor, lambda: intake.has_old_keys)):
                stop.set()
            if link.is_up:
                _note_ready(ready)
            await _send_news(lambda: loop.run_in_executor(executor, intake.has_news), link.wake, stop)
        try:
            await serving
        finally:
            intake.close()


def _note_ready(ready: Path) -> None:
    """Say that this worker is there, once."""
    if not ready.exists():
        ready.write_text(f"{os.getpid()}\n", encoding="ascii")


async def _send_news(
    has_news: Callable[[], asyncio.Future[bool]], wake: Callable[[], None], stop: asyncio.Event
) -> None:
    """Until the next look at everything else."""
    for _ in range(round(LOOK_EVERY_S / NEWS_EVERY_S)):
        await _stopped_within(stop, NEWS_EVERY_S)
        if not stop.is_set() and await _watched(has_news()):
            wake()


async def _probe(group: str, connect: Callable[[], MqttLink], stop: asyncio.Event) -> None:
    """Wait until the broker is there and shares.

    Raises:
        ConfigError: it is there and does not.
    """
    while not stop.is_set():
        try:
            await probe_sharing(connect, group)
        except Offline as error:
            _logger.info("%s", error)
            await _stopped_within(stop, LOOK_EVERY_S)
        except AccessError as error:  # a new user the broker learns of in a moment, or a broker that shares nothing
            _logger.warning("%s", error)
            await _stopped_within(stop, ASK_AGAIN_S)
        else:
            return


async def _watched(look: asyncio.Future[T]) -> T:
    """The result, unless the thread of the stores hangs: then this process is over, and with it its connection."""
    try:
        async with asyncio.timeout(WATCHDOG_S):
            return await asyncio.shield(look)
    except TimeoutError:
        _logger.critical("the stores did not answer in %g s: this worker ends", WATCHDOG_S)
        os._exit(70)  # sysexits.h: EX_SOFTWARE; a thread that hangs would hold up any other end


async def _stopped_within(stop: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()


def main(directory: Path, name: str) -> int:
    """The process; returns its exit code."""
    try:
        run_worker(directory, name)
    except ClinicError as error:
        print(f"{name}: {error} ({error.hint.en})", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2]))
