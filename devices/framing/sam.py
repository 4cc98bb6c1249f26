"""The frames of the public-security SAM module in a resident ID card reader.

AA AA AA 96 69 · length u16 big-endian · content · check. The length counts content and check; the check is the
exclusive or of everything between the preamble and itself. Content from us is command, parameter, data; from the reader
SW1, SW2, SW3, data. Source: the module's protocol as its makers publish it (softs.im 身份证阅读器通信协议; eastcoms.com
508, SAM_V 通讯协议): the two agree.
"""

from collections.abc import Callable
from functools import reduce
from operator import xor
from typing import Final

from clinic_records.errors import BadFrame
from devices.framing.base import Frame, StepFraming

WORD: Final = "application/vnd.sam-v.answer"
"""Media type of an answer of the dialogue."""
PREAMBLE: Final = bytes.fromhex("AA AA AA 96 69")
HEAD: Final = len(PREAMBLE) + 2
"""Bytes before the content."""
LEAST_ANSWER: Final = 4
"""Bytes of SW1, SW2, SW3 and the check."""
LEAST_COMMAND: Final = 3
"""Bytes of command, parameter and the check."""
MOST: Final = 4096
"""Bytes a length may claim: text, photo and two fingerprints of an answer are 2,321."""
_MAX_GARBAGE: Final = 4096
"""Bytes of garbage handed over at once."""


def sam_frame(content: bytes) -> bytes:
    """The frame around `content`."""
    body = (len(content) + 1).to_bytes(2, "big") + content
    return PREAMBLE + body + bytes((reduce(xor, body),))


def is_whole_answer(raw: bytes) -> bool:
    """Whether `raw` is one answer with its right length and check."""
    size = len(raw) - HEAD
    is_framed = raw.startswith(PREAMBLE) and int.from_bytes(raw[len(PREAMBLE) : HEAD], "big") == size
    return is_framed and LEAST_ANSWER <= size <= MOST and not reduce(xor, raw[len(PREAMBLE) :])


def content_of(raw: bytes) -> bytes:
    """What a whole frame holds: SW1, SW2, SW3 and data in an answer."""
    return raw[HEAD:-1]


class SamFraming(StepFraming):
    """Finds answers in a byte stream, whatever lies between them."""

    def __init__(
        self,
        answer_frame: Callable[[bytes], Frame] = lambda raw: Frame(raw, WORD, deliver=False),
        least: int = LEAST_ANSWER,
    ) -> None:
        """`answer_frame` makes the frame of a whole answer; `least` is what a length claims at least."""
        super().__init__()
        self._answer_frame = answer_frame
        self._least = least

    def _step(self, items: list[Frame | BadFrame], *, is_over: bool) -> bool:
        buffer = self._buffer
        start = buffer.find(PREAMBLE)
        if start != 0:
            return self._skip(start, items, is_over=is_over)
        size = HEAD + int.from_bytes(buffer[len(PREAMBLE) : HEAD], "big")
        if len(buffer) >= HEAD and not self._least <= size - HEAD <= MOST:
            self._refuse(len(PREAMBLE), f"no card reader answer has {size - HEAD} bytes", items)
            return True
        if len(buffer) < HEAD or len(buffer) < size:
            if is_over:
                self._refuse(self._until_next(len(buffer)), "card reader answer cut short", items)
            return is_over
        if reduce(xor, buffer[len(PREAMBLE) : size]):
            self._refuse(self._until_next(size), "card reader answer: wrong check", items)
            return True
        items.append(self._answer_frame(self._take(size)))
        return True

    def _skip(self, start: int, items: list[Frame | BadFrame], *, is_over: bool) -> bool:
        """Hand over garbage before the next preamble; what may become one is kept while more can come."""
        size = len(self._buffer)
        if start < 0:
            may_begin = 0 if is_over else _beginning(self._buffer)
            start = size - may_begin if is_over or size - may_begin >= _MAX_GARBAGE else 0
        if start:
            self._refuse(start, "no card reader answer", items)
        return bool(start)

    def _until_next(self, size: int) -> int:
        """`size`, or less where another preamble begins inside."""
        following = self._buffer.find(PREAMBLE, 1, size)
        return following if following > 0 else size


def _beginning(buffer: bytearray) -> int:
    """How many bytes at the end may be the beginning of a preamble."""
    return next((size for size in range(len(PREAMBLE) - 1, 0, -1) if buffer.endswith(PREAMBLE[:size])), 0)
