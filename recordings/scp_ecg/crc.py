"""The checksum of SCP records and sections: CRC-CCITT, polynomial 0x1021, start 0xFFFF, top bit first (SCP 5.2.2)."""

from typing import Final

START: Final = 0xFFFF
NOT_COMPUTED: Final = 0xFFFF
"""A section that carries this value has no checksum; it is not compared."""


def _row(byte: int) -> int:
    value = byte << 8
    for _ in range(8):
        value = (value << 1 ^ 0x1021 if value & 0x8000 else value << 1) & 0xFFFF
    return value


_TABLE: Final = tuple(_row(byte) for byte in range(256))


def crc_ccitt(data: bytes | memoryview, start: int = START) -> int:
    """The 16-bit checksum of `data`."""
    value = start
    table = _TABLE
    for byte in data:
        value = (value << 8 & 0xFFFF) ^ table[value >> 8 ^ byte]
    return value
