"""Answers of one Modbus RTU device to "read input registers" (MODBUS over Serial Line 1.02, 2.5.1; function 04).

Address, 04, number of bytes, registers big-endian, CRC low byte first; or address, 84, exception code, CRC. There is no
start mark: an answer is bytes of the one length we asked for whose CRC fits.
"""

from collections.abc import Callable
from typing import Final

from clinic_records.errors import BadFrame
from devices.framing.base import Frame

READ_INPUT: Final = 0x04
EXCEPTION: Final = 0x80
"""Added to the function code of an answer that refuses."""
_EXCEPTION_SIZE: Final = 5
_MAX_GARBAGE: Final = 512
"""Bytes of garbage handed over at once; the largest RTU frame has 256."""


def crc16(data: bytes) -> bytes:
    """The CRC of a frame, low byte first (the same document, appendix B: start FFFF, polynomial A001 reflected)."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return crc.to_bytes(2, "little")


def rtu_frame(content: bytes) -> bytes:
    """`content` with its CRC."""
    return content + crc16(content)


def is_whole(raw: bytes) -> bool:
    """Whether the CRC fits."""
    return len(raw) > 2 and crc16(raw[:-2]) == raw[-2:]


class ModbusFraming:
    """Finds answers of one address to one question."""

    def __init__(self, address: int, registers: int, frame: Callable[[bytes], Frame]) -> None:
        """`registers` were asked for; `frame` makes the frame of an answer, an exception among them."""
        self._heads = {
            bytes((address, READ_INPUT, 2 * registers)): 2 * registers + 5,
            bytes((address, READ_INPUT + EXCEPTION)): _EXCEPTION_SIZE,
        }
        self._frame = frame
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Frame | BadFrame]:
        """What became complete with `data`."""
        self._buffer += data
        return self._cut(is_over=False)

    def idle(self) -> list[Frame | BadFrame]:
        """Answers behind a false start, and the rest as garbage: a silence ends every Modbus frame."""
        return self._cut(is_over=True)

    def _cut(self, *, is_over: bool) -> list[Frame | BadFrame]:
        items: list[Frame | BadFrame] = []
        at = 0
        while at < len(self._buffer):
            size = self._size_at(at)
            if size and at + size > len(self._buffer) and not is_over:
                break
            if size and is_whole(bytes(self._buffer[at : at + size])):
                self._refuse(at, items)
                items.append(self._frame(bytes(self._buffer[:size])))
                del self._buffer[:size]
                at = 0
            else:
                at += 1
        if is_over or at > _MAX_GARBAGE:
            self._refuse(at, items)
        return items

    def _size_at(self, at: int) -> int:
        """Bytes of the answer that may begin at `at`; 0 where none can."""
        rest = bytes(self._buffer[at : at + 3])
        sizes = (size for head, size in self._heads.items() if head.startswith(rest) or rest.startswith(head))
        return max(sizes, default=0)

    def _refuse(self, size: int, items: list[Frame | BadFrame]) -> None:
        raw = bytes(self._buffer[:size])
        del self._buffer[:size]
        if raw:
            items.append(BadFrame(f"no Modbus answer of this device ({size} bytes kept)", raw=raw))
