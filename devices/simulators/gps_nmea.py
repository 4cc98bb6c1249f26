"""A satellite receiver on the road: no fix, then a fix a second."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from threading import Event

from devices.transports.base import Transport

START = datetime(2026, 11, 23, 0, 30, tzinfo=UTC)


def sentence(body: str) -> bytes:
    """`body` with its frame and check."""
    check = 0
    for byte in body.encode("ascii"):
        check ^= byte
    return f"${body}*{check:02X}\r\n".encode("ascii")


def fix(
    at: datetime, *, latitude: str = "2758.5600", longitude: str = "11934.3200", knots: str = "0.0", status: str = "A"
) -> bytes:
    """The sentences of one second: RMC, GGA, GSA and GSV as receivers send them, and the time."""
    time, day = f"{at:%H%M%S}.00", f"{at:%d%m%y}"
    mode = "A" if status == "A" else "N"
    return b"".join(
        sentence(body)
        for body in (
            f"GNRMC,{time},{status},{latitude},N,{longitude},E,{knots},84.4,{day},,,{mode}",
            f"GNGGA,{time},{latitude},N,{longitude},E,{int(status == 'A')},09,1.1,214.6,M,8.1,M,,",
            "GNGSA,A,3,02,05,12,,,,,,,,,,1.9,1.1,1.6",
            "BDGSV,1,1,02,01,45,121,38,06,12,203,30",
            f"GNZDA,{time},{at:%d,%m,%Y},00,00",
        )
    )


def drive() -> Iterator[bytes]:
    """One second without a fix, then three with one."""
    yield fix(START, status="V")
    for second in range(1, 4):
        yield fix(START + timedelta(seconds=second))


def simulate(wire: Transport, stop: Event) -> None:
    """The first seconds after the ignition was turned on."""
    for second in drive():
        if stop.is_set():
            return
        wire.write(second)
