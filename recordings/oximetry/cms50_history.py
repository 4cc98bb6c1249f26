"""The stored recording of a first-generation Contec CMS50: the answer to F5 F5, one value pair a second.

Three times F2 80 00, then the length in three bytes (7 bits each, highest first, top bit set in the first two only; one
less than the bytes that follow), then points of three bytes: F0 with bit 7 of the pulse rate, 80 with its bits 6 to 0,
saturation. A pair of zeros is a second without a value. The device tells no time.

Source: atbrask/CMS50Dplus, cms50dplus.py (found with the device).
"""

from typing import Final

FORMAT: Final = "cms50-history"
MEDIA_TYPE: Final = "application/vnd.contec.cms50-history"
PREAMBLE: Final = b"\xf2\x80\x00" * 3
HEAD_SIZE: Final = len(PREAMBLE) + 3
POINT_SIZE: Final = 3
MAX_POINTS: Final = 100_000
"""The device holds 24 hours, 86,400 seconds."""


def history_size(head: bytes | bytearray) -> int:
    """Bytes of the whole answer that starts with `head`, of which at least HEAD_SIZE are there; 0 where it is none."""
    a, b, c = head[len(PREAMBLE) : HEAD_SIZE]
    length = ((a & 0x7F) << 14 | (b & 0x7F) << 7 | c) + 1
    is_head = head[: len(PREAMBLE)] == PREAMBLE and a & 0x80 and b & 0x80 and not c & 0x80
    if not is_head or length % POINT_SIZE or length > MAX_POINTS * POINT_SIZE:
        return 0
    return HEAD_SIZE + length


def looks_like_history(raw: bytes) -> bool:
    """Whether the bytes begin with the preamble."""
    return raw.startswith(PREAMBLE)


def encode_history(points: list[tuple[int, int]]) -> bytes:
    """The answer that holds `points` of (pulse rate, saturation), at least one; for the simulator and the tests."""
    length = len(points) * POINT_SIZE - 1
    head = bytes((0x80 | length >> 14, 0x80 | length >> 7 & 0x7F, length & 0x7F))
    return PREAMBLE + head + b"".join(bytes((0xF0 | rate >> 7, 0x80 | rate & 0x7F, spo2)) for rate, spo2 in points)
