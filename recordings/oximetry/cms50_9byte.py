"""Contec CMS50 of the second generation (CMS50D+ from firmware 4.6, CMS50E, CMS50EW): packets of 9 bytes, 60 a second.

Byte 1 is the packet's type, 01 for live values, and the only one without its top bit. Bit n of byte 2 is the top bit of
data byte n (bytes 3 to 9), whose own top bit is always 1. Data: 1 signal strength (low 4 bits; its bit 7 is set while
there is no value), 2 curve, 3 bar graph, 4 pulse rate, 5 saturation, 6 and 7 FF. 115200 8N1.

Sources: captured streams published with headrotor/art-sensors (valid: 01 E0 85 B3 96 C1 E1 FF FF) and
MarkMLl/Contec_cms50dplus (no finger: 01 E1 84 C0 90 80 80 FF FF); tobac/cms50ew. That byte 2 holds the top bits follows
from its bits 5 and 6 beside the two FF, and from the stored records, where they are the top bits of the pulse rate.
There is no checksum.
"""

from typing import Final

from recordings.oximetry.packet import LOW_SIGNAL, Packet, are_values, begins

FORMAT: Final = "cms50-9byte"
MEDIA_TYPE: Final = "application/vnd.contec.cms50-9byte-span"
PACKET_SIZE: Final = 9
PLETH_HZ: Final = 60.0
LIVE: Final = 0x01
_TOP: Final = 0x80
_NO_VALUE, _STRENGTH = 0x80, 0x0F
_WEAK: Final = 1
"""Strengths of at most this are called a low signal; our choice, captured good signals have 5."""


def cut(stream: bytes | bytearray, is_over: bool) -> tuple[int, Packet | None]:
    """The packet of live values at the start of `stream`; see `packet.Cut`."""
    end = next((at for at in range(1, len(stream)) if not stream[at] & _TOP), 0)
    if stream[0] != LIVE or (end or len(stream)) > PACKET_SIZE:
        return end or len(stream), None
    if end == PACKET_SIZE or (is_over and not end and len(stream) == PACKET_SIZE):
        return PACKET_SIZE, _packet(stream)
    if end:
        return end, None
    return (len(stream), None) if is_over else (0, None)


def is_part(raw: bytes) -> bool:
    """Whether the bytes can be the end or the beginning of a packet."""
    marks = [bool(byte & _TOP) for byte in raw]
    return len(raw) < PACKET_SIZE and all(marks[1:]) and (marks[0] or raw[0] == LIVE)


def looks_like_cms50_9byte(raw: bytes) -> bool:
    """Whether the bytes begin with a second of packets."""
    return raw[:1] == bytes((LIVE,)) and begins(raw, cut, 60)


def _packet(raw: bytes | bytearray) -> Packet:
    data = [raw[2 + place] & 0x7F | (raw[1] >> place & 1) << 7 for place in range(PACKET_SIZE - 2)]
    strength, curve, _, pulse, spo2 = data[:5]
    has_value = not strength & _NO_VALUE and are_values(spo2, pulse)
    return Packet(
        seconds=1 / PLETH_HZ,
        is_finger_in=has_value,
        is_good=has_value and pulse < 255,
        spo2=spo2,
        pulse=pulse,
        pleth=(curve & 0x7F,),
        marks=frozenset({LOW_SIGNAL} if strength & _STRENGTH <= _WEAK else ()),
    )


def encode_packet(*, pulse: int, spo2: int, pleth: int, strength: int = 5) -> bytes:
    """One packet, for the simulator and the tests; no finger with `pulse` 0."""
    state = strength | (0 if pulse else _NO_VALUE)
    data = (state, pleth & 0x7F, 0x16, pulse, spo2, 0xFF, 0xFF)
    tops = sum((value >> 7) << place for place, value in enumerate(data))
    return bytes((LIVE, _TOP | tops, *(_TOP | value for value in data)))
