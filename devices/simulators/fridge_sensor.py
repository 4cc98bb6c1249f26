"""An XY-MD02 sensor in a refrigerator that answers what it is asked."""

from threading import Event

from devices.framing.modbus import READ_INPUT, rtu_frame
from devices.transports.base import Transport
from devices.vehicle.fridge import ADDRESS, QUESTION


def answer(tenths_celsius: int, tenths_percent: int = 455) -> bytes:
    """The answer with both registers."""
    registers = tenths_celsius.to_bytes(2, "big", signed=True) + tenths_percent.to_bytes(2, "big")
    return rtu_frame(bytes((ADDRESS, READ_INPUT, len(registers))) + registers)


def simulate(wire: Transport, stop: Event) -> None:
    """One answer, 4.2 degrees, to one question."""
    asked = b""
    while not stop.is_set():
        asked = (asked + wire.read(0.05))[-len(QUESTION) :]
        if asked == QUESTION:
            wire.write(answer(42))
            return
