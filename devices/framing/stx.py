"""Messages that begin with STX, and the single control characters between them, for small laboratory devices.

Like `devices.framing.delimited`, but the dialogue's own characters come out as words for the driver, and a message
whose `check` finds a fault is followed by an empty REFUSED word, so that the driver may say NAK.
"""

import re
from collections.abc import Callable
from typing import Final

from clinic_records.errors import BadFrame
from devices.framing.base import Frame

WORD: Final = "application/vnd.clinic.control-character"
"""One character of the dialogue."""
REFUSED: Final = "application/vnd.clinic.refused"
"""A damaged message came before; the word itself is empty."""
ETX: Final = re.compile(rb"\x03")
_STX: Final = b"\x02"
_TRAILING: Final = b"\r\n\x03\x04"
"""What some devices send behind a message: line ends, ETX where the checksum came before it, EOT."""


class StxFraming:
    """One connection's messages; bounded by `longest`."""

    def __init__(
        self,
        frame: Callable[[bytes], Frame],
        *,
        end: "re.Pattern[bytes]" = ETX,
        words: bytes = b"",
        longest: int = 4096,
        check: Callable[[bytes], str] = lambda _: "",
    ) -> None:
        """`end` is how a message ends, `words` the control characters of the dialogue, `longest` in bytes.

        `frame` makes the frame of a message; `check` says why one is none, or nothing.
        """
        self._frame = frame
        self._end = end
        self._words = words
        self._longest = longest
        self._check = check
        self._buffer = bytearray()
        self._is_after_message = False

    def feed(self, data: bytes) -> list[Frame | BadFrame]:
        """What became complete with `data`."""
        self._buffer += data
        items: list[Frame | BadFrame] = []
        while self._buffer and self._step(items):
            pass
        return items

    def idle(self) -> list[Frame | BadFrame]:
        """The half message."""
        items: list[Frame | BadFrame] = []
        self._refuse(len(self._buffer), "message without its end", items)
        self._is_after_message = False
        return items

    def _step(self, items: list[Frame | BadFrame]) -> bool:
        """One item more; False when more bytes are needed first."""
        first = self._buffer[0]
        if first == _STX[0]:
            return self._step_message(items)
        if first in self._words or (self._is_after_message and first in _TRAILING):
            items.append(Frame(self._cut(1), WORD, deliver=False))
            return True
        self._is_after_message = False
        ends = (at for at, byte in enumerate(self._buffer) if byte == _STX[0] or byte in self._words)
        size = min(next(ends, len(self._buffer)), self._longest)
        if size == len(self._buffer) < self._longest:
            return False
        self._refuse(size, "no message", items)
        return True

    def _step_message(self, items: list[Frame | BadFrame]) -> bool:
        end = self._end.search(self._buffer, 1)
        size = end.end() if end else len(self._buffer)
        again = self._buffer.find(_STX, 1, size)
        if again > 0:
            self._refuse(again, "message broken off by another", items)
            return True
        if size > self._longest:
            self._refuse(self._longest, f"message of more than {self._longest} bytes", items)
            return True
        if end is None:
            return False
        fault = self._check(bytes(self._buffer[:size]))
        if fault:
            self._refuse(size, fault, items)
            items.append(Frame(b"", REFUSED, deliver=False))
        else:
            items.append(self._frame(self._cut(size)))
        self._is_after_message = True
        return True

    def _cut(self, size: int) -> bytes:
        raw = bytes(self._buffer[:size])
        del self._buffer[:size]
        return raw

    def _refuse(self, size: int, reason: str, items: list[Frame | BadFrame]) -> None:
        if size:
            items.append(BadFrame(f"{reason} ({size} bytes kept)", raw=self._cut(size)))
