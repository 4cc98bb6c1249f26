"""A heel ultrasound densitometer that exports one measurement as a table."""

from threading import Event

from devices.transports.base import Transport

TABLE = (
    "Patient ID,Name,Time,SOS (m/s),BUA (dB/MHz),T-score,Z-score\r\n"
    "P0001,王秀英,2026-11-23 08:41:05,1524.3,71.2,-2.1,-0.4\r\n"
)


def simulate(wire: Transport, stop: Event) -> None:
    """One file."""
    del stop
    wire.write(TABLE.encode("gb18030"))
