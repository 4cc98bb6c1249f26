"""A row's simulator and its driver at the two ends of one wire, and what came of it."""

import socket
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread

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


class Shaken:
    """The vehicle's end: perhaps noise before the first byte, so many bytes a read, cut after so many."""

    def __init__(self, wire: Transport, *, noise: bytes = b"", piece: int = 65_536, cut_after: int = 1 << 40) -> None:
        self._wire, self._held, self._piece, self._left = wire, noise, piece, cut_after
        self.seen = 0

    def read(self, timeout_s: float) -> bytes:
        if not self._held:
            self._held = self._wire.read(timeout_s)
        data, self._held = self._held[: self._piece], self._held[self._piece :]
        self.seen += len(data)
        if self.seen > self._left:
            raise DeviceUnavailable("shaken loose")
        return data

    def write(self, data: bytes) -> None:
        self._wire.write(data)

    def close(self) -> None:
        self._wire.close()


def play(row: DeviceType, shake: Callable[[Transport], Shaken] = Shaken) -> tuple[list[Item], Shaken]:
    """What the driver handed over while the simulator played once."""
    ours, theirs = socket.socketpair()
    for end in (ours, theirs):
        end.settimeout(10)
    stop = Event()
    device, wire = TcpTransport(theirs, "device"), shake(TcpTransport(ours, "vehicle"))
    trouble: list[BaseException] = []

    def run() -> None:
        try:
            load(row.simulator)(device, stop)
        except DeviceUnavailable:
            pass
        except BaseException as error:  # noqa: BLE001  told by the assertion below
            trouble.append(error)
        finally:
            device.close()

    thread = Thread(target=run)
    thread.start()
    items: list[Item] = []
    try:
        pump(wire, make_driver(row.driver, lambda: datetime.now(UTC)), items.append, Event())
    except DeviceUnavailable:
        pass
    finally:
        stop.set()
        wire.close()
        thread.join(10)
    assert not trouble, trouble
    return items, wire


def readings_of(row: DeviceType, items: list[Item], folder: Path) -> list[Reading]:
    """The readings of everything that was whole."""
    found: list[Reading] = []
    for item in items:
        if isinstance(item, Frame):
            raw = folder / "raw"
            raw.write_bytes(item.raw)
            stamp = Stamp(datetime.now(UTC))
            found += interpret(of_frame(item, device=DeviceId("d1"), driver=row.driver, stamp=stamp), raw)
    return found
