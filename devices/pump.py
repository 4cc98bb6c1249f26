"""Moves the bytes between an open wire and a driver, until told to stop or the wire is cut."""

from collections.abc import Callable
from threading import Event
from typing import Final

from clinic_records.errors import BadFrame, DeviceError
from devices.driver import Driver
from devices.framing.base import Frame
from devices.transports.base import Transport

STOP_CHECK_S: Final = 0.25
"""Longest wait between two looks at `stop`."""


def pump(transport: Transport, driver: Driver, take: Callable[[Frame | BadFrame], None], stop: Event) -> None:
    """Run one connection in this thread.

    Args:
        transport: open; it stays open.
        driver: made for this connection.
        take: makes a frame with `deliver`, or a BadFrame, durable; it returns only then, and what it raises ends
            the connection before the device is told yes.
        stop: ends the connection.

    Raises:
        DeviceError: the wire was cut; all that came before the cut was taken first, the half message too.
    """
    framing = driver.framing()
    _send(transport, driver.greeting())
    silent_s = 0.0
    wait_s = min(driver.idle_s, STOP_CHECK_S)
    while not stop.is_set():
        try:
            data = transport.read(wait_s)
            if data:
                silent_s = 0.0
                _hand_over(framing.feed(data), transport, driver, take)
                continue
            silent_s += wait_s
            if silent_s >= driver.idle_s:
                silent_s = 0.0
                _hand_over(framing.idle(), transport, driver, take)
                _send(transport, driver.on_idle())
        except DeviceError:
            _hand_over(framing.idle(), transport, driver, take, is_cut=True)
            raise
    _hand_over(framing.idle(), transport, driver, take, is_cut=True)


def _hand_over(
    items: list[Frame | BadFrame],
    transport: Transport,
    driver: Driver,
    take: Callable[[Frame | BadFrame], None],
    *,
    is_cut: bool = False,
) -> None:
    """Take every item, and answer it while somebody listens; raises DeviceError after the last where nobody did."""
    cut: DeviceError | None = None
    for item in items:
        if isinstance(item, BadFrame):
            take(item)
            continue
        if item.device_clock is not None:
            driver.saw_clock(item.device_clock)
        if item.deliver:
            take(item)
        reply = driver.answer(item)
        if is_cut or cut is not None:
            continue
        try:
            _send(transport, reply)
        except DeviceError as error:
            cut = error
    if cut is not None:
        raise cut


def _send(transport: Transport, data: bytes) -> None:
    if data:
        transport.write(data)
