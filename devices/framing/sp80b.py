"""The Contec SP80B byte stream (from documentation only; layout and source in recordings.spirometry.sp80b_layout).

A message starts with a byte whose top bit is set, its type, and has a length of its own; every further byte has the
top bit clear, so a lost or noisy byte spoils one message and the next type byte starts afresh. Zero bytes between
messages are padding. A result (E1) and the wave (E2) that the host asks for next are one session record.
"""

from collections.abc import Callable, Mapping
from typing import Final

from clinic_records.errors import BadFrame
from devices.framing.base import Frame
from recordings.spirometry.sp80b_layout import (
    MEDIA_TYPE,
    NOTHING_MORE,
    RESULT_SIZE,
    RESULT_TYPE,
    WAVE_FRAME_SIZE,
    WAVE_HEADER_SIZE,
    WAVE_TYPE,
    checksum7,
    get_u14,
)

WORD: Final = "application/vnd.contec.sp80b-message"
"""Media type of one message of the dialogue."""
STARTED: Final = 0xF0
TIME_SET: Final = 0xF3
INFORMATION: Final = 0xF2
PREDICTED: Final = 0xE4
COUNT: Final = 0xE0
RESULT: Final = RESULT_TYPE
WAVE: Final = WAVE_TYPE
DELETED: Final = 0xE3
SIZES: Final[Mapping[int, int]] = {
    STARTED: 2,
    TIME_SET: 3,
    INFORMATION: 8,
    PREDICTED: 23,
    COUNT: 10,
    RESULT: RESULT_SIZE,
    WAVE: WAVE_HEADER_SIZE,  # and the frames its header counts
    DELETED: 3,
}
"""Bytes of each message with its type byte."""
_MAX_GARBAGE: Final = 4096
"""Bytes of garbage handed over at once."""


class Sp80bFraming:
    """Messages of the dialogue as frames with `deliver` False; whole session records as frames to keep."""

    def __init__(self, session_frame: Callable[[bytes], Frame] = lambda raw: Frame(raw, MEDIA_TYPE)) -> None:
        """`session_frame` makes the frame of a whole session record."""
        self._session_frame = session_frame
        self._message = bytearray()
        self._garbage = bytearray()
        self._result = b""

    def feed(self, data: bytes) -> list[Frame | BadFrame]:
        """What became complete with `data`."""
        items: list[Frame | BadFrame] = []
        for byte in data:
            if byte & 0x80:
                self._start(byte, items)
            elif self._message:
                self._message.append(byte)
            elif byte or self._garbage:
                self._garbage.append(byte)
            if self._message and len(self._message) == _size(self._message):
                self._complete(items)
            if len(self._garbage) == _MAX_GARBAGE:
                self._refuse_garbage(items)
        return items

    def idle(self) -> list[Frame | BadFrame]:
        """The half message, the result whose wave never came, and garbage."""
        items: list[Frame | BadFrame] = []
        self._refuse_half("SP80B message cut short", items)
        self._refuse_garbage(items)
        return items

    def _start(self, byte: int, items: list[Frame | BadFrame]) -> None:
        if self._message:
            self._refuse_half(f"SP80B message broken off by {byte:02x}", items)
        if byte in SIZES:
            self._refuse_garbage(items)
            self._message.append(byte)
        else:
            self._garbage.append(byte)

    def _complete(self, items: list[Frame | BadFrame]) -> None:
        message = bytes(self._message)
        if message[0] == WAVE and self._result:
            items.append(self._session_frame(self._result + message))
            self._result = b""
            self._message.clear()
            return
        if self._result:
            self._refuse_result("SP80B result without its wave", items)
        if message[0] == RESULT and message[1] not in NOTHING_MORE:
            if checksum7(message[:-1]) != message[-1]:
                self._refuse_half(f"SP80B result: checksum {checksum7(message[:-1]):02x}, not {message[-1]:02x}", items)
                return
            self._result = message
        self._message.clear()
        items.append(Frame(message, WORD, deliver=False))

    def _refuse_half(self, reason: str, items: list[Frame | BadFrame]) -> None:
        raw = self._result + bytes(self._message)
        self._result = b""
        self._message.clear()
        if raw:
            items.append(BadFrame(f"{reason} ({len(raw)} bytes kept)", raw=raw))

    def _refuse_result(self, reason: str, items: list[Frame | BadFrame]) -> None:
        items.append(BadFrame(f"{reason} ({len(self._result)} bytes kept)", raw=self._result))
        self._result = b""

    def _refuse_garbage(self, items: list[Frame | BadFrame]) -> None:
        if self._garbage:
            raw = bytes(self._garbage)
            items.append(BadFrame(f"no SP80B message ({len(raw)} bytes kept)", raw=raw))
            self._garbage.clear()


def _size(message: bytearray) -> int:
    size = SIZES[message[0]]
    if message[0] == WAVE and len(message) >= size:
        size += get_u14(bytes(message[:size]), 3) * WAVE_FRAME_SIZE
    return size
