"""The receiving end of ASTM E1381-95 / LIS1-A, section 6: whole messages out of a byte stream.

ENQ opens a session and EOT ends it; between them come frames, whose layout is `recordings.astm.frames`. Each frame is
judged by itself before it is acknowledged: its checksum and its number, one more than the last, modulo 8. A frame that
comes again because our ACK was lost is acknowledged again and counts once. The frame with the terminator record (L)
completes the message, so its ACK waits until the message is on the disk.

A damaged frame comes out as BadFrame, and behind it an empty REFUSED word, which asks the driver to say NAK.
"""

import re
from typing import Final

from clinic_records.errors import BadFrame
from devices.framing.base import Frame, StepFraming
from recordings.astm.frames import ENQ, EOT, ETX, FRAME_NUMBERS, STX, checksum

MEDIA_TYPE: Final = "application/vnd.astm.e1394"
"""One message: its frames as they came, without those that came twice."""
ENQUIRY: Final = "application/vnd.astm.e1381-enquiry"
ACCEPTED: Final = "application/vnd.astm.e1381-accepted"
REFUSED: Final = "application/vnd.astm.e1381-refused"
SILENT: Final = "application/vnd.astm.e1381-word"
"""Words of the dialogue: the first two want ACK, the third NAK, the last no answer."""
LONGEST_FRAME: Final = 64_000
"""Bytes. E1381-95 allows 247, but real analysers send a whole message in one frame, histograms as well."""
LONGEST_MESSAGE: Final = 1 << 20
_LONGEST_GARBAGE: Final = 4096
_OPENS: Final = re.compile(rb"[\x02\x04\x05]")
_ENDS: Final = re.compile(rb"[\x02\x03\x04\x05\x17]")
_LINE_ENDS: Final = b"\r\n"
_CHECKSUM_SIZE: Final = 2


class AstmReceiver(StepFraming):
    """Frames with `deliver` are whole messages; every byte comes out in exactly one `raw`."""

    def __init__(self) -> None:
        super().__init__()
        self._is_open = False
        self._message = bytearray()
        self._searched = 0
        self._record = b""
        self._last = b""

    def idle(self) -> list[Frame | BadFrame]:
        """The session is over: the half frame and the half message."""
        items = super().idle()
        self._close("the line fell silent", items)
        return items

    def _step(self, items: list[Frame | BadFrame], *, is_over: bool) -> bool:
        first = self._buffer[:1]
        if first == ENQ:
            self._close("a new enquiry broke in", items)
            self._is_open, self._last = True, b""
            items.append(Frame(self._take(1), ENQUIRY, deliver=False))
            return True
        if first == EOT:
            self._close("the sender ended the session", items)
            items.append(Frame(self._take(1), SILENT, deliver=False))
            return True
        if self._is_open and first == STX:
            return self._step_frame(items, is_over=is_over)
        if self._is_open and first in _LINE_ENDS:
            items.append(Frame(self._take(1), SILENT, deliver=False))
            return True
        return self._step_garbage(items, is_over=is_over)

    def _step_garbage(self, items: list[Frame | BadFrame], *, is_over: bool) -> bool:
        """What is no part of a session; outside one a frame is garbage too, for its sender waits for an answer."""
        opens = _OPENS.search(self._buffer, 1)
        size = min(opens.start() if opens else len(self._buffer), _LONGEST_GARBAGE)
        if opens is None and size < _LONGEST_GARBAGE and not is_over:
            return False
        self._refuse(size, "no ASTM frame" if self._is_open else "outside an ASTM session", items)
        return True

    def _step_frame(self, items: list[Frame | BadFrame], *, is_over: bool) -> bool:
        end = _ENDS.search(self._buffer, max(1, self._searched))
        self._searched = end.start() if end else len(self._buffer)
        body_size = end.start() if end else len(self._buffer)
        if body_size > LONGEST_FRAME:
            return self._say_no(LONGEST_FRAME, f"ASTM frame of more than {LONGEST_FRAME} bytes", items)
        if end is not None and end[0] in {STX, ENQ, EOT}:
            self._refuse(body_size, "ASTM frame broken off", items)
            return True
        size = body_size + 1 + _CHECKSUM_SIZE
        if end is None or len(self._buffer) < size + (not is_over):
            if is_over:
                self._refuse(len(self._buffer), "ASTM frame cut", items)
            return is_over
        if self._buffer[size : size + 1] and self._buffer[size] in _LINE_ENDS:
            size += 1
        fault = self._fault(bytes(self._buffer[1 : body_size + 1]), bytes(self._buffer[body_size + 1 :][:2]))
        if fault:
            return self._say_no(size, fault, items)
        self._accept(size, body_size, items)
        return True

    def _fault(self, body: bytes, stated: bytes) -> str:
        """Why this frame is not the next one, nor the last one again."""
        expected = checksum(body)
        if stated.upper() != expected:
            return f"ASTM frame: checksum {expected.decode()}, it says {stated!r}"
        number = body[:1]
        if number not in {b"0", b"1", b"2", b"3", b"4", b"5", b"6", b"7"}:
            return f"ASTM frame number {number!r}"
        is_first = number == b"1" and not self._message
        if body == self._last or is_first or int(number) == self._next():
            return ""
        return f"ASTM frame {number.decode()} where {self._next()} was expected"

    def _next(self) -> int:
        return (int(self._last[:1]) + 1) % FRAME_NUMBERS if self._last else 1

    def _accept(self, size: int, body_size: int, items: list[Frame | BadFrame]) -> None:
        body = bytes(self._buffer[1 : body_size + 1])
        raw = self._take(size)
        if body == self._last:
            items.append(Frame(raw, ACCEPTED, deliver=False))
            return
        if len(self._message) + size > LONGEST_MESSAGE:
            self._message += raw
            self._close(f"it has more than {LONGEST_MESSAGE} bytes", items)
            return
        self._message += raw
        self._last = body
        if self._ends_message(body):
            items.append(Frame(bytes(self._message), MEDIA_TYPE))
            self._message.clear()
        else:
            items.append(Frame(b"", ACCEPTED, deliver=False))

    def _ends_message(self, body: bytes) -> bool:
        """Whether the last record so far is the terminator, and its frame not one that is continued (ETB)."""
        text = self._record + body[1:-1]
        record = text[text.rstrip(_LINE_ENDS).rfind(b"\r") + 1 :]
        self._record = b"" if body[-1:] == ETX or record[-1:] == b"\r" else record
        return body[-1:] == ETX and record[:1] == b"L"

    def _say_no(self, size: int, reason: str, items: list[Frame | BadFrame]) -> bool:
        self._refuse(size, reason, items)
        items.append(Frame(b"", REFUSED, deliver=False))
        return True

    def _close(self, reason: str, items: list[Frame | BadFrame]) -> None:
        """End the session; a message without its terminator record is not whole."""
        if self._message:
            why = f"ASTM message without its end: {reason} ({len(self._message)} bytes kept)"
            items.append(BadFrame(why, raw=bytes(self._message)))
        self._message.clear()
        self._is_open, self._record, self._last = False, b"", b""

    def _take(self, size: int) -> bytes:
        self._searched = 0
        return super()._take(size)
