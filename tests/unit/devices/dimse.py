"""Command sets and P-DATA items, written as the standard has them (PS3.7, section 6.3.1; PS3.8, table 9-23)."""

import struct

US = "1.2.840.10008.5.1.4.1.1.6.1"


def element(number: int, value: bytes) -> bytes:
    return struct.pack("<HHL", 0, number, len(value)) + value


def command(field: int = 1, *, data: int = 1, instance: bytes = b"1.2.3\0") -> bytes:
    """A command set as PS3.7, table 9.3-1 has it."""
    return b"".join(
        (
            element(0x0002, US.encode() + b"\0"),
            element(0x0100, field.to_bytes(2, "little")),
            element(0x0110, (7).to_bytes(2, "little")),
            element(0x0800, (data if data != 0 else 0x0101).to_bytes(2, "little")),
            element(0x1000, instance),
        )
    )


def item(control: int, data: bytes, context: int = 3) -> bytes:
    return struct.pack(">LBB", len(data) + 2, context, control) + data
