"""POCT1-A messages in a TCP stream (POCT1-A2, device messaging layer): XML documents one after the other.

Nothing stands between them but white space, so a document is whole when the end tag of its root has come. What kind it
is stands in the root's name; a stream that shows no root for long is noise.
"""

import re
from collections.abc import Callable
from typing import Final

from clinic_records.errors import BadFrame
from devices.framing.base import Frame

MEDIA_TYPE: Final = "application/vnd.clsi.poct1a+xml"
"""Of a message with results."""
WORD: Final = "application/vnd.clsi.poct1a-dialogue+xml"
"""Of every other message; never delivered."""
FILLER: Final = "application/vnd.clsi.poct1a-filler"
MAX_MESSAGE: Final = 1 << 20
_MAX_HEAD: Final = 4096
"""Bytes before a root element; more is no message."""
_ROOT: Final = re.compile(rb"<([A-Z]{3}\.R\d\d)[\s>]")
_LONGEST_ROOT: Final = 9
"""Bytes of the longest text `_ROOT` matches, so that one cut in two is found again."""
_PROLOGUE: Final = re.compile(rb"(\xef\xbb\xbf)?[\s\x00]*(<\?xml[^>]{0,200}\?>)?[\s\x00]*")
_WHITE: Final = b" \t\r\n\x00"


class Poct1aFraming:
    """Finds messages in one connection's bytes."""

    def __init__(self, message_frame: Callable[[str, bytes], Frame]) -> None:
        """`message_frame` makes the frame of a whole message from its kind and bytes."""
        self._message_frame = message_frame
        self._buffer = bytearray()
        self._kind = b""
        self._looked = 0

    def feed(self, data: bytes) -> list[Frame | BadFrame]:
        """Whole messages, and what was none as soon as that is certain."""
        items: list[Frame | BadFrame] = []
        self._buffer += data
        while self._in_message(items) if self._kind else self._before_message(items):
            pass
        return items

    def idle(self) -> list[Frame | BadFrame]:
        """The half message, or what lay outside."""
        items: list[Frame | BadFrame] = []
        if self._kind:
            self._refuse(len(self._buffer), "POCT1-A message cut short", items)
        else:
            self._take_outside(len(self._buffer), items)
        return items

    def _before_message(self, items: list[Frame | BadFrame]) -> bool:
        root = _ROOT.search(self._buffer, self._looked)
        if root is None or root.start() > _MAX_HEAD:
            if len(self._buffer) <= _MAX_HEAD + _LONGEST_ROOT:
                self._looked = max(0, len(self._buffer) - _LONGEST_ROOT)
                return False
            self._take_outside(_MAX_HEAD, items)
            return True
        kind = bytes(root[1])  # before the buffer, from which a match reads its groups, moves
        self._take_outside(self._head(root.start()), items)
        self._kind, self._looked = kind, 0
        return True

    def _head(self, root: int) -> int:
        """Where the message with this root begins: its XML declaration and the space before the root are its own."""
        declaration = self._buffer.rfind(b"<?xml", 0, root)
        start = declaration if declaration >= 0 else root
        prologue = _PROLOGUE.fullmatch(self._buffer, start, root)
        return start if prologue else root

    def _in_message(self, items: list[Frame | BadFrame]) -> bool:
        end_tag = b"</" + self._kind + b">"
        place = self._buffer.find(end_tag, self._looked, MAX_MESSAGE)
        if place >= 0:
            kind = self._kind.decode("ascii")
            items.append(self._message_frame(kind, self._cut(place + len(end_tag))))
            return True
        if len(self._buffer) > MAX_MESSAGE:
            self._refuse(MAX_MESSAGE, f"POCT1-A message longer than {MAX_MESSAGE} bytes", items)
            return True
        self._looked = max(0, len(self._buffer) - len(end_tag))
        return False

    def _take_outside(self, size: int, items: list[Frame | BadFrame]) -> None:
        if not size:
            return
        raw = self._cut(size)
        if raw.strip(_WHITE):
            items.append(BadFrame(f"no POCT1-A message ({len(raw)} bytes kept)", raw=raw))
        else:
            items.append(Frame(raw, FILLER, deliver=False))

    def _refuse(self, size: int, reason: str, items: list[Frame | BadFrame]) -> None:
        items.append(BadFrame(f"{reason} ({size} bytes kept)", raw=self._cut(size)))

    def _cut(self, size: int) -> bytes:
        raw = bytes(self._buffer[:size])
        del self._buffer[:size]
        self._kind, self._looked = b"", 0
        return raw
