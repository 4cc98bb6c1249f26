"""A hand scanner on a serial line that scans one pack."""

from threading import Event
from typing import Final

from devices.transports.base import Transport

PACK: Final = "]d20106901234567892172712311024A7\x1d21S000017"
"""A GS1 DataMatrix: product 06901234567892, expiry 2027-12-31, lot 24A7, serial S000017; nobody's product."""


def scanned(code: str) -> bytes:
    """What the scanner sends for `code`."""
    return code.encode() + b"\r"


def simulate(wire: Transport, stop: Event) -> None:
    """One scan."""
    del stop
    wire.write(scanned(PACK))
