"""Packets of LifeScan meters: 02, length of all, link control, message, 03, CRC.

The CRC is CRC-CCITT (0x1021, start FFFF) over all before it, low byte first. Link control is used by the UltraEasy
only: 01 sequence sent, 02 sequence expected, 04 acknowledgement, 08 disconnect, 10 more; with others it is 0. Source:
protocols.glucometers.tech, LifeScan shared binary protocol; glucometerutils (MIT) and the bytes of its tests.
"""

from binascii import crc_hqx
from typing import Final

SEQUENCE_SENT, SEQUENCE_EXPECTED, ACKNOWLEDGE, DISCONNECT = 0x01, 0x02, 0x04, 0x08
FRAME_SIZE: Final = 6
"""Bytes of a packet beside its message."""
MAX_PACKET: Final = 64
"""Bytes; the longest message known has 20."""
_START, _END = 0x02, 0x03


def packet(message: bytes, link: int = 0) -> bytes:
    """A whole packet."""
    body = bytes((_START, FRAME_SIZE + len(message), link)) + message + bytes((_END,))
    return body + crc_hqx(body, 0xFFFF).to_bytes(2, "little")


def is_packet(raw: bytes | bytearray) -> bool:
    """Whether the bytes are one whole packet."""
    if not FRAME_SIZE <= len(raw) <= MAX_PACKET or raw[0] != _START or raw[1] != len(raw) or raw[-3] != _END:
        return False
    return crc_hqx(bytes(raw[:-2]), 0xFFFF) == int.from_bytes(raw[-2:], "little")


def message_of(raw: bytes) -> bytes:
    """The message of a whole packet."""
    return raw[3:-3]


def messages(raw: bytes, *sizes: int) -> tuple[bytes, ...]:
    """The messages of packets that follow each other, if their messages have `sizes` bytes; else none."""
    found, at = [], 0
    for size in sizes:
        part = raw[at : at + FRAME_SIZE + size]
        if len(part) != FRAME_SIZE + size or not is_packet(part):
            return ()
        found.append(message_of(part))
        at += len(part)
    return tuple(found) if at == len(raw) else ()
