"""A Health o meter Pro Plus scale weighing once: the example of its manual, page 35."""

from threading import Event

from devices.transports.base import Transport

PACKET = b"\x1bR\x1bI1234567890\x1bW90.98\x1bH178.70\x1bT5.70\x1bB28.5\x1bNm\x1bE"


def simulate(wire: Transport, stop: Event) -> None:
    """One weighing."""
    del stop
    wire.write(PACKET)
