"""A mini VIDAS and a Spotchem EL that send one sample's results; layouts as captured, values invented."""

from datetime import UTC, datetime
from threading import Event

from clinic_records.clock import CHINA
from devices.transports.base import Transport
from recordings.laboratory.mini_vidas import GS, RS, STX, checksum


def vidas_message(sample: str = "S-0001", taken: datetime | None = None) -> bytes:
    """One test with its verdict."""
    when = (taken or datetime.now(UTC)).astimezone(CHINA)
    fields = (
        "mtrsl", "pi", "pn", "si", f"ci{sample}", "rtHBCT", "rnAnti-HBc Total II", f"tt{when:%H:%M}",
        f"td{when:%m/%d/%y}", "qlNegative", "qn1.62",
    )  # fmt: skip
    body = "".join(f"{RS}{field}|" for field in fields).encode() + GS
    return STX + body + checksum(body)


def spotchem_message(sample: str = "S-0001", taken: datetime | None = None) -> bytes:
    """Three electrolytes."""
    when = (taken or datetime.now(UTC)).astimezone(CHINA)
    results = "".join(f"{name:<10}{value:>5}  mmol/L " for name, value in (("Na", "139"), ("K", "4.1"), ("Cl", "102")))
    return STX + f"{when:%y/%m/%d %H:%M} ID# {sample:<11}[B. Plasma] {results}".encode() + b"\x03"


def simulate_mini_vidas(wire: Transport, stop: Event) -> None:
    """One sample."""
    del stop
    wire.write(vidas_message())


def simulate_spotchem_el(wire: Transport, stop: Event) -> None:
    """One sample."""
    del stop
    wire.write(spotchem_message())
