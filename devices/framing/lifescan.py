"""Packets of LifeScan meters in a byte stream; their layout is in recordings.meters.lifescan."""

from typing import Final

from recordings.meters.lifescan import FRAME_SIZE, MAX_PACKET, is_packet

_START: Final = b"\x02"


def cut(stream: bytes | bytearray) -> int:
    """See `PacketFraming`."""
    start = stream.find(_START)
    if start:
        return -start if start > 0 else -len(stream)
    if len(stream) < 2:
        return 0
    size = stream[1]
    if not FRAME_SIZE <= size <= MAX_PACKET:
        return -1
    if len(stream) < size:
        return 0
    return size if is_packet(stream[:size]) else -1
