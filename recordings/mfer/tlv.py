"""MFER's definitions: tag, length, value (ISO 22077-1, 5.2; MFER Part 1 v1.05).

A tag is one byte; MWF_ATT is followed by its channel, 7 bits a byte, more where bit 8 is set. A length below 128 is
itself, above it says how many bytes of length follow (big-endian); 128 means "until two zero bytes". A zero byte in a
tag's place is filler, MWF_END ends the file.
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from clinic_records.errors import BadFrame, Hint

BLE: Final = 0x01
TXC: Final = 0x03
BLK: Final = 0x04
CHN: Final = 0x05
SEQ: Final = 0x06
WFM: Final = 0x08
LDN: Final = 0x09
DTP: Final = 0x0A
IVL: Final = 0x0B
SEN: Final = 0x0C
OFF: Final = 0x0D
CMP: Final = 0x0E
NUL: Final = 0x12
NTE: Final = 0x16
MAN: Final = 0x17
WAV: Final = 0x1E
ATT: Final = 0x3F
PRE: Final = 0x40
SET: Final = 0x67
END: Final = 0x80
PNM: Final = 0x81
PID: Final = 0x82
AGE: Final = 0x83
SEX: Final = 0x84
TIM: Final = 0x85
UID: Final = 0x87

MAX_DEFINITIONS: Final = 20_000
_FILLER: Final = re.compile(rb"\0*")
_MAX_DEPTH: Final = 4
_LARGE: Final = frozenset({WAV, ATT, SET})
_MOST_BYTES: Final = 65_536
"""Of a definition that is no waveform and holds no others."""
Bytes = bytes | memoryview
_SEND_AGAIN = Hint("波形文件不完整或已损坏，请重发。", "The waveform file is cut or damaged; send it again.")


class Definition(NamedTuple):
    """One definition; `channel` is that of MWF_ATT, else -1.

    `view` is the value within the file; `value` a copy of it, empty where it may be large (waveform, nested ones).
    """

    tag: int
    channel: int
    value: bytes
    view: memoryview


def damaged(message: str) -> BadFrame:
    """The error of an MFER file that cannot be read; `message` names the definition."""
    return BadFrame(f"MFER: {message}", hint=_SEND_AGAIN)


def definitions(data: Bytes, depth: int = 0) -> Iterator[Definition]:
    """The definitions in order, up to MWF_END.

    Raises:
        BadFrame: one leads outside the data, they nest too deep, or there are too many.
    """
    at = count = 0
    while at < len(data):
        at += len(_FILLER.match(data, at)[0])  # type: ignore[index]  # it matches no bytes too
        if at == len(data):
            return
        tag = data[at]
        at += 1
        if tag == END:
            return
        count += 1
        if count > MAX_DEFINITIONS or depth > _MAX_DEPTH:
            raise damaged(f"more than {MAX_DEFINITIONS} definitions, or nested deeper than {_MAX_DEPTH}")
        channel, at = _channel(data, at) if tag == ATT else (-1, at)
        size, at = _length(data, at, tag)
        end = _end_of_contents(data, at, tag) if size is None else at + size
        if end > len(data):
            raise damaged(f"tag {tag:02X} at byte {at}: {end - at} bytes lead outside the file")
        if tag not in _LARGE and end - at > _MOST_BYTES:
            raise damaged(f"tag {tag:02X}: a value of {end - at} bytes")
        view = memoryview(data)[at:end]
        yield Definition(tag, channel, b"" if tag in _LARGE else bytes(view), view)
        at = end + 2 if size is None else end


def _channel(data: Bytes, at: int) -> tuple[int, int]:
    channel = 0
    for byte in data[at : at + 3]:
        at += 1
        channel = channel << 7 | byte & 0x7F
        if byte < 0x80:
            return channel, at
    raise damaged(f"channel number at byte {at} does not end")


def _length(data: Bytes, at: int, tag: int) -> tuple[int | None, int]:
    """The length, None where it is indefinite, and where the value begins."""
    if at >= len(data):
        raise damaged(f"tag {tag:02X} at the end has no length")
    first = data[at]
    at += 1
    if first < 0x80:
        return first, at
    if first == 0x80:
        return None, at
    more = first & 0x7F
    if more > 4 or at + more > len(data):
        raise damaged(f"tag {tag:02X}: a length of {more} bytes")
    return int.from_bytes(data[at : at + more], "big"), at + more


def _end_of_contents(data: Bytes, at: int, tag: int) -> int:
    """Where the two zero bytes of an indefinite value stand; values within are stepped over, not searched."""
    for _ in range(MAX_DEFINITIONS):
        if data[at : at + 2] == b"\0\0":
            return at
        if at >= len(data):
            break
        inner = data[at]
        at += 1
        if inner == 0:
            continue
        if inner == ATT:
            _, at = _channel(data, at)
        size, at = _length(data, at, inner)
        if size is None:
            raise damaged(f"tag {tag:02X}: an indefinite length within another")
        at += size
    raise damaged(f"tag {tag:02X}: its indefinite value does not end")
