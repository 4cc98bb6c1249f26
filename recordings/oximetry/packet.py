"""Packets of pulse oximeters in a stream: what the line's framing and the decoders share, without any heavy library."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

LOW_PERFUSION: Final = "low-perfusion"
ARTIFACT: Final = "artifact"
SEARCHING: Final = "pulse-search"
LOW_SIGNAL: Final = "low-signal"
INTERFERENCE: Final = "interference"


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet, whatever the device calls it.

    Attributes:
        seconds: the time it stands for.
        is_finger_in: the device sees a finger.
        is_good: the device itself holds its values for valid, and they are there.
        spo2, pulse: % and beats a minute; None where the device says that it has none.
        perfusion_index: %.
        pleth: samples 0..full scale of the device, in order.
        marks: what the device finds wrong, in words of this module.
        time: by the device's own clock, where it tells it.
    """

    seconds: float
    is_finger_in: bool
    is_good: bool
    spo2: int | None
    pulse: int | None
    perfusion_index: Decimal | None = None
    pleth: tuple[int, ...] = ()
    marks: frozenset[str] = frozenset()
    time: datetime | None = None


Cut = Callable[[bytes | bytearray, bool], tuple[int, Packet | None]]
"""(stream from here on, nothing more will come) -> (bytes, the packet they are); None: bytes that are no packet;
0 bytes: more are needed first, which a cut never says where nothing more will come and bytes are left."""


def are_values(spo2: int | None, pulse: int | None) -> bool:
    """Whether both are there and are numbers that can be shown: 1 to 100 %, above 0 beats."""
    return spo2 is not None and pulse is not None and 0 < spo2 <= 100 and pulse > 0


def walk(raw: bytes, cut: Cut) -> Iterator[tuple[bytes, Packet | None]]:
    """The stream in pieces, none left out: packets, and None for what is none."""
    at, window = 0, 0
    while at < len(raw):
        window = window or 4096
        is_over = at + window >= len(raw)
        size, packet = cut(raw[at : at + window], is_over)
        if not size:
            window *= 2
            continue
        yield raw[at : at + size], packet
        at, window = at + size, 0


def begins(raw: bytes, cut: Cut, count: int) -> bool:
    """Whether the bytes begin with `count` packets, or consist of packets and are at least a second long."""
    seconds = 0.0
    for found, (_, packet) in enumerate(walk(raw, cut), 1):
        if packet is None:
            return False
        seconds += packet.seconds
        if found >= count:
            return True
    return seconds >= 1
