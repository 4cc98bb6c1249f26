"""One thread for each device on a line: open, listen, make durable, answer; the only owner of its reconnects."""

import random
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Final

import msgspec
import structlog

from clinic_records.clock import Clock, Stamp
from clinic_records.errors import BadFrame, ClinicError, ConfigError, DeviceError, StoreError
from devices.delivery import of_frame
from devices.driver import Driver
from devices.framing.base import Frame
from devices.pump import pump
from devices.registry import make_driver
from devices.transports.open import open_transport
from vehicle_agent.store.inbox import Inbox
from vehicle_agent.visits.roster import FAULT, IDLE, NOT_CONNECTED, Device, DeviceState

FIRST_WAIT_S: Final = 0.5
LONGEST_WAIT_S: Final = 15.0
"""Between two tries to open a line: doubled each time, with up to half of it at random, so that devices behind one
USB hub do not all come back at the same moment."""

_log = structlog.get_logger(__name__)


class SerialLine:
    """Keeps one device connected until stopped."""

    def __init__(
        self,
        device: Device,
        inbox: Inbox,
        clock: Clock,
        *,
        report: Callable[[Device, DeviceState], None],
        delivered: Callable[[], None],
        present: Callable[[Device, Frame | BadFrame], None],
    ) -> None:
        """`report`, `delivered` and `present` are called in this line's thread; `present` takes cards and codes."""
        self._device = device
        self._inbox = inbox
        self._clock = clock
        self._report = report
        self._delivered = delivered
        self._present = present
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"line-{device.id}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, after what is in hand is durable."""
        self._stop.set()
        self._thread.join(timeout=5.0)

    def _run(self) -> None:
        wait_s = FIRST_WAIT_S
        while not self._stop.is_set():
            started = time.monotonic()
            try:
                self._serve_once()
            except ConfigError as error:
                self._report(self._device, DeviceState(FAULT, f"设置有误：{error}", f"wrong setting: {error}"))
                return
            except DeviceError as error:
                self._report(self._device, DeviceState(NOT_CONNECTED, error.hint.zh, error.hint.en))
                _log.info("line.cut", device=self._device.id, error=str(error))
            except StoreError as error:
                self._report(self._device, DeviceState(FAULT, error.hint.zh, error.hint.en))
                _log.error("line.not_kept", device=self._device.id, error=str(error))
            except Exception as error:  # noqa: BLE001  one device's trouble, whatever it is, is shown and tried again
                self._report(self._device, DeviceState(FAULT, ClinicError.default_hint.zh, ClinicError.default_hint.en))
                _log.error("line.failed", device=self._device.id, error=type(error).__name__)
            if time.monotonic() - started > LONGEST_WAIT_S:
                wait_s = FIRST_WAIT_S
            self._stop.wait(wait_s * random.uniform(0.5, 1.0))  # noqa: S311  jitter, no secret
            wait_s = min(wait_s * 2, LONGEST_WAIT_S)

    def _serve_once(self) -> None:
        driver = make_driver(self._device.driver, self._clock.now)
        transport = open_transport(self._device.url)
        try:
            self._report(self._device, DeviceState(IDLE))
            _log.info("line.open", device=self._device.id)
            pump(transport, driver, partial(self._take, driver), self._stop)
        finally:
            transport.close()

    def _take(self, driver: Driver, item: Frame | BadFrame) -> None:
        if self._device.subject == "identity":  # memory only: it names a person and nobody is told yes
            self._present(self._device, item)
            return
        clock = self._clock
        stamp = Stamp(clock.now(), device_offset_ms=driver.clock_offset_ms, clock_doubtful=clock.is_doubtful)
        delivery = of_frame(
            item, device=self._device.id, driver=self._device.driver, stamp=stamp, peer=self._device.url
        )
        ticket = self._inbox.deliver(msgspec.json.encode(delivery), item.raw)
        _log.info("line.delivered", device=self._device.id, ticket=ticket, size=len(item.raw), fault=delivery.fault)
        self._delivered()
