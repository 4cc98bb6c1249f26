"""Binds a courier or a station to an MqttLink: connect, poll, publish, listen, reconnect, until told to stop.

The endpoint's code and the stores below it run in one thread of their own, one call at a time, so that an fsync never
holds up the loop that serves the pages.
"""

import asyncio
import contextlib
import logging
import math
import random
import time
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Final, TypeVar

from clinic_records.errors import AccessError, Offline
from sync.backoff import SELDOM_S, Backoff
from sync.courier import VehicleCourier
from sync.endpoint import Endpoint
from sync.mqtt import Message, MqttLink
from sync.station import HospitalStation
from sync.topics import Publish

LOOK_EVERY_S: Final = 1.0
"""Seconds between two looks at the socket's progress while anything is under way."""

_logger = logging.getLogger(__name__)
T = TypeVar("T")


class _Driver:
    """One endpoint on one link."""

    def __init__(self, endpoint: Endpoint, link: MqttLink, stop: asyncio.Event, executor: Executor) -> None:
        self._endpoint = endpoint
        self._link = link
        self._stop = stop
        self._executor = executor
        self._backoff = Backoff(random.Random())  # noqa: S311 - spreads reconnections, guards nothing
        endpoint.wake = link.wake

    async def _call(self, function: Callable[..., T], *arguments: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._executor, function, *arguments)

    async def run(self) -> None:
        """Until `stop`."""
        while not self._stop.is_set():
            if await self._is_stopped_within(self._backoff.next_wait_s(time.monotonic())):
                return
            try:
                await self._link.connect(self._endpoint.filters, self._endpoint.will)
            except Offline as error:
                _logger.debug("%s", error)
                continue
            except AccessError as error:
                _logger.error("%s", error)  # noqa: TRY400 - told, not traced
                await self._call(self._endpoint.on_refused, str(error))
                await self._is_stopped_within(SELDOM_S)
                continue
            self._backoff.connected()
            try:
                await self._call(self._endpoint.on_connected, time.monotonic())
                await self._serve()
            finally:
                self._backoff.lost(time.monotonic())
                if self._stop.is_set() and (will := self._endpoint.will) is not None:
                    self._link.publish(will)
                await self._link.close(is_graceful=self._stop.is_set())
                await self._call(self._endpoint.on_disconnected)

    async def _is_stopped_within(self, seconds: float) -> bool:
        if seconds > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._stop.wait()
        return self._stop.is_set()

    async def _serve(self) -> None:
        """Until the connection is lost, given up, or `stop`."""
        acked = 0
        unacknowledged: list[Message] = []
        while self._link.is_up and not self._stop.is_set():
            self._link.wakeup.clear()
            progress = self._link.bytes_acked()
            messages = self._link.take_messages()
            unacknowledged += messages
            out, wait_s = await self._call(self._step, messages, progress > acked)
            acked = progress
            if not self._endpoint.has_work:  # the broker gives a worker no more than it has done (sync rule 18)
                self._link.acknowledge(unacknowledged)
                unacknowledged.clear()
            for message in out:
                self._link.publish(message)
            if wait_s is None:
                _logger.info("no answer within the time the link explains: connecting anew")
                return
            if wait_s > 0:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(None if wait_s == math.inf else wait_s):
                        await self._link.wakeup.wait()

    def _step(self, messages: list[Message], is_moving: bool) -> tuple[list[Publish], float | None]:
        """Hear, poll; what to publish, and the seconds until the next step: None gives the connection up."""
        endpoint, now = self._endpoint, time.monotonic()
        if is_moving:
            endpoint.note_progress(now)
        for message in messages:
            endpoint.on_message(message.topic, message.payload, now, waited_s=max(0.0, now - message.at))
        if endpoint.is_stalled(now):
            return [], None
        out = endpoint.poll(time.monotonic())  # a receipt's fsync has come between
        if endpoint.has_work:
            return out, 0.0
        wakeup = endpoint.next_wakeup()
        return out, math.inf if wakeup is None else min(LOOK_EVERY_S, max(0.0, wakeup - time.monotonic()))


async def _run(endpoint: Endpoint, link: MqttLink, stop: asyncio.Event, executor: Executor | None) -> None:
    own = ThreadPoolExecutor(1, "sync") if executor is None else None
    driver = _Driver(endpoint, link, stop, executor or own)  # type: ignore[arg-type]  # one of them is an executor

    async def wake_on_stop() -> None:
        await stop.wait()
        link.wakeup.set()

    watcher = asyncio.create_task(wake_on_stop())
    try:
        await driver.run()
    finally:
        watcher.cancel()
        if own is not None:
            own.shutdown()


async def run_courier(
    courier: VehicleCourier, link: MqttLink, stop: asyncio.Event, executor: Executor | None = None
) -> None:
    """Run a vehicle's courier until `stop`; `executor`, of one thread, is where its stores are called from."""
    await _run(courier, link, stop, executor)


async def run_station(
    station: HospitalStation, link: MqttLink, stop: asyncio.Event, executor: Executor | None = None
) -> None:
    """Run the hospital's station until `stop`; `executor`, of one thread, is where its stores are called from."""
    await _run(station, link, stop, executor)
