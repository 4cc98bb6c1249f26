"""Messages between two marks: lines of text, sentences, packets with a start and an end. For any simple device.

What lies outside the marks, a message that is too long and one whose `check` finds a fault come out as BadFrame. Where
there is no start mark, what came before is part of the first line; `check` must then know a good line from a bad one.
"""

from collections.abc import Callable
from typing import Final

from clinic_records.errors import BadFrame
from devices.framing.base import Frame

LONGEST: Final = 4096
"""Bytes of a message, marks included, where the device's document says nothing."""


_IN_LINES: Final = "\r\n\t\x1d"
"""Control characters a good line holds: its end, tabs, and the separator of a GS1 element string."""


class DelimitedFraming:
    """Cuts at `end`, or at the first of several; begins at `start` where there is one."""

    def __init__(
        self,
        frame: Callable[[bytes], Frame],
        *,
        end: tuple[bytes, ...],
        start: bytes = b"",
        longest: int = LONGEST,
        check: Callable[[bytes], str] = lambda _: "",
    ) -> None:
        """`frame` makes the frame of a message; `check` says why one is none, or nothing."""
        self._frame = frame
        self._ends = end
        self._start = start
        self._longest = longest
        self._check = check
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Frame | BadFrame]:
        """What became complete with `data`."""
        self._buffer += data
        items: list[Frame | BadFrame] = []
        while self._step(items):
            pass
        return items

    def idle(self) -> list[Frame | BadFrame]:
        """The half message."""
        items: list[Frame | BadFrame] = []
        self._refuse(len(self._buffer), "message without its end", items)
        return items

    def _step(self, items: list[Frame | BadFrame]) -> bool:
        """One item more; False when more bytes are needed first."""
        begin = self._buffer.find(self._start)
        if begin < 0:
            keep = len(self._start) - 1
            if len(self._buffer) <= self._longest + keep:
                return False
            begin = len(self._buffer) - keep
        if begin > 0:
            self._refuse(begin, "no message", items)
            return True
        found = [(at + len(end), end) for end in self._ends if (at := self._buffer.find(end, len(self._start))) >= 0]
        size = min(found)[0] if found else len(self._buffer)
        again = self._buffer.find(self._start, 1, size) if self._start else -1
        if again > 0:
            self._refuse(again, "message broken off by another", items)
            return True
        if size > self._longest:
            self._refuse(min(size, self._longest), f"message of more than {self._longest} bytes", items)
            return True
        if not found:
            return False
        raw = bytes(self._buffer[:size])
        fault = self._check(raw)
        if fault:
            self._refuse(size, fault, items)
        else:
            del self._buffer[:size]
            items.append(self._frame(raw))
        return True

    def _refuse(self, size: int, reason: str, items: list[Frame | BadFrame]) -> None:
        raw = bytes(self._buffer[:size])
        del self._buffer[:size]
        if raw:
            items.append(BadFrame(f"{reason} ({size} bytes kept)", raw=raw))


def lines(media_type: str, longest: int = LONGEST) -> DelimitedFraming:
    """Lines of UTF-8 text ended by CR, LF or both; an empty line is no message, as the LF of CR LF makes one."""

    def frame(raw: bytes) -> Frame:
        return Frame(raw, media_type, deliver=bool(raw.strip()))

    return DelimitedFraming(frame, end=(b"\r", b"\n"), longest=longest, check=text_fault)


def text_fault(raw: bytes) -> str:
    """Why these bytes are no line of text; nothing where they are."""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return "line is not UTF-8 text"
    good = all(character.isprintable() or character in _IN_LINES for character in text)
    return "" if good else "line holds control characters"
