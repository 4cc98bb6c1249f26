"""A row's simulator and its driver at the two ends of one wire, and what came of it."""

import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Final

from clinic_records.clock import Stamp
from clinic_records.errors import BadFrame, DeviceUnavailable
from clinic_records.ids import DeviceId
from clinic_records.reading import Reading
from devices.catalog import DeviceType
from devices.delivery import of_frame
from devices.framing.base import Frame
from devices.interpret import interpret
from devices.pump import pump
from devices.registry import load, make_driver
from devices.transports.base import Transport
from devices.transports.tcp import TcpTransport

Item = Frame | BadFrame
_PATIENCE_S: Final = 10.0


class Shaken:
    """The vehicle's end of a wire on a road.

    Attributes:
        said: every byte that came through.
    """

    def __init__(self, wire: Transport, *, noise: bytes = b"", piece: int = 65_536, cut_after: int = 1 << 40) -> None:
        """Perhaps noise before the first byte, at most `piece` bytes a read, cut after `cut_after` bytes."""
        self._wire, self._held, self._piece, self._left = wire, noise, piece, cut_after
        self.said = bytearray()

    def read(self, timeout_s: float) -> bytes:
        """What came; see Transport."""
        if not self._held:
            self._held = self._wire.read(timeout_s)
        data, self._held = self._held[: self._piece], self._held[self._piece :]
        self.said += data
        if len(self.said) > self._left:
            raise DeviceUnavailable("shaken loose")
        return data

    def write(self, data: bytes) -> None:
        """Send; see Transport."""
        self._wire.write(data)

    def close(self) -> None:
        """Let go."""
        self._wire.close()


def play(row: DeviceType, shake: Callable[[Transport], Shaken] = Shaken) -> tuple[list[Item], Shaken]:
    """What the driver of `row` handed over while its simulator played once, and the wire they spoke over.

    Raises:
        Exception: whatever broke the simulator.
    """
    ours, theirs = socket.socketpair()
    for end in (ours, theirs):
        end.settimeout(_PATIENCE_S)
    stop = Event()
    device, wire = TcpTransport(theirs, "device"), shake(TcpTransport(ours, "vehicle"))
    items: list[Item] = []
    with ThreadPoolExecutor(1) as pool:
        playing = pool.submit(_simulate, row, device, stop)
        try:
            with suppress(DeviceUnavailable):  # the device fell silent and was unplugged
                pump(wire, make_driver(row.driver, lambda: datetime.now(UTC)), items.append, Event())
        finally:
            stop.set()
            wire.close()
        playing.result(_PATIENCE_S)
    return items, wire


def _simulate(row: DeviceType, device: Transport, stop: Event) -> None:
    try:
        with suppress(DeviceUnavailable):
            load(row.simulator)(device, stop)
    finally:
        device.close()


def readings_of(row: DeviceType, items: list[Item], folder: Path) -> list[Reading]:
    """The readings of every whole frame; `folder` holds the raw bytes while they are read."""
    found: list[Reading] = []
    for item in items:
        if isinstance(item, Frame):
            raw = folder / "raw"
            raw.write_bytes(item.raw)
            stamp = Stamp(datetime.now(UTC))
            found += interpret(of_frame(item, device=DeviceId("d1"), driver=row.driver, stamp=stamp), raw)
    return found
