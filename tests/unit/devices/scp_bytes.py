"""The smallest SCP-ECG record our framing takes, explained byte by byte."""

import struct
from binascii import crc_hqx


def scp_bytes(body: bytes = b"") -> bytes:
    """CRC u16 | length u32 | section 0: CRC u16 (not compared), id 0, length, versions, SCPECG, pointers."""
    pointers = bytes(120)
    section0 = struct.pack("<HHIBB6s", 0xFFFF, 0, 16 + len(pointers), 20, 20, b"SCPECG") + pointers
    rest = struct.pack("<I", 6 + len(section0) + len(body)) + section0 + body
    return struct.pack("<H", crc_hqx(rest, 0xFFFF)) + rest
