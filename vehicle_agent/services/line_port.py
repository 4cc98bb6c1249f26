"""A TCP port that devices on a line protocol call (MLLP, ASTM, IEEE 11073): gate, driver, durable, answer."""

import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

import msgspec
import structlog

from clinic_records.clock import Clock, Stamp
from clinic_records.errors import BadFrame, ConfigError, DeviceError, StoreError
from devices.delivery import of_frame
from devices.driver import Driver
from devices.framing.base import Frame
from devices.pump import pump
from devices.registry import make_driver
from devices.transports.accepted import AcceptedTransport, listen_address
from devices.transports.gate import Caller, Gate, listen
from devices.transports.places import ANY, Limits
from vehicle_agent.store.inbox import Inbox
from vehicle_agent.visits.roster import Device

_LIMITS: Final = Limits(per_address=4)
"""A device has one connection, and for a moment the one it lost as well."""

_log = structlog.get_logger(__name__)


class LinePort:
    """One port and the devices that call it, told apart by their addresses.

    Attributes:
        url: the devices' common one.
    """

    def __init__(
        self, url: str, devices: Sequence[Device], inbox: Inbox, clock: Clock, *, delivered: Callable[[], None]
    ) -> None:
        """Nothing listens yet; `delivered` is called in a caller's own thread.

        Raises:
            ConfigError: the url is none, or two of the devices have one address.
        """
        self._host, self._port = listen_address(url)
        self.url = url
        self._devices = {device.address: device for device in devices}
        if len(self._devices) < len(devices):
            raise ConfigError(f"{url}: several devices call here; give each its own address")
        self._inbox = inbox
        self._clock = clock
        self._delivered = delivered
        self._stop = threading.Event()
        self._gate: Gate | None = None

    def start(self) -> int:
        """Listen; the port bound.

        Raises:
            DeviceUnavailable: the port is taken.
        """
        listening = listen(self._host, self._port)
        port = int(listening.getsockname()[1])
        # an analyser may hold its connection for hours before it speaks; whose address nobody knows may not
        known = self._devices.keys() - {ANY}
        self._gate = Gate(listening, self._serve, allowed=self._devices.keys(), limits=_LIMITS, trusted=known)
        self._gate.start()
        return port

    def stop(self) -> None:
        """Cut all callers; what is in hand is durable before."""
        self._stop.set()
        if self._gate is not None:
            self._gate.stop()

    def _serve(self, caller: Caller) -> None:
        device = self._devices.get(caller.address) or self._devices[ANY]
        driver = make_driver(device.driver, self._clock.now)
        peer = f"{self.url} {caller.address}"
        _log.info("line.open", device=device.id, peer=peer)
        try:
            pump(AcceptedTransport(caller), driver, partial(self._take, device, driver, peer), self._stop)
        except DeviceError as error:
            _log.info("line.cut", device=device.id, error=str(error))
        except StoreError as error:
            _log.error("line.not_kept", device=device.id, error=str(error))

    def _take(self, device: Device, driver: Driver, peer: str, item: Frame | BadFrame) -> None:
        clock = self._clock
        stamp = Stamp(clock.now(), device_offset_ms=driver.clock_offset_ms, clock_doubtful=clock.is_doubtful)
        delivery = of_frame(item, device=device.id, driver=device.driver, stamp=stamp, peer=peer)
        ticket = self._inbox.deliver(msgspec.json.encode(delivery), item.raw)
        _log.info("line.delivered", device=device.id, ticket=ticket, size=len(item.raw), fault=delivery.fault)
        self._delivered()


def line_ports(
    devices: Sequence[Device], inbox: Inbox, clock: Clock, *, delivered: Callable[[], None]
) -> list[LinePort]:
    """One for each url of the devices that call us on a line.

    Raises:
        ConfigError: as LinePort.
    """
    by_url: dict[str, list[Device]] = {}
    for device in devices:
        if device.calls_us and device.url:
            by_url.setdefault(device.url, []).append(device)
    return [LinePort(url, some, inbox, clock, delivered=delivered) for url, some in by_url.items()]
