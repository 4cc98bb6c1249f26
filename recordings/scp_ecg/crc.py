"""The checksum of SCP records and sections: CRC-CCITT, polynomial 0x1021, start 0xFFFF, top bit first (SCP 5.2.2)."""

from binascii import crc_hqx
from typing import Final

START: Final = 0xFFFF
NOT_COMPUTED: Final = 0xFFFF
"""A section that carries this value has no checksum; it is not compared."""


def crc_ccitt(data: bytes | memoryview, start: int = START) -> int:
    """The 16-bit checksum of `data`; binascii's CRC-HQX is the same polynomial."""
    return crc_hqx(data, start)
