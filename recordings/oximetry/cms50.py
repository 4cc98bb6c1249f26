"""Contec CMS50 of the first generation (CMS50D+ up to firmware 4.5, CMS50E): packets of 5 bytes, 60 a second.

Only the first byte has its top bit set. Byte 1: signal strength (low 4 bits), 10 finger out, 20 saturation falling, 40
beep. Byte 2: curve. Byte 3: bar graph (low 4 bits), 10 probe error, 20 searching, 40 bit 7 of the pulse rate. Byte 4:
bits 6 to 0 of the pulse rate. Byte 5: saturation. 19200 8O1. There is no checksum: a packet counts when the top bits of
its bytes are right and a first byte follows it.

Source: atbrask/CMS50Dplus, cms50dplus.py (found with the device) and its unit tests.
"""

from typing import Final

from recordings.oximetry.packet import LOW_SIGNAL, SEARCHING, Packet, are_values, begins

FORMAT: Final = "cms50"
MEDIA_TYPE: Final = "application/vnd.contec.cms50-span"
PACKET_SIZE: Final = 5
PLETH_HZ: Final = 60.0
_TOP: Final = 0x80
_FINGER_OUT, _STRENGTH = 0x10, 0x0F
_PROBE_ERROR, _SEARCHING, _PULSE_BIT_7 = 0x10, 0x20, 0x40
_WEAK: Final = 3
"""Bars of 15 and fewer are called a low signal; our choice, nobody documents one."""


def cut(stream: bytes | bytearray, is_over: bool) -> tuple[int, Packet | None]:
    """The packet at the start of `stream`; see `packet.Cut`."""
    if not stream[0] & _TOP:
        return next((at for at, byte in enumerate(stream) if byte & _TOP), len(stream)), None
    end = next((at for at in range(1, min(len(stream), PACKET_SIZE + 1)) if stream[at] & _TOP), 0)
    if end == PACKET_SIZE or (is_over and not end and len(stream) == PACKET_SIZE):
        return PACKET_SIZE, _packet(stream)
    if end:
        return end, None
    if len(stream) > PACKET_SIZE or is_over:
        return min(len(stream), PACKET_SIZE + 1), None
    return 0, None


def is_part(raw: bytes) -> bool:
    """Whether the bytes can be the end or the beginning of a packet."""
    return len(raw) < PACKET_SIZE and not any(byte & _TOP for byte in raw[1:])


def looks_like_cms50(raw: bytes) -> bool:
    """Whether the bytes begin with a second of packets."""
    return bool(raw) and bool(raw[0] & _TOP) and begins(raw, cut, 60)


def _packet(raw: bytes | bytearray) -> Packet:
    pulse = (raw[2] & _PULSE_BIT_7) << 1 | raw[3]
    spo2 = raw[4]
    is_finger_in = not (raw[0] & _FINGER_OUT or raw[2] & _PROBE_ERROR)
    is_searching = bool(raw[2] & _SEARCHING)
    marks = ((SEARCHING, is_searching), (LOW_SIGNAL, raw[0] & _STRENGTH <= _WEAK))
    return Packet(
        seconds=1 / PLETH_HZ,
        is_finger_in=is_finger_in,
        is_good=is_finger_in and not is_searching and are_values(spo2, pulse) and pulse < 255,
        spo2=spo2,
        pulse=pulse,
        pleth=(raw[1],),
        marks=frozenset(mark for mark, is_so in marks if is_so),
    )


def encode_packet(*, pulse: int, spo2: int, pleth: int, strength: int = 8, is_finger_out: bool = False) -> bytes:
    """One packet, for the simulator and the tests."""
    first = _TOP | strength | (_FINGER_OUT if is_finger_out else 0)
    return bytes((first, pleth & 0x7F, (pulse & 0x80) >> 1, pulse & 0x7F, spo2))
