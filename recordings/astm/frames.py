"""The frames of ASTM E1381-95 / CLSI LIS1-A, section 6.3: what a message looks like on the line.

A frame is STX, frame number (one digit, 1 to 7, then 0, 1 ...), text, ETX or ETB, two checksum digits, CR, LF. The
checksum is the sum of all bytes from the frame number to ETX or ETB, modulo 256, as two hexadecimal digits. ETB says
that the text goes on in the next frame. Captured files often lack CR or LF, so both are optional here.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from clinic_records.errors import BadFrame, Hint

STX: Final = b"\x02"
ETX: Final = b"\x03"
EOT: Final = b"\x04"
ENQ: Final = b"\x05"
ACK: Final = b"\x06"
NAK: Final = b"\x15"
ETB: Final = b"\x17"
LONGEST_TEXT: Final = 240
"""Bytes of text in one frame by E1381-95, section 6.3.1.2; several analysers send far more in one."""
FRAME_NUMBERS: Final = 8
_FRAME: Final = re.compile(rb"\x02(.)([^\x02\x03\x17]*)([\x03\x17])(..)[\r\n]*", re.DOTALL)
_BETWEEN: Final = re.compile(rb"[\x04\x05\x06\r\n]*")
"""What a capture may hold between frames: enquiry, acknowledgements, end of transmission."""
_CHECK = Hint("重发这份结果。", "Have the device send this result again.")


def checksum(body: bytes) -> bytes:
    """The two digits for `body`: frame number to ETX or ETB."""
    return b"%02X" % (sum(body) & 0xFF)


def build_frame(number: int, text: bytes, *, is_last: bool = True) -> bytes:
    """One whole frame; `number` counts from 1 and wraps."""
    body = b"%d" % (number % FRAME_NUMBERS) + text + (ETX if is_last else ETB)
    return STX + body + checksum(body) + b"\r\n"


def frames_of(records: Iterable[bytes]) -> Iterator[bytes]:
    """A message as frames, one for each record, longer records in several (E1381-95, section 6.3.1)."""
    number = 0
    for record in records:
        text = record + b"\r"
        for at in range(0, len(text), LONGEST_TEXT):
            number += 1
            yield build_frame(number, text[at : at + LONGEST_TEXT], is_last=at + LONGEST_TEXT >= len(text))


def text_of(raw: bytes) -> tuple[bytes, int]:
    """(the text of all frames in `raw`, how often their numbers do not follow on); unframed records as they are.

    The receiver of a line refuses a frame out of turn. A capture may have frames joined by the program that wrote it,
    so there a leap is only counted.

    Raises:
        BadFrame: a frame is cut, or its checksum is wrong.
    """
    at = _skip(raw, 0)
    if raw[at : at + 1] != STX:
        return raw, 0
    text = bytearray()
    last = b""
    leaps = 0
    while at < len(raw):
        match = _FRAME.match(raw, at)
        if match is None:
            raise BadFrame(f"ASTM frame at byte {at} is cut or damaged", hint=_CHECK)
        number, body, end, stated = match.groups()
        expected = checksum(number + body + end)
        if stated.upper() != expected:
            raise BadFrame(f"ASTM frame at byte {at}: checksum {expected!r}, it says {stated!r}", hint=_CHECK)
        if number + body != last:  # else it was sent again because our ACK was lost
            leaps += not _follows(number, last, text)
            text += body
            last = number + body
        at = _skip(raw, match.end())
    return bytes(text), leaps


def _skip(raw: bytes, at: int) -> int:
    match = _BETWEEN.match(raw, at)
    return match.end() if match else at


def _follows(number: bytes, last: bytes, text: bytearray) -> bool:
    if not last or (number == b"1" and _ends_message(text)):
        return True
    return number == b"%d" % ((last[0] - ord("0") + 1) % FRAME_NUMBERS)


def _ends_message(text: bytearray) -> bool:
    start = text.rstrip(b"\r\n").rfind(b"\r") + 1
    return text[start : start + 1] == b"L"
